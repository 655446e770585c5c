"""The small convex programme that proposes the next prices from the cuts seen so far.

minimise over d:  max_b (e_b + g_b·d) + ½ dᵀ M d    with  low ≤ d ≤ high

by a primal-dual interior point (Mehrotra's predictor-corrector; Nocedal, Wright 2006, §16.6).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit.core.types import Float64
from bandit.kernels.allocation.interior import interior


class Proposal(NamedTuple):
    """``step`` float64[s]; ``model`` its max over the cuts; ``weights`` float64[b] of the cuts."""

    step: Float64
    model: float
    weights: Float64


def propose(
    errors: Float64, slopes: Float64, metric: Float64, low: Float64, high: Float64
) -> Proposal:
    """Solve the programme; errors float64[b], slopes float64[b, s], metric float64[s, s] > 0.

    low ≤ 0 ≤ high float64[s]; where they meet the step is zero.
    """
    free = np.flatnonzero(high > low)
    step = np.zeros(len(low))
    if len(free) == 0:
        return Proposal(step, float(errors.max()), np.full(len(errors), 1.0 / len(errors)))
    # Unit curvature along each axis and a decrease of order one (what the best cut alone would
    # give, axis by axis): then DONE means the same whatever the units of values and limits.
    axis = metric.diagonal()[free]
    length = 1.0 / np.sqrt(axis)
    slope = slopes[:, free] * length
    steepest = slopes[np.argmax(errors), free]
    alone = np.clip(-steepest / axis, low[free], high[free])
    size = float(-(steepest * alone + 0.5 * axis * alone**2).sum())
    size = max(size, 1e-12 * float(np.abs(errors).max()))
    size = size if size > 0 else 1.0
    unit = length * np.sqrt(size)
    inner, weights = interior(
        errors / size,
        slope / np.sqrt(size),
        metric[np.ix_(free, free)] * np.outer(length, length),
        low[free] / unit,
        high[free] / unit,
    )
    step[free] = np.clip(inner * unit, low[free], high[free])
    return Proposal(step, float((errors + slopes @ step).max()), weights)
