"""A person's past by the record: decisions with chance and reason, and what came."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import duckdb

from bandit.config.campaign import Campaign
from bandit.config.section import OUTBOUND
from bandit.core.folding import fold
from bandit.record import heard, outcomes, person_money, why
from bandit.record.decisions import Decisions
from bandit.record.person_money import Lived
from bandit.record.waves import Wave
from bandit.results.customer import Moment


class Past(NamedTuple):
    """``moments`` from old to new; ``groups`` by wave, that of the first slot."""

    moments: list[Moment]
    groups: dict[str, str]
    notes: list[str]


def of(campaign: Campaign, waves: Sequence[Wave], keys: Sequence[str]) -> Past:
    """Everything in ``waves`` and the deliveries about a person of these keys."""
    moments: list[Moment] = []
    groups: dict[str, str] = {}
    named: dict[str, str] = {}
    lived: list[Lived] = []
    for wave in waves:
        for row in _rows(campaign, wave, keys):
            lived.append(Lived(wave, row, row["withheld"]))
            moments.append(_decision(wave, row, wave.manifest.unit or campaign.reward.unit))
            groups.setdefault(wave.name, row["group"])
            named[row["decision_id"]] = moments[-1].what
    refusals = {fold(kind) for kind in campaign.pressure.refusal_events}
    found = _events(campaign, keys, list(named))
    came = outcomes.said_by(campaign.folder) if found else []
    moments += [
        _event(
            row, named, refusals, person_money.money(row, lived, campaign.window),
            came[row["delivery"]],
        )
        for row in found
    ]  # fmt: skip
    return Past(sorted(moments, key=lambda m: m.at), groups, [])


def _events(
    campaign: Campaign, keys: Sequence[str], decisions: Sequence[str]
) -> list[dict[str, Any]]:
    """What was delivered about them; where nothing was, no database is opened."""
    batches = outcomes.batches(campaign.folder, verify=False)
    if not batches:
        return []
    with heard.connect(campaign.limits.memory_mb) as connection:
        try:
            return heard.events_about(connection, batches, keys, decisions)
        except duckdb.Error:
            outcomes.batches(campaign.folder)  # names the damaged file, if one is why
            raise


def _rows(campaign: Campaign, wave: Wave, keys: Sequence[str]) -> Iterator[dict[str, Any]]:
    for rows in (r for key in keys for r in Decisions(campaign.folder, wave).glance(key)):
        for row, gone in zip(rows.batch.to_pylist(), rows.withheld.tolist(), strict=True):
            yield {**row, "withheld": gone}


def _decision(wave: Wave, row: dict[str, Any], unit: str) -> Moment:
    contact = bool(row["action"]) and not row["withheld"]
    kind = "no contact"
    if contact:
        kind = "contact" if row["placement"] == OUTBOUND else "shown"
    what = f"{row['offer']} by {row['channel']}" if row["action"] else "left in peace"
    return Moment(
        at=wave.at.isoformat(),
        kind=kind,
        what=what + (" (withheld)" if row["withheld"] else ""),
        why=why.sentence(row, wave.actions, unit, live=wave.manifest.live),
        wave=wave.name,
        group=row["group"],
        probability=row["propensity"],
        reward=None,
    )


def _event(
    row: dict[str, Any],
    named: dict[str, str],
    refusals: set[str],
    money: float | None,
    source: str,
) -> Moment:
    """An outcome, or a refusal; ``named`` says what a decision was, ``money`` what it was worth."""
    decision = row["decision_id"]
    about = "names the customer" if decision is None else f"after {named.get(decision, decision)}"
    return Moment(
        at=row["occurred_at"].isoformat(),
        kind="refusal" if fold(row["event"]) in refusals else "outcome",
        what=str(row["event"]),
        why=about,
        wave=None,
        group=None,
        probability=None,
        reward=float(row["reward"]) if money is None else money,
        source=source,
    )
