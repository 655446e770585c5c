"""What an estimator returns, and how its interval is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from bandit.errors import ConfigError, DataError
from bandit.ope import bounds, checks
from bandit.ope.units import Units, influence, standard_error_of, value_of
from bandit.types import Float64


@dataclass(frozen=True)
class Estimate:
    """Value of a policy per row, in the unit of the reward, with what it rests on.

    ``lower`` and ``upper`` hold the interval at the confidence asked for, half of the risk on each
    side; ``effective_sample_size`` is (Σw)²/Σw², ``mean_weight`` should be near one,
    ``clipped_share`` is the share of rows whose weight was shrunk.
    """

    value: float
    standard_error: float
    lower: float
    upper: float
    effective_sample_size: float
    mean_weight: float
    max_weight: float
    clipped_share: float
    n: int


class WeightSummary(NamedTuple):
    """Effective sample size, mean and largest weight, and the share that was shrunk."""

    effective_sample_size: float
    mean_weight: float
    max_weight: float
    clipped_share: float


class Sides(NamedTuple):
    """Wagers from below on the value and on its negative, for betting and adaptive intervals."""

    below: bounds.Wager
    above: bounds.Wager


def summarise_weights(weights: Float64, shrunk: Float64) -> WeightSummary:
    """Describe the weights π_e/π_b float64[n] before they were shrunk."""
    squares = float(np.dot(weights, weights))
    total = float(weights.sum())
    return WeightSummary(
        total * total / squares if squares > 0.0 else 0.0,
        total / len(weights),
        float(weights.max()),
        float(np.mean(shrunk != weights)),
    )


def interval(
    units: Units, sides: Callable[[], Sides], method: str, confidence: float, seed: int
) -> tuple[float, float]:
    """Two-sided interval of ``value_of(units)``; ``sides`` is asked only by the sequences.

    Raises
    ------
    ConfigError
        An unknown method or a confidence outside (0, 1).
    DataError
        Fewer than two units, or a self-normalised estimator without any weight.
    """
    risk = 0.5 * (1.0 - checks.probability("confidence", confidence))
    if len(units.rows) < 2:
        raise DataError(
            "an interval needs at least 2 independent rows or clusters, this log has 1; "
            "gather more before judging"
        )
    value = value_of(units)
    if np.isnan(value):
        raise DataError(
            "every weight is 0: the target never takes an action that was logged; "
            "no value can be had from this log"
        )
    if method == "bootstrap":
        return _percentiles(units, risk, seed)
    if method in SEQUENCES:
        limit = SEQUENCES[method]
        both = sides()
        return limit(both.below, risk), -limit(both.above, risk)
    if method not in bounds.HALF_WIDTHS:
        raise ConfigError(f"unknown interval {method!r}; choose one of {', '.join(METHODS)}")
    half = bounds.HALF_WIDTHS[method]
    effects = len(units.rows) * influence(units)
    return value - half(value + effects, risk), value + half(-value - effects, risk)


def _percentiles(units: Units, risk: float, seed: int) -> tuple[float, float]:
    """Ratio bootstrap: numerator and denominator are drawn together."""
    sums = np.stack([units.base, units.residual, units.weight, units.rows], axis=1)
    values = replicate_values(bounds.resampled(sums, seed), ratio=units.ratio)
    lower, upper = np.quantile(values[np.isfinite(values)], [risk, 1.0 - risk])
    return float(lower), float(upper)


def replicate_values(totals: Float64, *, ratio: bool) -> Float64:
    """Values from totals [..., 4] of base, residual, weight, rows; NaN without any weight."""
    base, residual, weight, rows = np.moveaxis(totals, -1, 0)
    denominator = np.where(weight > 0.0, weight, np.nan) if ratio else rows
    return np.asarray(base / rows + residual / denominator)


def describe(
    units: Units,
    sides: Callable[[], Sides],
    weights: WeightSummary,
    *,
    confidence: float,
    method: str,
    seed: int,
) -> Estimate:
    """Put value, standard error, interval and weights together."""
    lower, upper = interval(units, sides, method, confidence, seed)
    error = standard_error_of(influence(units))
    return Estimate(value_of(units), error, lower, upper, *weights, n=round(units.n))


SEQUENCES = {"betting": bounds.betting, "adaptive": bounds.adaptive}
METHODS = ("bootstrap", *bounds.HALF_WIDTHS, *SEQUENCES)
