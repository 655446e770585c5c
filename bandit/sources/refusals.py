"""Refusals given live, or kept of who is forgotten: they count, whatever the user's table says.

They are a log of our own under `streams/`, since the user's data are never written. A refusal is
never taken back here: a consent given anew belongs into the user's table once these are no more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bandit.core import files
from bandit.core.errors import DataError
from bandit.core.framed import Frames, framed, is_last

FOLDER = Path("streams") / "refusals"


class Refusal(NamedTuple):
    """``channel`` is None for every channel; ``at`` is when it was given, in UTC."""

    customer: int | str
    channel: str | None
    at: str


def frame(refusal: Refusal) -> bytes:
    """How it is written down."""
    return framed(json.dumps(refusal).encode())


def read(campaign_folder: Path) -> Iterator[Refusal]:
    """All that were ever given; DataError where one is damaged."""
    for path in logs(campaign_folder):
        for place, content in Frames(path, may_be_torn=is_last(path)):
            try:
                yield Refusal(*json.loads(content))
            except (ValueError, TypeError):
                raise DataError(f"{path}: the frame at byte {place} is none of ours") from None


def logs(campaign_folder: Path) -> list[Path]:
    """The log's files, the oldest first; DataError where a link stands for a folder."""
    folder = campaign_folder / FOLDER
    files.hold_no_link(folder.parent, folder)
    return sorted(folder.glob("*.log"))


def next_file(campaign_folder: Path) -> Path:
    """The file that the next process writes them to."""
    folder = campaign_folder / FOLDER
    number = 1 + max((int(p.stem) for p in folder.glob("*.log") if p.stem.isdigit()), default=0)
    return folder / f"{number:06d}.log"
