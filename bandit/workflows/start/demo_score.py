"""What a wave of the demo was worth: realised, and against the best that the truth allows."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bandit.core.actions import ActionSpace
from bandit.core.types import Array, Bool, Float64
from bandit.record.decisions import Decisions
from bandit.record.waves import Wave
from bandit.results.figures import Interval
from bandit.results.start import HOLDOUT, LEARNED, RULES, WaveScore
from bandit.stats.means import Sums, around
from bandit.worlds.operator import World


class Decided(NamedTuple):
    """A wave's decisions, one a customer: ``action`` and ``eligible`` in the world's order."""

    table: pa.Table
    ids: Array
    group: Array
    action: Array
    eligible: Bool


class Totals:
    """Net reward of each customer over the waves, by group; customers are the clusters."""

    def __init__(self, customers: int) -> None:
        self._net = {g: np.zeros(customers) for g in (LEARNED, RULES)}
        self._waves = {g: np.zeros(customers) for g in (LEARNED, RULES)}

    def add(self, decided: Decided, net: Float64) -> None:
        """Count one wave."""
        for group in self._net:
            rows = decided.group == group
            self._net[group][decided.ids[rows] - 1] += net[rows]
            self._waves[group][decided.ids[rows] - 1] += 1

    def learned_less_rules(self) -> Interval:
        """A customer and wave: ratio of sums, its variance linearised by customer."""
        value, variance = 0.0, 0.0
        for group, sign in ((LEARNED, 1.0), (RULES, -1.0)):
            waves = max(self._waves[group].sum(), 1.0)
            mean = self._net[group].sum() / waves
            value += sign * mean
            variance += ((self._net[group] - mean * self._waves[group]) ** 2).sum() / waves**2
        return _interval(value, variance**0.5)


def read(world: World, folder: Path, wave: Wave) -> Decided:
    """The published decisions of a wave."""
    columns = ("decision_id", "customer_id", "offer", "channel", "action", "group", "eligible")
    found = list(Decisions(folder, wave).rows(*columns))
    table = pa.Table.from_batches([rows.batch for rows in found]).unify_dictionaries()
    offered = ActionSpace.of_pairs(pair for pair in world.actions if pair is not None)
    to = wave.actions.positions_in(offered)
    eligible = np.zeros((len(table), len(offered)), dtype=np.bool_)
    eligible[:, to] = np.concatenate([rows.eligible for rows in found])
    return Decided(
        table=table,
        ids=table["customer_id"].to_numpy(),
        group=np.concatenate([rows.texts("group") for rows in found]),
        action=to[table["action"].to_numpy()],
        eligible=eligible,
    )


def net_rewards(world: World, decided: Decided, events: pa.Table, at: dt.datetime) -> Float64:
    """float64[n]: what each decision earned inside its window, less its cost."""
    end = pa.scalar(at + dt.timedelta(days=world.window_days), pa.timestamp("us", tz="UTC"))
    inside = events.filter(pc.less(events["occurred_at"], end))
    order = np.argsort(decided.ids)
    by_customer = inside.filter(pc.is_null(inside["decision_id"]))
    named = inside.filter(pc.is_valid(inside["decision_id"]))
    row = pc.index_in(named["decision_id"], decided.table["decision_id"].combine_chunks())
    net = -world.costs[decided.action]
    np.add.at(net, row.to_numpy(), named["reward"].to_numpy())
    where = np.searchsorted(decided.ids, by_customer["customer_id"].to_numpy(), sorter=order)
    np.add.at(net, order[where], by_customer["reward"].to_numpy())
    return net


def score(
    world: World, wave: Wave, decided: Decided, net: Float64, at: dt.datetime, recent: Array
) -> WaveScore:
    """All figures of one wave."""
    rows = {g: decided.group == g for g in (LEARNED, RULES, HOLDOUT)}
    made = {g: r & (decided.action > 0) for g, r in rows.items()}
    mine, theirs = Sums.of(net[rows[LEARNED]]), Sums.of(net[rows[RULES]])
    error = math.hypot(mine.standard_error, theirs.standard_error)
    return WaveScore(
        wave=wave.name,
        customers={g: int(r.sum()) for g, r in rows.items()},
        contacts={g: int(m.sum()) for g, m in made.items()},
        per_customer={g: Sums.of(net[r]).mean for g, r in rows.items()},
        per_contact={g: Sums.of(net[m]).mean if m.any() else None for g, m in made.items()},
        learned_less_rules=_interval(mine.mean - theirs.mean, error),
        closed=_closed(world, decided, rows[LEARNED], at, recent),
    )


def _closed(world: World, decided: Decided, rows: Bool, at: dt.datetime, recent: Array) -> Interval:
    """Ratio of means over the learned policy's customers, by the delta method."""
    ids, eligible, lately = decided.ids[rows], decided.eligible[rows], recent[rows]
    if not len(ids):
        return Interval(0.0, 0.0, 0.0)
    net = world.net_values(ids, at, recent=lately)
    row = np.arange(len(ids))
    rules = net[row, world.rules_choice(eligible)]
    gained = net[row, decided.action[rows]] - rules
    room = np.where(eligible, net, -np.inf).max(axis=1) - rules
    share = gained.mean() / room.mean()
    error = Sums.of(gained - share * room).standard_error / room.mean()
    return _interval(float(share), error)


def _interval(value: float, error: float) -> Interval:
    return Interval(float(value), *around(float(value), float(error)))
