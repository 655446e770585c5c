"""Variances of two groups' sums where a group's own units are a poor judge of how they spread.

Of an arm of a hundred nobody may have bought yet where one in three hundred does: its own variance
is nothing then, and what the other group shows lies many standard errors away. The purchase that
did not come is missing from the mean and from its error at once; the other group can know of it. A
moderated variance is a mean of a group's own and of a prior one, each by the degrees of freedom
that speak for it (Smyth 2004, Linear models and empirical Bayes methods for assessing differential
expression in microarray experiments, section 4):

    s̃² = (d₀ s₀² + d s²) / (d₀ + d)

Here the prior s₀² is the pooled variance of both groups and d₀ is `PRIOR`. d is no number of units:
of rare and uneven values a few say nearly all, and so many as would be as uncertain of their square
if all differed by as much are (Σψ²)²/Σψ⁴. It is never less than the own variance: where contacts
cause most of what is bought, it errs to the side of saying less (docs/adr/0180, 0415, 0417, 0438).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit.core.types import Float64

PRIOR = 10.0
"""d₀: how many units the spread of both groups is worth against a group's own."""

_TINY = 1e-9


class Spread(NamedTuple):
    """How the units of one group differ, by what each moves the group's sum.

    ``influence`` float64[u] is ψ = R / (1 - h): R the unit's Σw(x - mean), which over a group sum
    to nothing, and h its share of the weights (delete-one).
    ``squares`` Σw², ``each`` s² of one of weight 1 by this group alone, ``own`` d, ``reach``
    (Σw²)²/Σw⁴: d if all differed by as much. Its ``units`` have r = R / w, which sum to ``second``
    Σr² and ``fourth`` Σr⁴.
    """

    influence: Float64
    squares: float
    each: float
    own: float
    reach: float
    units: int
    second: float
    fourth: float

    @classmethod
    def of(cls, residual: Float64, weights: Float64, squares: Float64) -> Spread:
        """Of u units, each with its R, Σw and Σw²; without weight it is not of the group."""
        there = weights > 0.0
        rest = 1.0 - weights / max(float(weights.sum()), _TINY)
        influence = np.where(rest > _TINY, residual / np.maximum(rest, _TINY), 0.0)
        some, mine = weights[there], squares[there]
        apart = some / mine * residual[there] * influence[there]
        square = (residual[there] / some) ** 2
        return cls(
            influence,
            float(mine.sum()),
            float(apart.sum()) / max(float(some.sum()), _TINY),
            _equals(influence * influence),
            _equals(mine),
            len(some),
            float(square.sum()),
            float(square @ square),
        )

    @property
    def variance(self) -> float:
        """Of the sum by the group's own units, Σψ²."""
        return float(self.influence @ self.influence)


def lacking(one: Spread, other: Spread) -> tuple[float, float]:
    """What the variance Σψ² of each group's sum lacks where values came about by chance.

        d₀ (Q s₀² - Σψ²)₊ / (d + d₀),     Q = Σw²

    d is no more than a group with these weights has if it is like both, (Σw²)²/Σw⁴ times
    (Σr²)²/(u Σr⁴): what contacts cost, or what rounding leaves where all are alike, is no evidence
    of how much people buy. By that number s₀² is a mean of both groups' s².
    """
    second, fourth = one.second + other.second, one.fourth + other.fourth
    if not fourth > 0.0:
        return 0.0, 0.0
    alike = second**2 / (fourth * (one.units + other.units))
    reach = one.reach + other.reach
    pooled = (one.each * one.reach + other.each * other.reach) / max(reach, _TINY)
    first, last = (
        short(side.variance, side.squares * pooled, min(side.own, alike * side.reach))
        for side in (one, other)
    )
    return first, last


def short(own: float, prior: float, freedom: float) -> float:
    """By how much a variance ``own`` is below the moderated one; ``freedom`` is d."""
    return max(0.0, PRIOR * (prior - own) / (freedom + PRIOR))


def _equals(squares: Float64) -> float:
    """(Σs)²/Σs²: so many equal ones would be as uneven."""
    fourth = float(squares @ squares)
    return float(squares.sum()) ** 2 / fourth if fourth > 0.0 else 0.0
