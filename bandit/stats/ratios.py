"""Intervals for the ratio of two means that are known with an error."""

from __future__ import annotations

import math
from typing import NamedTuple


class Ratio(NamedTuple):
    """``value`` numerator / denominator, between ``lower`` and ``upper``; infinite: not bounded."""

    value: float
    lower: float
    upper: float

    @property
    def bounded(self) -> bool:
        """Whether the data bound the ratio on both sides."""
        return math.isfinite(self.lower) and math.isfinite(self.upper)


class Errors(NamedTuple):
    """Sampling variances of numerator and denominator, and their covariance."""

    numerator: float
    denominator: float
    covariance: float = 0.0


def fieller(numerator: float, denominator: float, errors: Errors, quantile: float) -> Ratio:
    """All ratios R with (numerator - R denominator)² ≤ quantile² var(numerator - R denominator).

    Where the denominator's own interval touches zero the set has no ends: the limits are infinite.
    Fieller (1954), Some problems in interval estimation.
    """
    if denominator == 0.0:
        return Ratio(math.nan, -math.inf, math.inf)
    square, value = quantile * quantile, numerator / denominator
    a = denominator**2 - square * errors.denominator
    b = numerator * denominator - square * errors.covariance
    c = numerator**2 - square * errors.numerator
    if a <= 0.0:
        return Ratio(value, -math.inf, math.inf)
    root = math.sqrt(max(b * b - a * c, 0.0))
    return Ratio(value, (b - root) / a, (b + root) / a)


def roi(gain: float, cost: float, errors: Errors, quantile: float) -> Ratio:
    """(gain - cost) / cost: what came back of each unit that was spent, less that unit.

    Fieller's set of gain / cost, less 1. A cost without error gives the delta method's interval,
    (gain ± quantile se) / cost - 1; it holds 0 exactly where the interval of gain - cost does.
    """
    found = fieller(gain, cost, errors, quantile)
    return Ratio(found.value - 1.0, found.lower - 1.0, found.upper - 1.0)


def log_ratio(numerator: float, denominator: float, errors: Errors, quantile: float) -> Ratio:
    """exp(ln R ± quantile se(ln R)) by the delta method, both means positive.

    var(ln R) = var(N)/N² + var(D)/D² - 2 cov(N, D)/(N D).
    """
    variance = (
        errors.numerator / numerator**2
        + errors.denominator / denominator**2
        - 2.0 * errors.covariance / (numerator * denominator)
    )
    value, spread = numerator / denominator, math.exp(quantile * math.sqrt(max(variance, 0.0)))
    return Ratio(value, value / spread, value * spread)
