"""What earlier waves did to the customers: the files that contact pressure looks into."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from bandit.config.campaign import Campaign
from bandit.core import files
from bandit.record import outcomes
from bandit.record import waves as record
from bandit.record.waves import Wave
from bandit.sources.wave_query import horizon_days

_READERS = 2
"""Digests are made without the interpreter's lock."""


class Past(NamedTuple):
    """``contacts``: decision files of earlier waves; ``refusals``: event files."""

    contacts: list[Path]
    refusals: list[Path]

    @classmethod
    def of(cls, campaign: Campaign, at: dt.datetime, but: str | None = None) -> Past:
        """Those of waves before ``at`` that can still matter, the wave ``but`` left out.

        Each file is checked against its digest: DataError names a damaged one.
        """
        earlier = [w for w in record.waves(campaign.folder) if w.at <= at and w.name != but]
        served = [w for w in earlier if w.manifest["kind"] == "wave"]
        days = campaign.pressure.refusal_days
        refusals = [] if days is None else outcomes.batches(campaign.folder)
        named = set()
        if days is not None and refusals:
            kinds = campaign.pressure.refusal_events
            named = outcomes.waves_named(refusals, kinds, at - dt.timedelta(days=days))
        recent = _recent(campaign, at, served)
        return cls(_checked([w for w in served if w in recent or w.name in named]), refusals)

    @property
    def files(self) -> list[Path]:
        """Everything that the database must be allowed to read."""
        return [*self.contacts, *self.refusals]


def _recent(campaign: Campaign, at: dt.datetime, served: Sequence[Wave]) -> list[Wave]:
    """Waves whose contacts still count; all where the channels stand in a table not yet read."""
    if not campaign.channel:
        return list(served)
    since = at - dt.timedelta(days=horizon_days(campaign, campaign.channel))
    return [wave for wave in served if wave.at > since]


def _checked(waves: Sequence[Wave]) -> list[Path]:
    digests = [(w, p, w.manifest["files"][p.name]["sha256"]) for w in waves for p in w.decisions]
    with ThreadPoolExecutor(_READERS) as pool:
        return list(pool.map(lambda d: files.verify(d[0].folder, d[1].name, d[2]), digests))
