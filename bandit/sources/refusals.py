"""Refusals that were given live: they count beside the consents, whatever the user's table says.

They are a log of our own under `streams/`, since the user's data are never written. A refusal is
never taken back here: a consent given anew belongs into the user's table once these are no more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bandit.core import files
from bandit.core.framed import Frames, framed

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
    """All that were ever given."""
    folder = campaign_folder / FOLDER
    files.hold_no_link(folder.parent, folder)
    for path in sorted(folder.glob("*.log")):
        for _, content in Frames(path):
            yield Refusal(*json.loads(content))


def next_file(campaign_folder: Path) -> Path:
    """The file that the next process writes them to."""
    folder = campaign_folder / FOLDER
    number = 1 + max((int(p.stem) for p in folder.glob("*.log") if p.stem.isdigit()), default=0)
    return folder / f"{number:06d}.log"
