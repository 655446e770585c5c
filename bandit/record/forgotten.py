"""Who was forgotten, and on which day: by digests of their keys alone.

Who asks for a person learns that they were forgotten, instead of finding nothing; who reads the
file learns no key, unless they try keys one by one, each a costly hash. Nothing is decided by it,
and it can be deleted. See docs/adr/0260.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from bandit.core import files
from bandit.core.errors import DataError
from bandit.record.person import People, spelled_keys

NAME = "forgotten.jsonl"
AGAIN = "they are customers again since"
_COST = {"n": 1 << 13, "r": 8, "p": 1, "dklen": 16}
"""Some 20 ms and 8 MB a key."""


def with_more(campaign: Path, people: People, on: dt.date, salt: str) -> bytes:
    """The file's new content, in which ``people`` are too; ``salt`` is for the first of all."""
    kept = _content(campaign)
    first = next((line["salt"] for line in _lines(kept) if line), None)
    salt = first or hashlib.sha256(salt.encode()).hexdigest()
    keys = dict.fromkeys(_key(key, whole=people.whole) for key in people.keys)
    lines = [{"on": on.isoformat(), "salt": salt, "digest": _digest(key, salt)} for key in keys]
    return kept + b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def when(campaign: Path, keys: Sequence[str]) -> str | None:
    """The last day on which somebody of these ``keys`` was forgotten; None where nobody was."""
    lines = [line for line in _lines(_content(campaign)) if line]
    asked = {_key(key, whole=whole) for key in keys for whole in (False, True)}
    known = {
        _digest(key, salt)
        for salt in dict.fromkeys(line["salt"] for line in lines)
        for key in asked
    }
    return max((line["on"] for line in lines if line["digest"] in known), default=None)


def before(day: str | None, *since: str) -> list[str]:
    """A sentence where somebody was forgotten on a ``day``, and what came ``since``."""
    told = "; ".join([f"forgotten on {day}: what came before is gone", *since])
    return [] if day is None else [told]


def unread(campaign: Path) -> list[str]:
    """A sentence where lines are none of ours: who was forgotten by them is not known any more."""
    lines = [str(at) for at, line in enumerate(_lines(_content(campaign)), 1) if not line]
    if not lines:
        return []
    which = f"line {lines[0]} is" if len(lines) == 1 else f"lines {', '.join(lines[:5])} are"
    if len(lines) > 5:
        which = f"{len(lines)} lines, {', '.join(lines[:5])} the first, are"
    return [
        f"{campaign / NAME}: {which} not as forget writes them, so somebody whose line was there is"
        " not known to be forgotten; put the file of a backup in its place, or take such lines out"
    ]


def _key(key: str, *, whole: bool) -> str:
    """A key in one spelling, apart from those of another type."""
    people = People((key,), whole)
    if whole and people.numbers:
        return f"number {people.numbers[0]}"
    return f"text {spelled_keys((key,))[0]}"


def _digest(key: str, salt: str) -> str:
    return hashlib.scrypt(key.encode(), salt=bytes.fromhex(salt), **_COST).hex()


def _content(campaign: Path) -> bytes:
    path = campaign / NAME
    files.hold_no_link(path)
    if not path.exists():
        return b""
    try:
        content = path.read_bytes()
    except OSError as e:
        raise DataError(
            f"{path} cannot be read: {e.strerror or e}; it is a file of ours of who was forgotten:"
            " mend or remove it"
        ) from None
    return content if not content or content.endswith(b"\n") else content + b"\n"


def _lines(content: bytes) -> Iterator[dict[str, str]]:
    """Each line's day, salt and digest; nothing of a line that is none of ours."""
    for line in content.splitlines():
        found = {}
        with suppress(ValueError, KeyError, TypeError, RecursionError):
            told = json.loads(line)
            salt = bytes.fromhex(told["salt"]).hex()
            found = {
                "on": dt.date.fromisoformat(told["on"]).isoformat(),
                "salt": salt,
                "digest": str(told["digest"]),
            }
        yield found
