"""Contacts that triggers decided, for whoever sends them: `outbox/<channel>/<day>.jsonl`.

A line a contact, appended once its decision is on the disk. After a kill what the record has and
the outbox may lack is appended, so a line can stand there twice, but never not at all: the
decision's id is by what a receiver tells them.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bandit.core import files
from bandit.core.errors import DataError

OUTBOX = "outbox"
_ENDING = ".jsonl"
_MOST_LINE = 1 << 16


class Box:
    """The end of one channel's file of one day; it is opened anew for each batch.

    So a receiver may take the file away at any time.
    """

    rank = 1

    def __init__(self, campaign_folder: Path, channel: str, day: str) -> None:
        self.path = campaign_folder / OUTBOX / channel / f"{day}{_ENDING}"

    def append(self, lines: Sequence[bytes]) -> None:
        """Write and sync whole lines; an end that is none, left by a kill, goes.

        OSError where the disk refuses, or where a link stands for a folder of ours.
        """
        folder = self.path.parent
        for place in (folder.parent, folder):
            if place.is_symlink():
                raise OSError(errno.ELOOP, "a link is not followed here", str(place))
            if not place.is_dir():
                place.mkdir(mode=files.PRIVATE_FOLDER)
                files.sync(place.parent)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_APPEND
        handle = os.open(self.path, flags, files.PRIVATE_FILE)
        try:
            _mend(handle)
            rest = memoryview(b"".join(lines))
            while rest:
                rest = rest[os.write(handle, rest) :]
            os.fsync(handle)
        finally:
            os.close(handle)
        files.sync(folder)

    def ids(self) -> set[str] | None:
        """The decisions that stand there; None without a file: a receiver may have taken it."""
        if not self.path.is_file():
            return None
        return {str(row.get("decision_id")) for row, _ in rows(self.path)}


def _mend(handle: int) -> None:
    """Cut the end that is no whole line."""
    size = os.fstat(handle).st_size
    end = size
    while end and os.pread(handle, 1, end - 1) != b"\n":
        step = min(end, 1 << 16)
        there = os.pread(handle, step, end - step).rfind(b"\n")
        end = end - step + there + 1
    if end != size:
        os.ftruncate(handle, end)


def boxes(campaign_folder: Path) -> list[Path]:
    """The files of all channels and days, those that a receiver has renamed or moved down too.

    DataError where a link stands for one of ours.
    """
    found = [path for path in _every(campaign_folder) if _is_ours(path)]
    files.hold_no_link(*{path.parent for path in found}, *found)
    return found


def others(campaign_folder: Path) -> list[Path]:
    """Files in the outbox that are none of ours, packed ones say: nobody looks into them."""
    return [path for path in _every(campaign_folder) if not _is_ours(path)]


def _every(campaign_folder: Path) -> list[Path]:
    parent = campaign_folder / OUTBOX
    files.hold_no_link(parent)
    files.hold_no_link(*parent.glob("*"))
    return sorted(p for p in parent.rglob("*") if p.is_file() and not p.name.startswith("."))


def _is_ours(path: Path) -> bool:
    """Whether its name says so, or its first line is a contact's."""
    if path.suffix == _ENDING:
        return True
    if path.is_symlink():
        return False
    with path.open("rb") as stream:
        first = stream.readline(_MOST_LINE)
    try:
        row = json.loads(first)
    except (ValueError, RecursionError):
        return False
    return isinstance(row, dict) and "decision_id" in row


def rows(path: Path) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Each whole line as what it says and as it stands; DataError if it is none of ours."""
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            if not line.endswith(b"\n"):
                return
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            if not isinstance(row, dict):
                raise DataError(
                    f"{path}, line {number} is no line that was written here; put it right, or move"
                    " the file out of the campaign's folder"
                )
            yield row, line
