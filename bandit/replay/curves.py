"""Learning curves, and bands over replicates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from bandit.core.errors import DataError
from bandit.core.types import Float64


@dataclass(frozen=True, eq=False)
class Curve:
    """What one replicate earned, by wave; all float64[waves].

    ``weight`` is the weight of the rows that tell a wave's value (decisions, or matched ones),
    ``squares`` the sum of their squared weights, ``total`` their weighted reward. ``best``
    is the mean true value of the best eligible action, NaN in a logged campaign.
    """

    decisions: Float64
    weight: Float64
    squares: Float64
    total: Float64
    best: Float64

    @property
    def value(self) -> Float64:
        """Reward per decision in each wave; NaN where nothing matched."""
        return _ratio(self.total, self.weight)

    @property
    def running_value(self) -> Float64:
        """Reward per decision up to each wave."""
        return _ratio(self.total.cumsum(), self.weight.cumsum())

    @property
    def regret(self) -> Float64:
        """What the best action would have earned more, summed up to each wave."""
        return np.asarray(((self.best - self.value) * self.decisions).cumsum())

    @property
    def effective_sample_size(self) -> float:
        """(Σw)²/Σw² of the rows that were kept."""
        squares = float(self.squares.sum())
        return float(self.weight.sum()) ** 2 / squares if squares > 0.0 else 0.0


class Bands(NamedTuple):
    """Mean over replicates and the central share of them, float64[waves]."""

    mean: Float64
    lower: Float64
    upper: Float64


def bands(curves: Sequence[Float64], confidence: float = 0.95) -> Bands:
    """Band over one series a replicate (``curve.running_value``, ``curve.regret``, ...).

    It shows how much a replicate departs from another: draws, thinning and the order of the rows.
    """
    if not curves:
        raise DataError("a band needs at least one replicate")
    table = np.stack(curves)
    known = np.isfinite(table).any(axis=0)
    out = np.full((3, table.shape[1]), np.nan)
    risk = 0.5 * (1.0 - confidence)
    out[0, known] = np.nanmean(table[:, known], axis=0)
    out[1:, known] = np.nanquantile(table[:, known], [risk, 1.0 - risk], axis=0)
    return Bands(*out)


def _ratio(top: Float64, below: Float64) -> Float64:
    return np.asarray(np.divide(top, below, out=np.full(len(top), np.nan), where=below > 0.0))
