"""What earlier waves did to the customers: the files that contact pressure looks into."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from bandit.config.campaign import Campaign
from bandit.core.days import Window
from bandit.record import exports, outcomes
from bandit.record import waves as record
from bandit.record.waves import Wave
from bandit.sources.wave_query import horizon_days

_READERS = 2
"""Digests are made without the interpreter's lock."""


class ContactHistory(NamedTuple):
    """``contacts``: decision files of other waves; ``withheld``: ids of contacts that were none.

    ``refusals``: event files; ``waves``: the waves that were looked into, by name; ``heard``: the
    last delivery of events among all that there were.
    """

    contacts: list[Path]
    withheld: list[Path]
    refusals: list[Path]
    waves: list[str]
    heard: int

    @classmethod
    def of(
        cls,
        campaign: Campaign,
        at: dt.datetime,
        but: str,
        seen: Collection[str] | None = None,
        heard: int | None = None,
        *,
        verify: bool = True,
    ) -> ContactHistory:
        """Those of the published waves other than ``but`` that can still matter at ``at``.

        A wave of the same time counts, and a later one too: its contacts are made, whatever the
        clock of this one says. ``seen`` and ``heard`` narrow them to what a wave of the record
        looked into: those waves, and refusals up to that delivery.
        Each file is checked against its digest unless ``verify`` is False: DataError names a
        damaged one.
        """
        published = [w for w in record.waves(campaign.folder) if w.name != but]
        served = [
            w for w in published if w.manifest.kind == "wave" and (seen is None or w.name in seen)
        ]
        days = campaign.pressure.refusal_days
        outcomes.hold_heard(campaign.folder, published)
        heard = outcomes.last(campaign.folder) if heard is None else heard
        refusals = (
            [] if days is None else outcomes.batches(campaign.folder, verify=verify, until=heard)
        )
        named = set()
        if days is not None and refusals:
            kinds = campaign.pressure.refusal_events
            since = Window(days, campaign.time_zone).before(at)
            named = outcomes.waves_named(refusals, kinds, since, campaign.limits.memory_mb)
        recent = _recent(campaign, at, served)
        used = [w for w in served if w in recent or w.name in named]
        withheld = [p for w in used for p in exports.withheld_files(campaign.folder, w)]
        contacts = _checked(used) if verify else [p for w in used for p in w.decisions]
        return cls(contacts, withheld, refusals, [w.name for w in used], heard)

    @classmethod
    def seen_by(cls, campaign: Campaign, wave: Wave) -> ContactHistory:
        """What a published wave looked into; of one that does not say, all before it.

        Refusals of one that does not say are all that were heard until today.
        """
        seen: Collection[str] | None = wave.manifest.past
        if seen is None:
            seen = [w.name for w in record.waves(campaign.folder) if w.at < wave.at]
        return cls.of(campaign, wave.at, wave.name, seen, wave.manifest.heard)

    @property
    def files(self) -> list[Path]:
        """Everything that the database must be allowed to read."""
        return [*self.contacts, *self.withheld, *self.refusals]


def _recent(campaign: Campaign, at: dt.datetime, served: Sequence[Wave]) -> list[Wave]:
    """Waves whose contacts still count; all where the channels stand in a table not yet read."""
    if not campaign.channel:
        return list(served)
    since = Window(horizon_days(campaign, campaign.channel), campaign.time_zone).before(at)
    return [wave for wave in served if wave.at > since]


def _checked(waves: Sequence[Wave]) -> list[Path]:
    found = [(w, p) for w in waves for p in w.decisions]
    with ThreadPoolExecutor(_READERS) as pool:
        return list(pool.map(lambda f: f[0].manifest.verified(f[0].folder, f[1].name), found))
