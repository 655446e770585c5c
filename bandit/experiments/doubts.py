"""How far an arm's spread may be off where hardly anybody bought: both arms hold the error up.

Of an arm of a hundred nobody may have bought where one in three hundred does. Its own variance is
nothing then, and what the large arm shows is many standard errors away: such an arm was said to be
worse in up to half of the experiments in which nothing was done to it (docs/adr/0415).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit.core.types import Array, Float64

WORTH = 10.0
"""How many units the spread that both arms show is worth against an arm's own."""


class Doubts(NamedTuple):
    """What the variance of an arm's mean lacks, of the treated and of the control."""

    treated: float = 0.0
    control: float = 0.0


CERTAIN = Doubts()


class Moved(NamedTuple):
    """By how much each unit of an arm moves its mean, ``influence`` float64[u] summing to nothing.

    ``size`` is what the mean is divided by.
    """

    influence: Float64
    size: float

    @property
    def own(self) -> float:
        """Variance of the mean by the arm's own units, Σψ²."""
        return float(self.influence @ self.influence)

    @property
    def residual(self) -> Float64:
        """What each unit has over the arm's mean, float64[u]."""
        return np.asarray(self.influence * self.size, np.float64)


def by_unit(influence: Float64, place: Array | None) -> Float64:
    """Σ of the rows of each unit, ``place`` int[n] saying which; each row is one where absent."""
    if place is None:
        return influence
    _, unit = np.unique(place, return_inverse=True)
    return np.asarray(np.bincount(unit, weights=influence), np.float64)


def doubts(treated: Moved, control: Moved) -> Doubts:
    """An arm's variance is a mean of its own and of what both arms show, which counts as `WORTH`.

    `WORTH` units against its own m = (Σr²)²/Σr⁴, how many equal residuals would be as uncertain of
    their square: no more than an arm of its size would have if it were like both, since what nobody
    has says nothing (that of all the same was spent on contacts, say). Never less than its own.
    """
    sides = treated, control
    square = np.concatenate([side.residual for side in sides]) ** 2
    fourth = float(square @ square)
    if not fourth > 0.0:
        return CERTAIN
    each, heard = float(square.mean()), float(square.sum()) ** 2 / fourth / len(square)
    return Doubts(*(_lacks(side, each, heard * len(side.influence)) for side in sides))


def _lacks(side: Moved, each: float, most: float) -> float:
    """``each`` is the variance of a unit by both arms, ``most`` the m that it may have."""
    square = side.residual**2
    fourth = float(square @ square)
    heard = min(most, float(square.sum()) ** 2 / fourth) if fourth > 0.0 else 0.0
    whole = len(square) * each / side.size**2
    return max(0.0, WORTH * (whole - side.own) / (heard + WORTH))
