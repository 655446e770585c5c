"""What the newest closed waves tell of the people whom an experiment would be about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bandit.config.campaign import Campaign
from bandit.config.experiment import (
    CURRENT,
    LEARNED,
    NO_CONTACT,
    RULES,
    SNAPSHOT,
    Arm,
    Experiment,
)
from bandit.core.types import Array, Bool, Float64, Progress, UInt64
from bandit.features.spec import FeatureSpec
from bandit.record.decisions import Decisions
from bandit.record.homes import Now, placed
from bandit.record.waves import Wave
from bandit.sources.merges import Merged
from bandit.workflows.experiment.totals import (
    BOUGHT,
    Totals,
    contacts,
    events,
    keys_of,
    outbound,
)


class Population(NamedTuple):
    """``keys`` uint64[n] of today's members-to-be, and of what each is one, ``units`` uint64[n].

    ``notes``: what is to be said of the households.
    """

    keys: UInt64
    units: UInt64
    notes: tuple[str, ...] = ()


class History(NamedTuple):
    """The population's people of ``waves``: ``totals`` by metric value over them all.

    ``group`` is what each was in at the newest one (objects), ``units`` uint64[u] of what they are
    one today, ``covariates`` float64[u] as served at the oldest one. ``reached``: of 100 people of
    the newest wave how many had something eligible, were contacted, and were on a list. ``silent``
    names the waves in whose windows no event lies.
    """

    waves: list[str]
    group: Array
    units: UInt64
    totals: dict[str, Float64]
    covariates: dict[str, Float64]
    reached: dict[str, float]
    silent: list[str]

    @property
    def people(self) -> int:
        """How many there are."""
        return len(self.group)

    def free(self) -> Bool:
        """Those who were not held out, bool[u]."""
        return np.asarray(self.group != "holdout")


def measured(
    campaign: Campaign,
    closed: Sequence[Wave],
    asked: Experiment,
    population: Population,
    people: Merged,
    progress: Progress,
) -> History:
    """Of the newest waves, as many as the experiment is to have if there are so many.

    Only people of the ``population`` who are in the newest wave count.
    """
    chosen = list(closed[-asked.waves :])
    progress.step("measuring the last waves", total=len(chosen))
    newest, oldest = chosen[-1], chosen[0]
    now = Now(people)
    keys, group, reached = _newest(campaign, newest, population.keys, now)
    totals = Totals(keys, [*dict.fromkeys([*asked.values, BOUGHT])], people)
    with events(campaign, people) as connection:
        for wave in chosen:
            totals.add(campaign, connection, wave)
            progress.advance(1)
    wanted = {m.covariate for m in asked.metric if m.covariate is not None}
    return History(
        [w.name for w in chosen],
        group,
        _units(population, keys),
        totals.all(),
        _covariates(campaign, oldest, keys, wanted, now),
        reached,
        totals.silent,
    )


def like(history: History, campaign: Campaign, arm: Arm) -> Bool | None:
    """The people who were served as an arm would serve them, bool[u]; None where nobody was."""
    labels = {s.policy: s.label for s in campaign.policy.shares}
    learns = [s for s in campaign.policy.shares if s.policy != RULES]
    learned = [max(learns, key=lambda s: s.share).label] if learns else []
    wanted = {
        NO_CONTACT: ["holdout"],
        RULES: [labels[RULES]] if RULES in labels else [],
        LEARNED: learned,
        SNAPSHOT: learned,
        CURRENT: [s.label for s in campaign.policy.shares],
    }
    names = wanted.get(arm.policy, []) if isinstance(arm.policy, str) else []
    found: Bool = np.isin(history.group.astype(str), names)
    return found if found.sum() >= 2 else None


def _newest(
    campaign: Campaign, wave: Wave, population: UInt64, now: Now
) -> tuple[UInt64, Array, dict[str, float]]:
    """Keys, rising, with the group of each and the counts of the funnel."""
    people = np.unique(population)
    keys: list[Array] = []
    groups: list[Array] = []
    counts = np.zeros(3)
    columns = ("customer_id", "group", "action", "eligible_count", "decision_id")
    for rows in Decisions(campaign.folder, wave).rows(*columns):
        own = now.of(keys_of(rows))
        _, mine = placed(people, own)
        first = mine & rows.first
        keys.append(own[first])
        groups.append(rows.texts("group")[first])
        able = rows.numbers("eligible_count") > 1
        slot = first & (rows.numbers("slot") == 1)
        counts += [(first & able).sum(), (slot & outbound(rows)).sum(),
                   (slot & contacts(rows)).sum()]  # fmt: skip
    key = np.concatenate([np.zeros(0, np.uint64), *keys])
    group = np.concatenate([np.zeros(0, object), *groups])
    _, order = np.unique(key, return_index=True)
    names = ("eligible", "contacted", "listed")
    share = 100.0 * counts / max(len(key), 1)
    return key[order], group[order], dict(zip(names, share.tolist(), strict=True))


def _units(population: Population, keys: UInt64) -> UInt64:
    order = np.argsort(population.keys, kind="stable")
    at, _ = placed(population.keys[order], keys)
    return population.units[order][at]


def _covariates(
    campaign: Campaign, wave: Wave, keys: UInt64, wanted: set[str], now: Now
) -> dict[str, Float64]:
    spec = FeatureSpec.from_json(wave.manifest.features.spec)
    places = {c: spec.names.index(c) for c in sorted(wanted) if c in spec.names}
    out = {c: np.zeros(len(keys)) for c in places}
    if not places:
        return out
    for rows in Decisions(campaign.folder, wave).rows("customer_id", "features"):
        at, mine = placed(keys, now.of(keys_of(rows)))
        for column, place in places.items():
            out[column][at] = rows.contexts[mine, place]
    return out
