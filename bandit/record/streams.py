"""Streams: what is decided one by one, on disk before it is answered, until it becomes a wave.

A campaign's `streams/` holds a folder a day with numbered segments, ``<n>.log``, of frames
(`core.framed`). A segment is written by one process and never again after that; once it is a wave
it is called ``<n>.sealed``, and still answers what was asked on its day.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from bandit.core import files
from bandit.core.errors import LockedError, UsageError
from bandit.core.framed import holds_more_than_one
from bandit.core.schema import WAVES
from bandit.record import lock

STREAMS = "streams"
LOG, SEALED = "log", "sealed"
TURN = ".turn"
"""A file by which another process asks the one that decides to begin a new segment."""
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SEGMENT = re.compile(rf"([0-9]{{1,6}})\.({LOG}|{SEALED})")


class Segment(NamedTuple):
    """``number`` counts from 1 within its ``day``."""

    day: str
    number: int
    sealed: bool
    path: Path

    @property
    def wave(self) -> str:
        """Name of the wave that it becomes."""
        return f"live-{self.day}" + ("" if self.number == 1 else f".{self.number}")


def segments(campaign_folder: Path) -> list[Segment]:
    """All segments, the oldest first; DataError where a link stands for a folder."""
    found, parent = [], campaign_folder / STREAMS
    files.hold_no_link(parent)
    for folder in sorted(parent.iterdir()) if parent.is_dir() else ():
        if _DAY.fullmatch(folder.name) and folder.is_dir():
            files.hold_no_link(folder)
            found += [_segment(folder, path) for path in folder.iterdir() if _named(path)]
    return sorted(found, key=lambda s: (s.day, s.number))


def waiting(campaign_folder: Path) -> bool:
    """Whether live decisions are to become a wave."""
    return any(not segment.sealed for segment in segments(campaign_folder))


def torn_at_most(found: Sequence[Segment]) -> frozenset[Path]:
    """Where a run can have died: the last of all segments, and that before one just begun.

    A segment is whole before more than its head stands in the next; whoever holds the streams next
    cuts what is torn.
    """
    may = []
    for segment in reversed(found):
        if segment.sealed:
            break
        may.append(segment.path)
        if holds_more_than_one(segment.path):
            break
    return frozenset(may)


@contextmanager
def held(campaign_folder: Path, command: str) -> Iterator[None]:
    """Be the one process that decides live; LockedError names the one that does."""
    folder = campaign_folder / STREAMS
    files.hold_no_link(folder)
    folder.mkdir(mode=files.PRIVATE_FOLDER, exist_ok=True)
    with lock.hold(folder, command):
        (folder / TURN).unlink(missing_ok=True)
        yield


@contextmanager
def still(campaign_folder: Path, command: str) -> Iterator[None]:
    """Nobody begins to decide live meanwhile; where nobody ever has, there is nothing to keep."""
    if not (campaign_folder / STREAMS).is_dir():
        yield
        return
    with held(campaign_folder, command):
        yield


def sweep(campaign_folder: Path) -> list[Path]:
    """Remove files that a dead run left half-written; none while somebody decides live."""
    parent = campaign_folder / STREAMS
    files.hold_no_link(parent)
    folders = [p for p in parent.glob("*") if p.is_dir() and not p.is_symlink()]
    if not any(folder.glob(f".*{files.PARTIAL}") for folder in folders):
        return []
    with suppress(LockedError), held(campaign_folder, "recovery"):
        return [path for folder in folders for path in files.sweep(folder)]
    return []


def next_segment(campaign_folder: Path, day: str) -> Segment:
    """The one to be written next on a day, whose waves have names that no published wave has."""
    used = [s.number for s in segments(campaign_folder) if s.day == day]
    wave = re.compile(rf"live-{day}(?:\.([0-9]{{1,6}}))?(?:-.*)?")
    for path in (campaign_folder / WAVES).glob(f"live-{day}*"):
        found = wave.fullmatch(path.name)
        used += [int(found[1] or 1)] if found else []
    number = 1 + max(used, default=0)
    return Segment(day, number, False, campaign_folder / STREAMS / day / f"{number}.{LOG}")


def hold_free(campaign_folder: Path, wave: str) -> None:
    """UsageError if a segment that is no wave yet becomes one of this name."""
    for segment in segments(campaign_folder):
        if not segment.sealed and (wave == segment.wave or wave.startswith(f"{segment.wave}-")):
            raise UsageError(
                f"wave {wave!r}: {segment.path} is to become waves of such names; give another"
                " --wave"
            )


def mark_sealed(segment: Segment) -> None:
    """Say that the segment is a wave now."""
    segment.path.replace(segment.path.with_suffix(f".{SEALED}"))
    files.sync(segment.path.parent)


def drop_sealed(campaign_folder: Path, *, before: str) -> None:
    """Remove segments that are waves, of the days ``before`` one."""
    for segment in segments(campaign_folder):
        if segment.sealed and segment.day < before:
            segment.path.unlink()


def _named(path: Path) -> re.Match[str] | None:
    return _SEGMENT.fullmatch(path.name)


def _segment(folder: Path, path: Path) -> Segment:
    number, kind = path.name.split(".")
    return Segment(folder.name, int(number), kind == SEALED, path)
