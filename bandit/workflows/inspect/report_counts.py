"""What a wave did and what came of it, counted from the record batch by batch."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from bandit.config.campaign import Campaign
from bandit.core.actions import ActionSpace
from bandit.core.types import Array, Float64, Progress
from bandit.features.spec import FeatureSpec
from bandit.record import attribution
from bandit.record import outcomes as deliveries
from bandit.record.decisions import Decisions
from bandit.record.waves import Wave, after
from bandit.results.inspect import Earned, Segment
from bandit.stats.means import Sums
from bandit.workflows.inspect import catalogue_today
from bandit.workflows.judge.groups import groups_of, short_columns

MOST_WAVES = 26
"""A year of fortnights; older waves are left out of the page."""


class Counted(NamedTuple):
    """Counts of one wave."""

    customers: int
    contacted: int
    groups: dict[str, int]
    grid: dict[str, dict[str, int]]
    segments: list[Segment]


def count(campaign: Campaign, wave: Wave) -> Counted:
    """What was done in a wave, and to whom; a contact that was withheld was not made."""
    actions = wave.actions
    spec = FeatureSpec.from_json(wave.manifest.features.spec)
    taken = np.zeros(len(actions), dtype=np.int64)
    groups: Counter[str] = Counter()
    columns = short_columns(spec)
    by_segment: dict[tuple[str, str], Array] = defaultdict(lambda: np.zeros_like(taken))
    customers = contacted = 0
    for batch in Decisions(campaign.folder, wave).rows("action", "group", "features"):
        made = np.where(batch.withheld, 0, batch.action)
        taken += np.bincount(made, minlength=len(taken))
        action = made[batch.first]
        customers += len(action)
        contacted += int((action != 0).sum())
        groups.update(batch.texts("group")[batch.first].tolist())
        contexts = batch.contexts[batch.first]
        for column in columns:
            for name, member in groups_of(spec, contexts, column):
                chosen = action[member]
                by_segment[column.name, name] += np.bincount(chosen, minlength=len(taken))
    return Counted(
        customers,
        contacted,
        dict(groups.most_common()),
        _grid(actions, taken),
        [_segment(key, counts, actions) for key, counts in by_segment.items()],
    )


def _grid(actions: ActionSpace, taken: Array) -> dict[str, dict[str, int]]:
    """Contacts by offer and channel, the most frequent offer first."""
    grid: dict[str, dict[str, int]] = {}
    for (offer, channel), number in zip(actions.pairs, taken[1:].tolist(), strict=True):
        if number:
            grid.setdefault(offer, {})[channel] = number
    return dict(sorted(grid.items(), key=lambda item: -sum(item[1].values())))


def _segment(key: tuple[str, str], counts: Array, actions: ActionSpace) -> Segment:
    most = actions[int(counts[1:].argmax()) + 1] if counts[1:].any() else "–"
    total = int(counts.sum())
    return Segment(key[0], key[1], total, total - int(counts[0]), most)


def earned(
    campaign: Campaign,
    waves: Sequence[Wave],
    every: Sequence[Wave],
    at: dt.datetime,
    progress: Progress,
) -> tuple[list[Earned], list[str]]:
    """Expected and realised net reward a customer, by wave and group, all slots together.

    ``every`` are all waves of the campaign: those after ``waves`` may claim outcomes too.
    """
    today = catalogue_today.of(campaign, waves)
    shown = waves[-MOST_WAVES:]
    notes = [] if len(shown) == len(waves) else [f"only the last {MOST_WAVES} waves are shown"]
    window = campaign.window
    progress.step("joining decisions and outcomes", total=len(shown))
    found: list[Earned] = []
    connection = attribution.connect(campaign.limits.memory_mb)
    try:
        attribution.load_events(connection, deliveries.batches(campaign.folder))
        for wave in shown:
            decisions = Decisions(campaign.folder, wave, today)
            later = after(every, wave, window)
            rewards = attribution.attribute(connection, decisions, later, window).rewards
            found += _of_wave(decisions, rewards, closed=wave.end(window) <= at)
            notes += decisions.notes
            progress.advance(1)
    finally:
        connection.close()
    if any(not e.closed for e in found):
        notes.append("the window of the newest waves is open: more may come of them")
    return found, notes


def _of_wave(decisions: Decisions, rewards: Float64, *, closed: bool) -> list[Earned]:
    """Each customer is one unit of the interval, whatever slots and lists he had."""
    realised: dict[str, Sums] = defaultdict(Sums)
    expected: dict[str, float] = defaultdict(float)
    for unit in _customers(decisions, rewards):
        for name in dict.fromkeys(unit.group.tolist()):
            mine = unit.group == name
            realised[name] = realised[name].merge(Sums.of(unit.net[mine]))
            expected[name] += float(unit.expected[mine].sum())
    wave = decisions.wave.name
    return [
        Earned(wave, name, s.n, expected[name] / s.n, *s.interval(), closed)
        for name, s in realised.items()
        if s.n
    ]


class _Units(NamedTuple):
    """Customers of a wave: their ``group``, ``net`` and ``expected`` reward over all slots [n]."""

    group: Array
    net: Float64
    expected: Float64


def _customers(decisions: Decisions, rewards: Float64) -> Iterator[_Units]:
    """Whole customers batch by batch: rows of one stand together, and a batch may end between."""
    last: tuple[object, _Units] | None = None
    columns = ("customer_id", "action", "group", "value", "cost", "expected_value")
    for rows in decisions.rows(*columns):
        if not len(rows):
            continue
        ids = rows.customers.to_numpy(zero_copy_only=False)
        starts = np.flatnonzero(np.append(True, ids[1:] != ids[:-1]))
        net, expected = (
            np.add.reduceat(column, starts)
            for column in (rows.net(rewards[rows.place]), rows.expected)
        )
        units = _Units(rows.texts("group")[starts], net, expected)
        if last is not None:
            key, open_ = last
            if key == ids[0]:
                net[0] += open_.net[0]
                expected[0] += open_.expected[0]
            else:
                yield open_
        yield _Units(*(column[:-1] for column in units))
        last = ids[-1], _Units(*(column[-1:] for column in units))
    if last is not None:
        yield last[1]
