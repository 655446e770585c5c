"""Waves of format 1, which stored neither value nor cost: both rebuilt from what they did store.

They stored expected value y = value · x − cost beside expected reward x, so the rows of an action
lie on a line whose slope is its value and whose intercept is minus its cost. Where they do not (the
value hung on the customer), or where x never moved, the catalogue of today fills in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from bandit.core.types import Array, Bool, Float64
from bandit.record.waves import Wave

_LOOSE = 1e-5
"""Distance from the line, in the size of y, that single precision explains."""
_STILL = 1e-6
"""Least spread of x, in the size of x, from which a slope is read."""
_LEAST_REWARD = 1e-4
"""Least expected reward from which a customer's own value is read."""


class Terms(NamedTuple):
    """``value`` and ``cost`` float64[n]."""

    value: Float64
    cost: Float64


class Today(NamedTuple):
    """By action name: value (None where it hangs on the customer) and cost of today's catalogue."""

    terms: Mapping[str, tuple[float | None, float]]
    no_contact_value: float


class Rebuilt(NamedTuple):
    """``value`` and ``cost`` float64[k]; ``own`` bool[k]: the value hangs on the customer."""

    value: Float64
    cost: Float64
    own: Bool
    notes: list[str]

    def of(self, action: Array, reward: Array, expected: Array) -> Terms:
        """Value and cost of rows from their expected reward and value."""
        x, cost = reward.astype(np.float64), self.cost[action]
        value = self.value[action].copy()
        read = self.own[action] & (np.abs(x) > _LEAST_REWARD)
        value[read] = (expected.astype(np.float64)[read] + cost[read]) / x[read]
        return Terms(value, cost)


class _Sums:
    """Of each action's rows: n, and sums of x, y, x², xy, y² around the first row of it."""

    def __init__(self, k: int) -> None:
        self.n = np.zeros(k)
        self.origin = np.zeros((2, k))
        self.sums = np.zeros((5, k))
        self.size = np.zeros((2, k))

    def add(self, action: Array, x: Float64, y: Float64) -> None:
        fresh, where = np.unique(action, return_index=True)
        unseen = self.n[fresh] == 0
        self.origin[:, fresh[unseen]] = x[where[unseen]], y[where[unseen]]
        np.maximum.at(self.size[0], action, np.abs(x))
        np.maximum.at(self.size[1], action, np.abs(y))
        u, v = x - self.origin[0, action], y - self.origin[1, action]
        self.n += np.bincount(action, minlength=self.n.size)
        for i, term in enumerate((u, v, u * u, u * v, v * v)):
            self.sums[i] += np.bincount(action, weights=term, minlength=self.n.size)


def rebuilt(wave: Wave, batches: Iterable[pa.RecordBatch], today: Today) -> Rebuilt:
    """Read the lines off a wave's columns action, expected_reward and expected_value."""
    actions, sums = wave.actions, _Sums(len(wave.actions))
    for batch in batches:
        x = batch["expected_reward"].to_numpy().astype(np.float64)
        y = batch["expected_value"].to_numpy().astype(np.float64)
        sums.add(batch["action"].to_numpy(), x, y)
    value, cost, own = np.ones(len(actions)), np.zeros(len(actions)), np.zeros(len(actions), bool)
    guessed = []
    for a, name in enumerate(actions):
        now = today.terms.get(name, (1.0, 0.0)) if a else (today.no_contact_value, 0.0)
        found = _line(sums, a)
        if found is not None:
            value[a], cost[a] = found
            continue
        value[a], cost[a] = 1.0 if now[0] is None else now[0], now[1]
        own[a] = now[0] is None or _moves(sums, a)
        if sums.n[a] and not own[a]:
            cost[a] = _cost(sums, a, value[a])
        if sums.n[a] and a:
            guessed.append(name)
    return Rebuilt(value, cost, own, _notes(wave, guessed))


def _moves(sums: _Sums, a: int) -> bool:
    """Whether the expected reward of an action was not one and the same everywhere."""
    n = max(sums.n[a], 1.0)
    spread = sums.sums[2, a] / n - (sums.sums[0, a] / n) ** 2
    return bool(sums.n[a] > 1 and spread > (_STILL * sums.size[0, a]) ** 2)


def _line(sums: _Sums, a: int) -> tuple[float, float] | None:
    """Slope and minus intercept to six digits, or None where the rows are on no line."""
    if not _moves(sums, a):
        return None
    n = sums.n[a]
    u, v, uu, uv, vv = sums.sums[:, a] / n
    slope = (uv - u * v) / (uu - u * u)
    left = max(vv - v * v - slope * (uv - u * v), 0.0) ** 0.5
    if left > _LOOSE * sums.size[1, a]:
        return None
    x, y = u + sums.origin[0, a], v + sums.origin[1, a]
    return _digits(slope), _digits(slope * x - y)


def _cost(sums: _Sums, a: int, value: float) -> float:
    """The cost of an action whose expected reward never moved, if its value is known."""
    x, y = sums.sums[:2, a] / sums.n[a] + sums.origin[:, a]
    return _digits(value * float(x) - float(y))


def _digits(number: float) -> float:
    return float(f"{round(number, 9):.6g}")


def _notes(wave: Wave, guessed: list[str]) -> list[str]:
    said = [f"wave {wave.name} is of format 1: values and costs are read off its expected values"]
    if guessed:
        said.append(
            f"wave {wave.name} does not tell what {', '.join(guessed[:8])}"
            f"{', …' if len(guessed) > 8 else ''} was worth: today's catalogue fills in"
        )
    return said
