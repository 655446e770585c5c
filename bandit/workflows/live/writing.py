"""What waits for the disk, in the order in which it must get there."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple, Protocol


class Log(Protocol):
    """A file that is written at its end; what goes to a lower ``rank`` is on the disk before."""

    rank: int

    def append(self, frames: Sequence[bytes]) -> None:
        """Write and sync."""


class Pending(NamedTuple):
    """A frame or line that waits for its file; ``place`` in the book, None for what has none."""

    writer: Log
    frame: bytes
    place: int | None


def write(batch: Sequence[Pending]) -> None:
    """Write and sync: decisions, then what goes out, then what came of events."""
    ordered = sorted(batch, key=lambda p: p.writer.rank)
    for writer, some in groupby(ordered, key=lambda p: p.writer):
        writer.append([p.frame for p in some])
