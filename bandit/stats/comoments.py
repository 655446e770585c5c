"""Count, means and central co-moments of several columns: sums that merge without cancelling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from bandit.core.types import Float64


@dataclass(frozen=True, eq=False)
class Comoments:
    """What u units of c columns come to: ``count`` u, ``mean`` float64[c].

    ``products`` float64[c, c] is Σ (x - mean)(x - mean)ᵀ over the units.
    """

    count: int
    mean: Float64
    products: Float64

    @classmethod
    def of(cls, table: Float64) -> Self:
        """Sum up ``table`` float64[u, c]."""
        if not len(table):
            width = table.shape[1]
            return cls(0, np.zeros(width), np.zeros((width, width)))
        mean = table.mean(axis=0)
        centred = table - mean
        return cls(len(table), mean, centred.T @ centred)

    def merge(self, other: Self) -> Self:
        """Pool with other units: Chan, Golub, LeVeque (1983), Algorithms for computing variance."""
        count = self.count + other.count
        if not count:
            return self
        gap = other.mean - self.mean
        share = other.count / count
        between = self.count * share * np.outer(gap, gap)
        return type(self)(count, self.mean + share * gap, self.products + other.products + between)

    @property
    def total(self) -> Float64:
        """Σ x over the units, float64[c]."""
        return np.asarray(self.count * self.mean)
