"""The mean of independent values with its standard error, from sums that merge."""

from __future__ import annotations

import math
from typing import NamedTuple, Self

from bandit.core.types import Float64
from bandit.stats.quantiles import normal_quantile


def around(value: float, error: float, confidence: float = 0.95) -> tuple[float, float]:
    """The interval value ± z·error of a figure with a normal standard error."""
    half = normal_quantile(0.5 + 0.5 * confidence) * error
    return value - half, value + half


class Sums(NamedTuple):
    """``n`` values with ``total`` Σx and ``squares`` Σx²."""

    n: int = 0
    total: float = 0.0
    squares: float = 0.0

    @classmethod
    def of(cls, values: Float64) -> Self:
        """Sum up ``values`` float64[n]."""
        return cls(len(values), float(values.sum()), float(values @ values))

    def merge(self, other: Self) -> Self:
        """Both columns together."""
        return type(self)(self.n + other.n, self.total + other.total, self.squares + other.squares)

    @property
    def mean(self) -> float:
        """Σx/n, 0 for none."""
        return self.total / self.n if self.n else 0.0

    @property
    def standard_error(self) -> float:
        """√((Σx²/n - mean²)/n), 0 for none: of n independent values."""
        if not self.n:
            return 0.0
        return math.sqrt(max(self.squares / self.n - self.mean**2, 0.0) / self.n)
