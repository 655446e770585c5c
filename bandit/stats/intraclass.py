"""What the members of a group have in common: one-way analysis of variance."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bandit.core.types import Float64


class Crowd(NamedTuple):
    """``icc`` in [0, 1]: correlation of two members; ``size``: Σm²/Σm, the size that a member sees.

    With them `1 + (size - 1) icc` is by what groups multiply the variance of a mean.
    """

    icc: float
    size: float


def intraclass(values: Float64, groups: npt.ArrayLike) -> Crowd:
    """The intraclass correlation of ``values`` float64[n] in ``groups`` [n].

        icc = (B - W) / (B + (m₀ - 1) W),     m₀ = (n - Σm²/n) / (g - 1)

    B and W are the mean squares between the g groups and within them, m their sizes. Below 0 it is
    taken for 0, and where no group has two members. Donner (1986), A review of inference procedures
    for the intraclass correlation coefficient, section 2.
    """
    _, place, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    n, g = len(values), len(sizes)
    if g < 2 or g == n:
        return Crowd(0.0, float((sizes**2).sum() / max(n, 1)) if g else 1.0)
    centred = values - values.mean()
    totals = np.bincount(place, weights=centred)
    between = float((totals**2 / sizes).sum())
    within = max(float(centred @ centred) - between, 0.0) / (n - g)
    between /= g - 1
    usual = (n - (sizes**2).sum() / n) / (g - 1)
    below = between + (usual - 1.0) * within
    icc = (between - within) / below if below > 0.0 else 0.0
    return Crowd(min(max(icc, 0.0), 1.0), float((sizes**2).sum() / n))
