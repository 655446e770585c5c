"""What the headers of a request say of it, their names in small letters."""

from __future__ import annotations

from collections.abc import Iterable

from bandit.workflows.live.gate import NotDecidedError

Headers = Iterable[tuple[bytes, bytes]]
_MOST_DIGITS = 6


def key(headers: Headers) -> str | None:
    """What a request was authorised with."""
    found = _value(headers, b"authorization")
    return None if found is None else found.decode("latin-1")


def deadline(headers: Headers) -> float | None:
    """Seconds that a request leaves for its decision; NotDecidedError for what is no number."""
    found = _value(headers, b"deadline-ms")
    if found is None:
        return None
    if not (found.isdigit() and len(found) <= _MOST_DIGITS):
        raise NotDecidedError(400, "Deadline-Ms is a whole number of milliseconds, up to 999999")
    return int(found) / 1000


def _value(headers: Headers, wanted: bytes) -> bytes | None:
    for name, value in headers:
        if name == wanted:
            return value
    return None
