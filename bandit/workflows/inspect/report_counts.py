"""What a wave did and what came of it, counted from the record batch by batch."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bandit.config.campaign import Campaign
from bandit.core import files
from bandit.core.actions import ActionSpace
from bandit.core.types import Array, Float64, Progress
from bandit.features.spec import FeatureSpec
from bandit.record import attribution
from bandit.record import outcomes as deliveries
from bandit.record.waves import ROWS_PER_GROUP, Wave
from bandit.results.inspect import Earned, Segment
from bandit.workflows.judge.groups import groups_of, short_columns

MOST_WAVES = 26
"""A year of fortnights; older waves are left out of the page."""

Z95 = 1.959963984540054


class Counted(NamedTuple):
    """Counts of one wave."""

    customers: int
    contacted: int
    groups: dict[str, int]
    grid: dict[str, dict[str, int]]
    segments: list[Segment]


class _Sums:
    """Customers, Σ expected, Σ realised and its squares."""

    def __init__(self) -> None:
        self.customers = 0
        self.expected = self.realised = self.squares = 0.0

    def add(self, customers: int, expected: Float64, realised: Float64) -> None:
        self.customers += customers
        self.expected += float(expected.sum())
        self.realised += float(realised.sum())
        self.squares += float(realised @ realised)


def count(wave: Wave) -> Counted:
    """What was done in a wave, and to whom."""
    actions = wave.actions
    first = wave.manifest["placements"][0]
    spec = FeatureSpec.from_json(wave.manifest["features"]["spec"])
    taken = np.zeros(len(actions), dtype=np.int64)
    groups: Counter[str] = Counter()
    columns = short_columns(spec)
    by_segment: dict[tuple[str, str], Array] = defaultdict(lambda: np.zeros_like(taken))
    customers = contacted = 0
    for batch in _batches(wave, ["action", "slot", "placement", "group", "features.list.element"]):
        action = batch["action"].to_numpy()
        taken += np.bincount(action, minlength=len(taken))
        rows = np.flatnonzero(_led(batch, first))
        customers += len(rows)
        contacted += int((action[rows] != 0).sum())
        names = batch["group"].cast(pa.string()).take(pa.array(rows))
        groups.update(names.to_pylist())
        contexts = batch["features"].flatten().to_numpy().reshape(batch.num_rows, -1)[rows]
        for column in columns:
            for name, member in groups_of(spec, contexts, column):
                chosen = action[rows][member]
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
    campaign: Campaign, waves: Sequence[Wave], at: dt.datetime, progress: Progress
) -> tuple[list[Earned], list[str]]:
    """Expected and realised net reward a customer, by wave and group, all slots together."""
    shown = waves[-MOST_WAVES:]
    notes = [] if len(shown) == len(waves) else [f"only the last {MOST_WAVES} waves are shown"]
    window = dt.timedelta(days=campaign.reward.window_days)
    progress.step("joining decisions and outcomes", total=len(shown))
    found: list[Earned] = []
    connection = attribution.connect(campaign.limits.memory_mb)
    try:
        attribution.load_events(connection, deliveries.batches(campaign.folder))
        for wave in shown:
            later = [w for w in waves if wave.at < w.at < wave.at + window]
            rewards = attribution.attribute(connection, wave, later, window).rewards
            found += _of_wave(campaign, wave, rewards, closed=wave.at + window <= at)
            progress.advance(1)
    finally:
        connection.close()
    if any(not e.closed for e in found):
        notes.append("the window of the newest waves is open: more may come of them")
    return found, notes


def _of_wave(campaign: Campaign, wave: Wave, rewards: Float64, *, closed: bool) -> list[Earned]:
    """Rows of one customer stand together, so a customer's slots are summed on the way."""
    sums: dict[str, _Sums] = defaultdict(_Sums)
    first, start = wave.manifest["placements"][0], 0
    columns = ["action", "slot", "placement", "group", "expected_reward", "expected_value"]
    for batch in _batches(wave, columns):
        rows = slice(start, start + batch.num_rows)
        start += batch.num_rows
        led = _led(batch, first)
        group = batch["group"].cast(pa.string()).to_numpy(zero_copy_only=False)
        expected = batch["expected_value"].to_numpy().astype(np.float64)
        realised = _net(batch, rewards[rows], expected, campaign)
        for name in dict.fromkeys(group[led].tolist()):
            mine = group == name
            sums[name].add(int((led & mine).sum()), expected[mine], realised[mine])
    return [_earned(wave.name, name, s, closed=closed) for name, s in sums.items() if s.customers]


def _net(batch: pa.RecordBatch, rewards: Float64, expected: Float64, campaign: Campaign) -> Float64:
    """Realised net reward: the value that the decision was made with, less its costs.

    expected_value = value · expected_reward − cost, so the realised one differs by
    value · (reward − expected_reward); for values other than 1 the value is read off the record.
    """
    predicted = batch["expected_reward"].to_numpy().astype(np.float64)
    peace = batch["action"].to_numpy() == 0
    value = np.where(peace, campaign.reward.no_contact_value, 1.0)
    fixed = {o.name: o.value for o in campaign.offer if isinstance(o.value, float)}
    if any(v != 1.0 for v in fixed.values()):
        offers = batch["offer"].cast(pa.string()).to_pylist()
        value = np.array([fixed.get(o, v) for o, v in zip(offers, value.tolist(), strict=True)])
    return np.asarray(expected + value * (rewards - predicted))


def _earned(wave: str, group: str, sums: _Sums, *, closed: bool) -> Earned:
    n = sums.customers
    mean = sums.realised / n
    spread = max(sums.squares / n - mean * mean, 0.0)
    half = Z95 * math.sqrt(spread / n)
    return Earned(wave, group, n, sums.expected / n, mean, mean - half, mean + half, closed)


def _led(batch: pa.RecordBatch, first: str) -> Array:
    """Rows that stand for a customer: the first slot of the first placement."""
    placed = batch["placement"].cast(pa.string()).to_numpy(zero_copy_only=False)
    return np.asarray((batch["slot"].to_numpy() == 1) & (placed == first))


def _batches(wave: Wave, columns: list[str]) -> Iterator[pa.RecordBatch]:
    for path in wave.decisions:
        files.verify(wave.folder, path.name, wave.manifest["files"][path.name]["sha256"])
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(ROWS_PER_GROUP, columns=[*columns, "offer"])
