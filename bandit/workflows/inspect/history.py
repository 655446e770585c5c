"""A customer's decisions over the last waves, by the record alone: "nothing three times"."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from bandit.config.campaign import Campaign
from bandit.record import waves as record
from bandit.record import why
from bandit.record.decisions import Decisions
from bandit.record.person import People
from bandit.record.waves import Wave
from bandit.results.inspect import PastDecision

MOST_WAVES = 8
"""Waves that are looked into, the newest."""


def of(campaign: Campaign, until: Wave, keys: Sequence[str]) -> list[PastDecision]:
    """What was decided for a person of these ``keys`` in the last waves up to ``until``."""
    end = (until.at, until.name)
    served = [
        w
        for w in record.waves(campaign.folder)
        if w.manifest.kind == "wave" and (w.at, w.name) <= end
    ]
    return [
        decision
        for wave in served[-MOST_WAVES:]
        for decision in _in_wave(Decisions(campaign.folder, wave), keys)
    ]


def _in_wave(decisions: Decisions, keys: Sequence[str]) -> Iterator[PastDecision]:
    wave = decisions.wave
    for rows in decisions.of(People(tuple(keys))):
        for row, gone in zip(rows.batch.to_pylist(), rows.withheld.tolist(), strict=True):
            yield _past(wave, row, withheld=gone)


def _past(wave: Wave, row: dict[str, Any], *, withheld: bool) -> PastDecision:
    peace, keep = row.get("expected_no_contact"), row.get("keep_probability")
    return PastDecision(
        wave=wave.name,
        at=wave.at.isoformat(),
        placement=row["placement"],
        slot=row["slot"],
        offer=row["offer"],
        channel=row["channel"],
        planned=why.name_of(wave.actions, why.planned_of(row)),
        group=row["group"],
        propensity=row["propensity"],
        expected_value=None if peace is None else row["expected_value"] - peace,
        cost=row.get("cost"),
        price=row["price_paid"],
        keep=1.0 if keep is None else float(keep),
        reason=why.reason_of(row),
        withheld=withheld,
    )
