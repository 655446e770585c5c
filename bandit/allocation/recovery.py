"""An assignment that keeps every limit, from the one that the prices suggest.

At the best prices everybody's own choice nearly keeps the limits: at most a few near ties fall on
the wrong side. Single moves (`bandit.kernels.allocation.recovery`), cheapest first, mend these,
then use what room is left. A limit is never passed in the result; minimums are met if moves can.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit.allocation.passes import Contenders
from bandit.allocation.problem import ROUNDING, Sides
from bandit.core.types import Array, Float64, Int32
from bandit.kernels.allocation.recovery import (
    IMPROVE,
    MEND,
    apply_moves_into,
    best_moves_into,
)
from bandit.kernels.threads import spread

ROUNDS = 200
SHAKES = 40
NEVER_WORTH = 1e9
FEW = 4000
"""Entries of contenders up to which another start costs next to nothing."""
RESTARTS = 24
SCATTER = 0.5
CLOSE = 1e-4

GRAIN = 256
"""Customers that a thread takes at a time."""


class Recovered(NamedTuple):
    """An allocation within all limits.

    ``chosen`` int32[r, slots] places in the contenders' lists; ``counts`` int64[k] over all
    customers; ``value`` Σ v; ``used`` float64[m]; ``short`` float64[m] missing to the minimums.
    """

    chosen: Int32
    counts: Array
    value: float
    used: Float64
    short: Float64


class _Ledger:
    """The state that moves change, and the lists that judge them."""

    def __init__(self, people: Contenders, chosen: Int32, costs: Float64) -> None:
        problem = people.problem
        self.people, self.costs, self.chosen = people, costs, chosen
        rows, self.resource = (at.astype(np.int32) for at in np.nonzero(problem.usage))
        self.start = np.searchsorted(rows, np.arange(len(problem.usage) + 1)).astype(np.int64)
        self.amount = problem.usage[rows, self.resource]
        self.bounds = np.vstack([problem.limits, problem.minimums])
        self.bounds *= np.array([[1 + ROUNDING], [1 - ROUNDING]])
        # One unit of usage weighs the same whatever the resource is counted in.
        most = problem.usage.max(axis=0, initial=0.0)
        self.unit = 1.0 / np.where(most > 0, most, 1.0)
        self.weights = np.vstack([self.unit, self.unit])
        self.used = self.counts() @ problem.usage

    def counts(self) -> Array:
        """Contacts per action int64[k], the decided customers' included."""
        taken = self.people.action[self.chosen[self.chosen >= 0]]
        k = len(self.people.problem.usage)
        return np.bincount(taken, minlength=k) + self.people.fixed_counts

    def violated(self) -> Float64:
        """Passed limits and missed minimums, float64[2, m], in units of usage."""
        over = np.maximum(self.used - self.bounds[0], 0.0)
        under = np.maximum(self.bounds[1] - self.used, 0.0)
        return np.vstack([over, under]) * self.unit

    def move(self, mode: int) -> int:
        """Find everybody's best move, make them cheapest first; returns how many were made."""
        r = len(self.people.rows)
        score = np.empty(r)
        slot, entry = np.empty(r, np.int32), np.empty(r, np.int32)
        usage = (self.start, self.resource, self.amount)
        spread(
            best_moves_into,
            r,
            GRAIN,
            mode,
            self.people.offsets,
            self.people.action,
            self.people.value,
            self.costs,
            self.people.problem.groups,
            self.chosen,
            *usage,
            self.used,
            self.bounds,
            self.weights,
            score,
            slot,
            entry,
        )
        movers = np.flatnonzero(np.isfinite(score))
        order = movers[np.argsort(score[movers], kind="stable")]
        made = int(
            apply_moves_into(
                mode,
                order,
                self.people.action,
                slot,
                entry,
                *usage,
                self.bounds,
                self.weights,
                self.chosen,
                self.used,
            )
        )
        self.used = self.counts() @ self.people.problem.usage
        return made

    def exhaust(self, mode: int) -> None:
        """Repeat until no move is left."""
        for _ in range(ROUNDS):
            if not self.move(mode):
                return

    def mend(self) -> None:
        """Lower the violation to zero if single moves can, over the hills that weights remove."""
        self.exhaust(MEND)
        best, least = self.chosen.copy(), self.violated().sum()
        for _ in range(SHAKES):
            wrong = self.violated()
            if not wrong.any():
                return
            self.weights += (wrong > 0) * self.unit
            self.exhaust(MEND)
            if self.violated().sum() < least:
                best, least = self.chosen.copy(), self.violated().sum()
        self.chosen = best
        self.weights = np.vstack([self.unit, self.unit])
        self.used = self.counts() @ self.people.problem.usage

    def keep_limits(self) -> None:
        """Limits before minimums: give up contacts until none is passed."""
        if (self.violated()[0] > 0).any():
            floors = self.bounds[1].copy()
            self.bounds[1] = 0.0
            self.exhaust(MEND)
            self.bounds[1] = floors

    def improve(self) -> None:
        """Use the room that is left; a minimum still missed never buys a passed limit."""
        self.weights[0] = NEVER_WORTH * self.unit
        self.exhaust(IMPROVE)


def recover(
    people: Contenders, inequalities: Sides, multipliers: Float64, dual: float
) -> Recovered:
    """Keep all limits, starting from everybody's choice at the multipliers float64[s].

    Where few customers compete and their indivisibility leaves a gap to the `dual` value, starts
    from scattered prices are tried too, and the best is kept: minimums first, then value.
    """
    best = _recovered(people, inequalities.usage @ multipliers)
    if len(people.action) > FEW:
        return best
    random = np.random.Generator(np.random.Philox(len(people.action)))
    for _ in range(RESTARTS):
        if not best.short.any() and dual - best.value <= CLOSE * abs(dual):
            break
        scattered = multipliers * np.exp(SCATTER * random.standard_normal(len(multipliers)))
        other = _recovered(people, inequalities.usage @ scattered)
        best = max(best, other, key=lambda found: (-found.short.sum(), found.value))
    return best


def _recovered(people: Contenders, costs: Float64) -> Recovered:
    ledger = _Ledger(people, people.chosen(costs)[1], costs)
    ledger.mend()
    ledger.keep_limits()
    ledger.improve()
    counts = ledger.counts()
    places = ledger.chosen[ledger.chosen >= 0]
    value = float(people.value[places].sum()) + people.fixed_value
    short = np.maximum(ledger.bounds[1] - ledger.used, 0.0)
    return Recovered(ledger.chosen, counts, value, ledger.used, short)
