"""Faults gathered so that all are told at once, and the words they share."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from typing import TypeVar

from bandit.core.errors import BanditError, ConfigError, DataError

Result = TypeVar("Result")

SHOWN = 50
"""Problems told in full; of more than that only the number."""


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
            lines = [*lines[:SHOWN], f"and {len(lines) - SHOWN} faults more"]
        raise (ConfigError if self.config else DataError)("\n".join(lines))


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a sentence that names the known thing most like `name`, or all there are."""
    names = sorted(known)
    folded = {n.lower(): n for n in names}
    close = difflib.get_close_matches(name.lower(), folded, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {folded[close[0]]!r}?"
    listed = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
    return f"; known here: {listed or 'none'}"


def shown(value: object, width: int = 80) -> str:
    """A value as it stands in a message: one line, shortened."""
    text = repr(value)
    return text if len(text) <= width else text[: width - 3] + "..."
