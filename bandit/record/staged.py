"""What an erasure has rewritten, before it is committed."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from bandit.record.person import People


class Said(NamedTuple):
    """An event that goes: its kind, whose it is, None where only its decision says so, and when."""

    kind: str
    customer: int | str | None
    at: dt.datetime


class Staged(NamedTuple):
    """Where the rewritten files wait, what goes without a successor, and whose rows were found.

    ``said``: the events that go.
    """

    campaign: Path
    stage: Path
    removals: list[str]
    found: set[str]
    said: list[Said]

    def of(self, folder: Path) -> Path:
        """Where the new files of `folder` wait."""
        place = self.stage / folder.relative_to(self.campaign)
        if not place.is_dir():
            place.mkdir(parents=True)
        return place

    def sight(self, people: People, rows: pa.Array) -> None:
        """Whose rows these are, cells that were found to be about ``people``."""
        for key in people.keys:
            if (
                key not in self.found
                and pc.any(People((key,), people.whole).mentioned(rows)).as_py()
            ):
                self.found.add(key)

    def without(self, path: Path) -> None:
        """Let `path` go."""
        self.removals.append(str(path.relative_to(self.campaign)))
