"""Means, and differences of means, over rows of which several belong to one person.

People are thrown into `CROWDS` crowds by a hash, and a crowd is the unit: people are independent,
so that the variance of a sum is that of the sums of crowds, whatever one person's rows have in
common. Crowds merge by adding, in memory that does not grow with the number of people.

A group's own rows are a poor judge of their spread where purchases are rare and weights differ:
what both sides of a difference show of it together holds the error up (`bandit.stats.moderated`).
"""

from __future__ import annotations

import math
from typing import NamedTuple, Self

import numpy as np

from bandit.core.types import Array, Float64, UInt64
from bandit.stats.moderated import Spread, lacking
from bandit.stats.rare import Rewards, seldom
from bandit.stats.ratios import Errors, Ratio, roi

CROWDS = 1 << 16
_MIX = np.uint64(0x9E3779B97F4A7C15)


def crowd_of(keys: UInt64) -> Array:
    """The crowd of each person by a 64-bit key, int64[n]."""
    mixed = keys * _MIX
    mixed ^= mixed >> np.uint64(29)
    return (mixed * _MIX >> np.uint64(48)).astype(np.int64)


class Crowds(NamedTuple):
    """``total`` Σx, ``people`` and ``squares`` by crowd, float64[CROWDS] each.

    People who stand for others count with weights: Σwx, Σw in ``people`` and Σw² in ``squares``.
    """

    total: Float64
    people: Float64
    squares: Float64

    @classmethod
    def none(cls) -> Self:
        """Nobody yet."""
        return cls(np.zeros(CROWDS), np.zeros(CROWDS), np.zeros(CROWDS))

    def add(self, crowd: Array, values: Float64, people: Array) -> None:
        """Add rows: ``crowd`` int[n], ``values`` float64[n], ``people`` 1 on one row a person."""
        self.total[:] += np.bincount(crowd, weights=values, minlength=CROWDS)
        self.people[:] += np.bincount(crowd, weights=people, minlength=CROWDS)
        self.squares[:] += np.bincount(crowd, weights=people * people, minlength=CROWDS)

    def merge(self, other: Self) -> Self:
        """Both groups together."""
        return type(self)(*(one + two for one, two in zip(self, other, strict=True)))

    @property
    def size(self) -> float:
        """People in all, by their weights."""
        return float(self.people.sum())

    @property
    def n(self) -> int:
        """People in all."""
        return round(self.size)

    @property
    def mean(self) -> float:
        """Σx a person; 0 for nobody."""
        size = self.size
        return float(self.total.sum()) / size if size else 0.0

    def residual(self) -> Float64:
        """Σ (x - mean) by crowd, float64[CROWDS]: it sums to nothing."""
        return np.asarray(self.total - self.mean * self.people, np.float64)

    def spread(self) -> Spread:
        """How crowds differ, for what a difference of two groups makes of it."""
        return Spread.of(self.residual(), self.people, self.squares)

    def interval(self, rewards: Rewards, every: Rewards) -> tuple[float, float, float]:
        """The mean, and the ends of its 95 % interval by what came of these and of everybody."""
        residual, size = self.residual(), max(self.size, 1.0)
        below, above = seldom(float(residual @ residual), size, rewards, every)
        return self.mean, self.mean - below / size, self.mean + above / size


class Gained:
    """What some people gained over others, in total over several waves of independent draws.

    In wave w the n people of one group gain n·(m - m'), m and m' being both groups' means. A person
    who is in several waves, in whatever group, is one unit: ψ sums what each side's mean would move
    without the crowd, R / (1 - h) of the one and -(n/n') R' / (1 - h') of the other, where R are a
    side's `Crowds.residual` and h a crowd's share of its weights.

    Σψ² is no less than what both sides show of it: to it is added what a side's `Spread` lacks
    (`lacking`), of the second one times (n/n')².
    """

    def __init__(self) -> None:
        self.people = 0
        self.total = 0.0
        self._influence = np.zeros(CROWDS)
        self._doubt = 0.0

    def add(self, one: Crowds, other: Crowds, *, by_chance: bool = True) -> None:
        """Add a wave in which both groups have somebody.

        ``by_chance``: what is summed came about by chance, as purchases do and costs do not, so
        that a side's own rows may lack what the other's show.
        """
        factor = one.size / other.size
        self.people += one.n
        self.total += one.size * (one.mean - other.mean)
        sides = one.spread(), other.spread()
        self._influence += sides[0].influence - factor * sides[1].influence
        if by_chance:
            lacks = lacking(*sides)
            self._doubt += lacks[0] + factor**2 * lacks[1]

    def mixed(self, other: Gained, share: float, factor: float) -> Gained:
        """``share`` times this and ``factor`` times another figure of the same people."""
        found = Gained()
        found.people = self.people
        found.total = share * self.total + factor * other.total
        found._influence = share * self._influence + factor * other._influence
        found._doubt = share**2 * self._doubt + factor**2 * other._doubt
        return found

    def roi(self, cost: Gained, share: float, quantile: float) -> Ratio:
        """Return on what the same people cost, ``share`` of this being the gain."""
        errors = Errors(
            share**2 * self.variance,
            cost.variance,
            share * float(self._influence @ cost._influence),
        )
        return roi(share * self.total, cost.total, errors, quantile)

    @property
    def variance(self) -> float:
        """Squared standard error of ``total``."""
        return float(self._influence @ self._influence) + self._doubt

    @property
    def error(self) -> float:
        """Standard error of ``total``."""
        return math.sqrt(self.variance)
