"""Means, and differences of means, over rows of which several belong to one person.

People are thrown into `CROWDS` crowds by a hash, and a crowd is the unit: people are independent,
so that the variance of a sum is that of the sums of crowds, whatever one person's rows have in
common. Crowds merge by adding, in memory that does not grow with the number of people.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Self

import numpy as np

from bandit.core.types import Array, Float64, UInt64
from bandit.stats.means import around
from bandit.stats.ratios import Errors, Ratio, roi

CROWDS = 1 << 16
_MIX = np.uint64(0x9E3779B97F4A7C15)


def crowd_of(keys: UInt64) -> Array:
    """The crowd of each person by a 64-bit key, int64[n]."""
    mixed = keys * _MIX
    mixed ^= mixed >> np.uint64(29)
    return (mixed * _MIX >> np.uint64(48)).astype(np.int64)


class Crowds(NamedTuple):
    """``total`` Σx and ``people`` by crowd, float64[CROWDS] each.

    People who stand for others count with weights: Σwx, and Σw in ``people``.
    """

    total: Float64
    people: Float64

    @classmethod
    def none(cls) -> Self:
        """Nobody yet."""
        return cls(np.zeros(CROWDS), np.zeros(CROWDS))

    def add(self, crowd: Array, values: Float64, people: Array) -> None:
        """Add rows: ``crowd`` int[n], ``values`` float64[n], ``people`` 1 on one row a person."""
        self.total[:] += np.bincount(crowd, weights=values, minlength=CROWDS)
        self.people[:] += np.bincount(crowd, weights=people, minlength=CROWDS)

    def merge(self, other: Self) -> Self:
        """Both groups together."""
        return type(self)(self.total + other.total, self.people + other.people)

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

    def interval(self) -> tuple[float, float, float]:
        """The mean, and the ends of its 95 % interval."""
        residual = self.residual()
        error = math.sqrt(float(residual @ residual)) / max(self.size, 1.0)
        return (self.mean, *around(self.mean, error))


class Gained:
    """What some people gained over others, in total over several waves of independent draws.

    In wave w the n people of one group gain n·(m - m'), m and m' being both groups' means. A person
    who is in several waves, in whatever group, is one unit: ψ sums Σ (x - m) - (n/n') Σ (x' - m').
    """

    def __init__(self) -> None:
        self.people = 0
        self.total = 0.0
        self._influence = np.zeros(CROWDS)

    def add(self, one: Crowds, other: Crowds) -> None:
        """Add a wave in which both groups have somebody."""
        self.people += one.n
        self.total += one.size * (one.mean - other.mean)
        self._influence += one.residual() - one.size / other.size * other.residual()

    def mixed(self, other: Gained, share: float, factor: float) -> Gained:
        """``share`` times this and ``factor`` times another figure of the same people."""
        found = Gained()
        found.people = self.people
        found.total = share * self.total + factor * other.total
        found._influence = share * self._influence + factor * other._influence
        return found

    def roi(self, cost: Gained, share: float, quantile: float) -> Ratio:
        """Return on what the same people cost, ``share`` of this being the gain."""
        errors = Errors(
            share**2 * self._covariance(self),
            cost._covariance(cost),
            share * self._covariance(cost),
        )
        return roi(share * self.total, cost.total, errors, quantile)

    @property
    def error(self) -> float:
        """Standard error of ``total``."""
        return math.sqrt(self._covariance(self))

    def _covariance(self, other: Gained) -> float:
        return float(self._influence @ other._influence)
