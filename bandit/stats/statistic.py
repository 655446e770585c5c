"""A value, or a paired difference of two, with what each independent unit adds to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bandit.core.types import Float64
from bandit.stats.bounds import Parts, studentised
from bandit.stats.units import Units, influence, value_of


@dataclass(frozen=True, eq=False)
class Statistic:
    """``value``; ``effects`` ψ float64[u], summing to zero; the ``units`` of one policy or of two.

    ``caution`` ≥ 1 is how much wider than the sample says the bootstrap takes the standard error:
    see `bandit.stats.rare`.
    """

    value: float
    effects: Float64
    units: tuple[Units, ...]
    caution: float = 1.0

    @property
    def unheard(self) -> bool:
        """Whether no logged reward enters the value of a policy: an outcome model alone speaks."""
        return any(not units.ratio and not units.weight.any() for units in self.units)

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


def single(units: Units, caution: float = 1.0) -> Statistic:
    """Value of one policy."""
    return Statistic(value_of(units), influence(units), (units,), caution)


def difference(first: Units, second: Units, caution: float = 1.0) -> Statistic:
    """First less second on the same units: what they share cancels."""
    return Statistic(
        value_of(first) - value_of(second),
        influence(first) - influence(second),
        (first, second),
        caution,
    )


def replicates(statistics: Sequence[Statistic], seed: int) -> Float64:
    """t* = (θ* - θ)/se* of all ``statistics`` over the same units and draws, float64[B, C].

    A baseline that is the same `Units` object in several is drawn once.
    """
    policies: list[Units] = []
    place: dict[int, int] = {}
    for statistic in statistics:
        for units in statistic.units:
            if id(units) not in place:
                place[id(units)] = len(policies)
                policies.append(units)
    pairs = [[place[id(units)] for units in s.units] for s in statistics]
    return studentised(
        Parts(
            np.stack([np.stack(units[:4], axis=1) for units in policies], axis=1),
            np.array([units.ratio for units in policies]),
            np.array([[*pair, -1][:2] for pair in pairs], dtype=np.int64),
            np.array([statistic.value for statistic in statistics]),
        ),
        seed,
    )
