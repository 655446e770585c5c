"""A score as its rank among the customers: what is left of it whatever its scale.

With u in (0, 1) the rank, two features say it, both of mean 0 and variance 1 where no two scores
are alike: ``low = 1 + ln u`` tells the least apart, ``high = -1 - ln(1 - u)`` the best. These are
the terms of beta calibration, on ranks. Response that rises with both rises with the score.

References
----------
Kull, Silva Filho, Flach (2017), Beta calibration: a well-founded and easily implemented improvement
on logistic calibration for binary classifiers, AISTATS.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bandit.core.types import Array, Float64

TAIL = 10
"""The outermost cuts leave 2⁻¹⁰ of the customers on either side."""
MIDDLE = 64


def shares() -> tuple[float, ...]:
    """Ranks at which the scores are cut: even in the middle, by halves towards both ends."""
    ends = [2.0**-j for j in range(TAIL, 6, -1)]
    return (*ends, *(i / MIDDLE for i in range(1, MIDDLE)), *(1.0 - e for e in reversed(ends)))


class Ranks(NamedTuple):
    """``cuts`` float64[m], rising; ``terms`` float64[m + 1, 2], low and high of each bin.

    A score is in bin i if it is above i of the cuts.
    """

    cuts: tuple[float, ...]
    terms: tuple[tuple[float, float], ...]


def ranks(quantiles: Sequence[float]) -> Ranks | None:
    """Ranks by the scores that stand at `shares`; None where all are alike.

    Each bin has the mean of both terms over the ranks in it, and then their variance is made 1.
    Cuts are scores that occur, so that any rising map of all scores leaves every bin as it is.
    """
    below: dict[float, float] = {}
    for share, cut in zip(shares(), quantiles, strict=True):
        below[float(cut)] = share
    if len(below) == 1:
        return None
    edges = np.array([0.0, *below.values(), 1.0])
    width = np.diff(edges)
    high = (_tail(1.0 - edges[:-1]) - _tail(1.0 - edges[1:])) / width - 1.0
    low = 1.0 - (_tail(edges[1:]) - _tail(edges[:-1])) / width
    spread = [float(np.sqrt(width @ term**2)) for term in (low, high)]
    terms = [(low / spread[0]).tolist(), (high / spread[1]).tolist()]
    rounded = [tuple(float(f"{value:.9g}") for value in pair) for pair in zip(*terms, strict=True)]
    return Ranks(tuple(below), tuple((low, high) for low, high in rounded))


def bins(cuts: Sequence[float], values: Float64) -> Array:
    """The bin of each score, int64[n]."""
    return np.searchsorted(np.asarray(cuts), values, side="left")


def _tail(v: Float64) -> Float64:
    """``∫₀ᵛ −ln t dt = v − v ln v``."""
    return np.asarray(v - v * np.log(np.where(v > 0.0, v, 1.0)), np.float64)
