"""Faults gathered so that all are told at once, and the words they share."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from bandit.core.errors import BanditError, ConfigError, DataError
from bandit.core.wording import counted

Result = TypeVar("Result")

SHOWN = 50
"""Problems told in full; of more than that only the number."""
_NEWEST = 5


class Problems:
    """What is wrong with the configuration and with the data, until `stop` raises it."""

    def __init__(self) -> None:
        self.config: list[str] = []
        self.data: list[str] = []

    def __bool__(self) -> bool:
        return bool(self.config or self.data)

    def catch(self, error: BanditError) -> None:
        """Keep an error's lines instead of raising it."""
        kept = self.config if isinstance(error, ConfigError) else self.data
        kept.extend(str(error).splitlines())

    def attempt(self, step: Callable[[], Result]) -> Result | None:
        """What `step` returns, or None if it fails; its fault is kept."""
        try:
            return step()
        except BanditError as e:
            self.catch(e)
            return None

    def stop(self) -> None:
        """Raise everything gathered; a wrong configuration outranks wrong data."""
        lines = list(dict.fromkeys([*self.config, *self.data]))
        if not lines:
            return
        if len(lines) > SHOWN:
            lines = [*lines[:SHOWN], f"and {counted(len(lines) - SHOWN, 'fault')} more"]
        raise (ConfigError if self.config else DataError)("\n".join(lines))


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a sentence that names the known thing most like `name`, or all there are."""
    names = sorted(known)
    if (close := _alike(name, names)) is not None:
        return f"; did you mean {close!r}?"
    listed = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
    return f"; known here: {listed or 'none'}"


def newest(name: str, known: Sequence[str]) -> str:
    """The end of a sentence on what grows with time, oldest first: the newest, and one like it.

    Numbered things are all alike, so that the one most like `name` need not be the one meant.
    """
    listed = ", ".join(known[-_NEWEST:])
    if len(known) <= _NEWEST:
        return f"; it has {listed or 'none yet'}"
    close = _alike(name, known[:-_NEWEST])
    like = "" if close is None else f"; most like it: {close}"
    return f"; the newest of {len(known):,}: {listed}{like}"


def _alike(name: str, known: Iterable[str]) -> str | None:
    folded = {n.lower(): n for n in known}
    close = difflib.get_close_matches(name.lower(), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def shown(value: object, width: int = 80) -> str:
    """A value as it stands in a message: one line, shortened."""
    text = repr(value)
    return text if len(text) <= width else text[: width - 3] + "..."
