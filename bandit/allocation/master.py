"""The small convex programme that proposes the next prices from the cuts seen so far.

minimise over d:  max_b (e_b + g_b·d) + ½ dᵀ M d    with  low ≤ d ≤ high

by a primal-dual interior point (Mehrotra's predictor-corrector; Nocedal, Wright 2006, §16.6).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit.types import Float64

ITERATIONS = 80
DONE = 1e-9
"""Complementarity, after scaling, at which the proposal is exact for our purposes."""


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
    # Unit curvature along each axis and a Newton decrease of order one: then DONE means the same
    # whatever the units of values and limits.
    length = 1.0 / np.sqrt(metric.diagonal()[free])
    slope = slopes[:, free] * length
    size = max(float((slope[np.argmax(errors)] ** 2).sum()), 1e-12 * float(np.abs(errors).max()))
    size = size if size > 0 else 1.0
    unit = length * np.sqrt(size)
    inner, weights = _interior(
        errors / size,
        slope / np.sqrt(size),
        metric[np.ix_(free, free)] * np.outer(length, length),
        low[free] / unit,
        high[free] / unit,
    )
    step[free] = np.clip(inner * unit, low[free], high[free])
    return Proposal(step, float((errors + slopes @ step).max()), weights)


def _interior(
    errors: Float64, slopes: Float64, metric: Float64, low: Float64, high: Float64
) -> tuple[Float64, Float64]:
    """The programme as min ½ wᵀPw + c·w with C w ≥ h over w = (d, t); returns d, cut weights."""
    count, axes = slopes.shape
    rows = np.zeros((count + 2 * axes, axes + 1))
    rows[:count, :axes], rows[:count, axes] = -slopes, 1.0
    rows[count : count + axes, :axes] = np.eye(axes)
    rows[count + axes :, :axes] = -np.eye(axes)
    quadratic = np.zeros((axes + 1, axes + 1))
    quadratic[:axes, :axes] = metric
    linear = np.zeros(axes + 1)
    linear[axes] = 1.0
    inset = np.minimum(0.1 * (high - low), 1.0)
    point = np.zeros(axes + 1)
    point[:axes] = np.clip(0.0, low + inset, high - inset)
    point[axes] = (errors + slopes @ point[:axes]).max() + 1.0
    slack = rows @ point - np.concatenate([errors, low, -high])
    duals = np.concatenate([np.full(count, 1.0 / count), 0.1 / np.maximum(slack[count:], 0.1)])
    for _ in range(ITERATIONS):
        gap = float(duals @ slack) / len(slack)
        rest = quadratic @ point + linear - rows.T @ duals
        if gap < DONE:
            break
        weighted = rows * (duals / slack)[:, None]
        inverse = np.linalg.inv(quadratic + weighted.T @ rows)
        # Predictor: aim at complementarity zero; corrector: re-centre by how far that got.
        move = inverse @ (-rest - rows.T @ duals)
        gain = rows @ move
        shift = -duals - duals / slack * gain
        reach = min(1.0, _reach(slack, gain), _reach(duals, shift))
        ahead = float((duals + reach * shift) @ (slack + reach * gain)) / len(slack)
        target = gap * (ahead / gap) ** 3 - shift * gain
        move = inverse @ (-rest + rows.T @ (target / slack - duals))
        gain = rows @ move
        shift = target / slack - duals - duals / slack * gain
        reach = 0.99 * min(1.0 / 0.99, _reach(slack, gain), _reach(duals, shift))
        point, slack, duals = point + reach * move, slack + reach * gain, duals + reach * shift
    return point[:axes], duals[:count]


def _reach(at: Float64, move: Float64) -> float:
    """Longest step that keeps a positive vector nonnegative."""
    falling = move < 0
    return float((at[falling] / -move[falling]).min()) if falling.any() else np.inf
