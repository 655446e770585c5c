"""What an estimator returns, and how its interval is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from bandit.checks import columns as checks
from bandit.core.errors import ConfigError, DataError
from bandit.core.types import Float64
from bandit.stats import bounds
from bandit.stats.statistic import Statistic, replicates


@dataclass(frozen=True)
class Estimate:
    """Value of a policy per row, in the unit of the reward, with what it rests on.

    ``lower`` and ``upper`` hold the interval at the confidence asked for, half of the risk on each
    side; ``effective_sample_size`` is (Σw)²/Σw², ``mean_weight`` should be near one,
    ``clipped_share`` is the share of rows whose weight was shrunk. ``effective_rewards`` is
    (Σz)²/Σz² of z = w r: how many equal rewards would speak for the value as loudly; below 10 no
    interval can be trusted. The value of a lift is the paired difference of two policies.

    ``lower`` and ``upper`` are NaN where no logged reward enters (the direct method): the spread of
    a model's predictions says nothing of how far the model is off.
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
    effective_rewards: float = float("nan")


class WeightSummary(NamedTuple):
    """Effective sample size, mean and largest weight, the share shrunk, effective rewards."""

    effective_sample_size: float
    mean_weight: float
    max_weight: float
    clipped_share: float
    effective_rewards: float = float("nan")


class Sides(NamedTuple):
    """Wagers from below on the value and on its negative, for betting and adaptive intervals."""

    below: bounds.Wager
    above: bounds.Wager


class Question(NamedTuple):
    """How an interval is wanted: its method, two-sided confidence, and the bootstrap's seed."""

    method: str
    confidence: float
    seed: int


def summarise_weights(
    weights: Float64, shrunk: Float64, rewards: float = float("nan")
) -> WeightSummary:
    """Describe the weights π_e/π_b float64[n] before they were shrunk; effective ``rewards``."""
    return WeightSummary(
        effective_sample_size(float(weights.sum()), float(np.dot(weights, weights))),
        float(weights.mean()),
        float(weights.max()),
        float(np.mean(shrunk != weights)),
        rewards,
    )


def effective_sample_size(total: float, squares: float) -> float:
    """(Σw)²/Σw², 0 without any weight. Kish (1965)."""
    return total * total / squares if squares > 0.0 else 0.0


def describe(
    found: Statistic,
    sides: Callable[[], Sides],
    weights: WeightSummary,
    question: Question,
    n: float,
) -> Estimate:
    """Put value, standard error, interval and weights together."""
    lower, upper = interval(found, sides, question)
    ess, mean, largest, shrunk, rewards = weights
    return Estimate(
        found.value,
        found.standard_error,
        lower,
        upper,
        ess,
        mean,
        largest,
        shrunk,
        round(n),
        rewards,
    )


def interval(
    found: Statistic, sides: Callable[[], Sides], question: Question
) -> tuple[float, float]:
    """Two-sided interval of a statistic; ``sides`` is asked only by the sequences.

    The bootstrap is studentised: value - t*(1-δ) se to value - t*(δ) se, se with its `caution`.

    Raises
    ------
    ConfigError
        An unknown method or a confidence outside (0, 1).
    DataError
        Fewer than two units, or a self-normalised estimator without any weight.
    """
    method, confidence, seed = question
    risk = 0.5 * (1.0 - checks.probability("confidence", confidence))
    if len(found.effects) < 2:
        raise DataError(
            "an interval needs at least 2 independent rows or clusters, this log has 1; "
            "gather more before judging"
        )
    if np.isnan(found.value):
        raise DataError(
            "every weight is 0: the target never takes an action that was logged; "
            "no value can be had from this log"
        )
    if method not in METHODS:
        raise ConfigError(f"unknown interval {method!r}; choose one of {', '.join(METHODS)}")
    if found.unheard:
        return float("nan"), float("nan")
    if method == "bootstrap":
        return laid_off(found, replicates([found], seed)[:, 0], risk)
    if method in bounds.SEQUENCES:
        limit, both = bounds.SEQUENCES[method], sides()
        return limit(both.below, risk), -limit(both.above, risk)
    half = bounds.HALF_WIDTHS[method]
    effects = len(found.effects) * found.effects
    value = found.value
    return value - half(value + effects, risk), value + half(-value - effects, risk)


def laid_off(found: Statistic, t: Float64, risk: float) -> tuple[float, float]:
    """Limits of a statistic by its replicates t* float64[B], ``risk`` on either side."""
    low, high = bounds.bootstrap_t(t, risk)
    error = found.caution * found.standard_error
    return found.value - high * error, found.value - low * error


METHODS = ("bootstrap", *bounds.HALF_WIDTHS, *bounds.SEQUENCES)
