"""What earlier waves did to the customers: the files that contact pressure looks into."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import NamedTuple

from bandit.campaign import Campaign
from bandit.store import outcomes, record


class Past(NamedTuple):
    """``contacts``: decision files of earlier waves; ``refusals``: event files."""

    contacts: list[Path]
    refusals: list[Path]

    @classmethod
    def of(cls, campaign: Campaign, at: dt.datetime, but: str | None = None) -> Past:
        """All before ``at``, the wave ``but`` left out."""
        earlier = [w for w in record.waves(campaign.folder) if w.at <= at and w.name != but]
        served = [w for w in earlier if w.manifest["kind"] == "wave"]
        return cls(
            contacts=[file for wave in served for file in wave.decisions],
            refusals=outcomes.batches(campaign.folder),
        )

    @property
    def files(self) -> list[Path]:
        """Everything that the database must be allowed to read."""
        return [*self.contacts, *self.refusals]
