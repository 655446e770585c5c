"""Values, lifts and intervals of many targets and estimators from sums over units."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit.core.errors import ConfigError
from bandit.core.types import Float64
from bandit.ope.estimate import (
    Estimate,
    Question,
    Sides,
    WeightSummary,
    describe,
    effective_sample_size,
)
from bandit.ope.moment_sums import LOGGED, MomentSums, Sums
from bandit.ope.recipes import Recipe
from bandit.stats.bounds import wager
from bandit.stats.statistic import Statistic, difference, single
from bandit.stats.units import Units


class Frame(NamedTuple):
    """Unit sums of a term less the least reward, and the least and largest it can be in a row."""

    sums: Float64
    floor: float
    ceiling: float


class Moments(MomentSums):
    """Estimator moments that merge: `start`, `add` blocks, `merge` parts, then ask.

    Student t, bootstrap, Bernstein and Hoeffding rest on random groups of clusters; betting and
    adaptive intervals on ticks of consecutive rows. The price of a streamed state is
    coarseness: see `moment_sums`.
    """

    def estimate(
        self,
        target: str,
        recipe: Recipe,
        *,
        confidence: float = 0.95,
        interval: str = "student_t",
        seed: int = 0,
    ) -> Estimate:
        """Value of a target by one of the estimators."""
        return describe(
            single(self.units(target, recipe)),
            lambda: self._sides(target, recipe),
            self._weight_summary(target, recipe),
            Question(interval, confidence, seed),
            self.n,
        )

    def lift(
        self,
        target: str,
        recipe: Recipe,
        over: str = LOGGED,
        *,
        confidence: float = 0.95,
        interval: str = "student_t",
        seed: int = 0,
    ) -> Estimate:
        """Paired difference of a target and another, or the logging policy."""
        return describe(
            self.contrast(target, recipe, over),
            lambda: self._lift_sides(target, recipe, over),
            self._weight_summary(target, recipe),
            Question(interval, confidence, seed),
            self.n,
        )

    def contrast(self, target: str, recipe: Recipe, over: str = LOGGED) -> Statistic:
        """Difference of two targets as a statistic over the groups."""
        return difference(self.units(target, recipe), self.units(over, recipe))

    def units(self, target: str, recipe: Recipe) -> Units:
        """Sums over the random groups that have rows."""
        return self._units(self.groups, target, recipe)

    def tick_units(self, target: str, recipe: Recipe) -> Units:
        """Sums over the ticks, in the order of time."""
        return self._units(self.ticks, target, recipe)

    def _units(self, sums: Sums, target: str, recipe: Recipe) -> Units:
        seen = sums.rows > 0.0
        rows = sums.rows[seen]
        if target == LOGGED:
            return Units(np.zeros(len(rows)), sums.rewards[seen], rows, rows, ratio=False)
        t, e = self._place(target, recipe)
        part = sums.parts[seen, t]
        base = part[:, 1] if recipe.kind.modelled else np.zeros(len(rows))
        return Units(base, part[:, 2 + 2 * e], part[:, 3 + 2 * e], rows, recipe.kind.ratio)

    def _place(self, target: str, recipe: Recipe) -> tuple[int, int]:
        if target not in self.targets or recipe not in self.recipes:
            raise ConfigError(
                f"target {target!r} by {recipe.label} was not summed; there are "
                f"{', '.join(self.targets)} by {', '.join(r.label for r in self.recipes)}"
            )
        return self.targets.index(target), self.recipes.index(recipe)

    def _frame(self, target: str, recipe: Recipe) -> Frame:
        units, (low, high) = self.tick_units(target, recipe), self.reward_range
        if target == LOGGED:
            return Frame(units.residual - low * units.rows, 0.0, high - low)
        floor, ceiling = map(float, self.extremes[self._place(target, recipe)])
        if recipe.kind.modelled:
            return Frame(units.base + units.residual - low * units.rows, floor, ceiling)
        return Frame(units.residual - low * units.weight, floor, ceiling)

    def _sides(self, target: str, recipe: Recipe) -> Sides:
        """As `row_terms.sides_of`, on ticks."""
        low, high = self.reward_range
        units, frame = self.tick_units(target, recipe), self._frame(target, recipe)
        rows, width = units.rows, high - low
        if not recipe.kind.modelled:
            above = high * units.weight - units.residual
            return Sides(wager(frame.sums, rows, low, width), wager(above, rows, -high, width))
        floor, ceiling = frame.floor, frame.ceiling
        return Sides(
            wager(frame.sums - floor * rows, rows, low + floor, width - floor),
            wager(ceiling * rows - frame.sums, rows, -low - ceiling, ceiling),
        )

    def _lift_sides(self, target: str, recipe: Recipe, over: str) -> Sides:
        """As `row_terms.lift_sides_of`, with the floor of a difference from those of its parts."""
        one, other = self._frame(target, recipe), self._frame(over, recipe)
        rows, width = self.ticks.rows, self.reward_range[1] - self.reward_range[0]
        floor, ceiling = one.floor - other.ceiling, one.ceiling - other.floor
        sums = one.sums - other.sums
        return Sides(
            wager(sums - floor * rows, rows, floor, width - floor),
            wager(ceiling * rows - sums, rows, -ceiling, ceiling + width),
        )

    def _weight_summary(self, target: str, recipe: Recipe) -> WeightSummary:
        t, e = self._place(target, recipe)
        total, (squares, largest) = float(self.groups.parts[:, t, 0].sum()), self.weights[t, :2]
        shrunk = 0.0 if recipe.name == "dm" else self.weights[t, 2 + e] / self.n
        return WeightSummary(
            effective_sample_size(total, float(squares)),
            total / self.n,
            float(largest),
            float(shrunk),
        )
