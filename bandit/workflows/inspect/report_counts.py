"""What a wave did, counted from the record batch by batch."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from bandit.config.campaign import Campaign
from bandit.config.section import OUTBOUND
from bandit.core.actions import ActionSpace
from bandit.core.types import Array
from bandit.features.spec import FeatureSpec
from bandit.record import money
from bandit.record.decisions import Decisions
from bandit.record.money import Ledger
from bandit.record.waves import Wave
from bandit.results.inspect import Segment
from bandit.results.money import Money
from bandit.results.preference import Preference
from bandit.workflows.inspect import catalogue_today, preferences
from bandit.workflows.inspect.preferences import ALL, Met
from bandit.workflows.judge.groups import groups_of, short_columns

MOST_OFFERS = 5
"""Offers of a group that are named."""


class Counted(NamedTuple):
    """Counts of one wave."""

    customers: int
    contacted: int
    groups: dict[str, int]
    grid: dict[str, dict[str, int]]
    top: dict[str, dict[str, int]]
    segments: list[Segment]
    prefers: list[Preference]
    notes: list[str]
    outbound: Money
    inbound: Money
    costs: dict[str, float]


def count(campaign: Campaign, wave: Wave) -> Counted:
    """What was done in a wave, and to whom; a contact that was withheld was not made."""
    actions = wave.actions
    spec = FeatureSpec.from_json(wave.manifest.features.spec)
    k, columns = len(actions), short_columns(spec)
    groups: Counter[str] = Counter()
    taken: dict[str, Array] = defaultdict(lambda: np.zeros(k, np.int64))
    by_segment: dict[tuple[str, str], dict[str, Array]] = defaultdict(
        lambda: defaultdict(lambda: np.zeros(k, np.int64))
    )
    met: dict[tuple[str, str], Met] = defaultdict(lambda: Met(len(spec.names)))
    customers = contacted = 0
    ledger, inbound = Ledger(k), np.zeros(k, np.bool_)
    decisions = Decisions(campaign.folder, wave, catalogue_today.of(campaign, [wave]))
    for batch in decisions.rows("group", "features", "placement", "value", *money.COLUMNS):
        made = np.where(batch.withheld, 0, batch.action)
        group, first = batch.texts("group"), batch.first
        ledger.add(
            made, first, batch.numbers("expected_value").astype(np.float64),
            batch.expected_no_contact, batch.terms.cost, batch.numbers("price_paid"),
        )  # fmt: skip
        inbound[np.unique(batch.action[batch.texts("placement") != OUTBOUND])] = True
        customers += int(first.sum())
        contacted += int((made[first] != 0).sum())
        groups.update(group[first].tolist())
        contexts = batch.contexts[first]
        members = [(c, *g) for c in columns for g in groups_of(spec, contexts, c)]
        met[ALL].add(contexts)
        for column, value, member in members:
            met[column.name, value].add(contexts[member])
        for name in dict.fromkeys(group.tolist()):
            mine = group == name
            taken[name] += np.bincount(made[mine], minlength=k)
            for column, value, member in members:
                chosen = made[first][member & mine[first]]
                by_segment[column.name, value][name] += np.bincount(chosen, minlength=k)
    inbound[0] = False
    preferred, notes = preferences.of_wave(campaign, decisions, met)
    return Counted(
        customers,
        contacted,
        dict(groups.most_common()),
        _grid(actions, np.sum([*taken.values(), np.zeros(k, np.int64)], axis=0)),
        {name: _most(actions, counts) for name, counts in taken.items() if counts[1:].any()},
        [_segment(key, counts, actions, preferred) for key, counts in by_segment.items()],
        preferred.get(ALL, []),
        notes,
        ledger.money(~inbound & (np.arange(k) > 0)),
        ledger.money(inbound),
        ledger.costs([None, *(channel for _, channel in actions.pairs)]),
    )


def _most(actions: ActionSpace, counts: Array) -> dict[str, int]:
    """The most frequent offers of a group, with their counts."""
    order = np.argsort(-counts[1:], kind="stable")[:MOST_OFFERS] + 1
    return {actions[int(a)]: int(counts[a]) for a in order if counts[a]}


def _grid(actions: ActionSpace, taken: Array) -> dict[str, dict[str, int]]:
    """Contacts by offer and channel, the most frequent offer first."""
    grid: dict[str, dict[str, int]] = {}
    for (offer, channel), number in zip(actions.pairs, taken[1:].tolist(), strict=True):
        if number:
            grid.setdefault(offer, {})[channel] = number
    return dict(sorted(grid.items(), key=lambda item: -sum(item[1].values())))


def _segment(
    key: tuple[str, str],
    by_group: dict[str, Array],
    actions: ActionSpace,
    preferred: Mapping[tuple[str, str], list[Preference]],
) -> Segment:
    counts = np.sum(list(by_group.values()), axis=0)
    most = {
        name: actions[int(own[1:].argmax()) + 1] for name, own in by_group.items() if own[1:].any()
    }
    total = int(counts.sum())
    prefers = preferred.get(key, [])
    return Segment(key[0], key[1], total, total - int(counts[0]), most, prefers)
