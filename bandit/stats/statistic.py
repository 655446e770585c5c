"""A value, or a paired difference of two, with what each independent unit adds to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bandit.core.types import Float64
from bandit.stats.bounds import resampled
from bandit.stats.units import Units, influence, value_of


@dataclass(frozen=True, eq=False)
class Statistic:
    """``value``; ``effects`` ψ float64[u], summing to zero; ``replicates``: seed → float64[B]."""

    value: float
    effects: Float64
    replicates: Callable[[int], Float64]

    @property
    def standard_error(self) -> float:
        """√(u/(u-1) Σ ψ²): cluster robust, and paired where the statistic is a difference."""
        return standard_error_of(self.effects)


def standard_error_of(effects: Float64) -> float:
    """√(u/(u-1) Σ ψ²) of u independent units; NaN for one."""
    count = len(effects)
    if count < 2:
        return float("nan")
    return float(np.sqrt(count / (count - 1.0) * np.dot(effects, effects)))


def single(units: Units) -> Statistic:
    """Value of one policy."""
    return Statistic(value_of(units), influence(units), lambda seed: _values(seed, units)[0])


def difference(first: Units, second: Units) -> Statistic:
    """First less second on the same units: what they share cancels."""

    def replicates(seed: int) -> Float64:
        one, other = _values(seed, first, second)
        return one - other

    return Statistic(
        value_of(first) - value_of(second), influence(first) - influence(second), replicates
    )


def _values(seed: int, *several: Units) -> list[Float64]:
    """Replicates of each value from the same draws, float64[B]."""
    columns = [column for units in several for column in units[:4]]
    totals = resampled(np.stack(columns, axis=1), seed)
    return [
        replicate_values(totals[:, 4 * i : 4 * i + 4], ratio=units.ratio)
        for i, units in enumerate(several)
    ]


def replicate_values(totals: Float64, *, ratio: bool) -> Float64:
    """Values from totals [..., 4] of base, residual, weight, rows; NaN without any weight."""
    base, residual, weight, rows = np.moveaxis(totals, -1, 0)
    denominator = np.where(weight > 0.0, weight, np.nan) if ratio else rows
    return np.asarray(base / rows + residual / denominator)
