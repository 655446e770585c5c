"""Expected weight of the largest of normal worths in one integral, not one an action.

``Σ_a w_a P(a) = ∫ φ_o Π_{b≠o} Φ_b · Σ_a w_a (s_o/s_a) (φ_a/Φ_a) (Φ_o/φ_o) dz``: at the nodes of an
action's own integral (`log_steps`) the others' differ by a factor of two densities and two Φ.
Nodes that resolve the rivals of one resolve those of all, each being another's rival.
"""

from __future__ import annotations

import math

import numpy as np

from bandit.core.types import Float64, Integer
from bandit.kernels import simd
from bandit.kernels._compile import natural, within
from bandit.kernels.linear import log_steps
from bandit.kernels.linear.alike_rivals import Scratch, pad
from bandit.kernels.linear.sampled_sums import settled
from bandit.kernels.stats.normal_lanes import bell_8, cumulative_8

_BEYOND, _FARTHEST = 5e-8, 6.3
"""So much of all may lie above the first node, which is at most so many deviations up."""
_LEAST = 1e-3
"""Smaller weights are found as if they were so large."""
_NARROW = 1e-9
"""A deviation so much below own's is none."""
_LEFT, _NOTHING = 1e-8, 1e-12
"""So much of the largest weight the last height may be where they fall by half a step, and so much
anyhow."""


@within
def _reach(share: float) -> float:
    """Deviations above which a normal has less than ``share``: Q(z) ≤ exp(−z²/2)/2."""
    return min(_FARTHEST, math.sqrt(max(1.0, -2.0 * math.log(2.0 * share))))


@within
def _rivals_into(count: Integer, own: Integer, scratch: Scratch) -> bool:
    """Offsets and rates of own's rivals; whether all are finite and have a spread."""
    centres, scales, offset, rate = (
        scratch.centres, scratch.scales, scratch.offset, scratch.rate
    )  # fmt: skip
    m, s = centres[own], scales[own]
    for b in range(count, (count + 7) & ~7):
        centres[b], scales[b] = m, s
    mine, wide, one = simd.splat(m), simd.splat(s), simd.splat(1.0)
    least, infinity = simd.splat(s * _NARROW), simd.splat(np.inf)
    bad = np.int64(0)
    for b in range(0, count, 8):
        centre, scale = simd.load(centres, b), simd.load(scales, b)
        bad |= simd.bits_not_below(least, scale)
        bad |= simd.bits_not_below(simd.add(simd.absolute(centre), scale), infinity)
        inverse = simd.div(one, scale)
        simd.store(offset, b, simd.mul(simd.sub(mine, centre), inverse))
        simd.store(rate, b, simd.mul(wide, inverse))
    offset[own], rate[own] = offset[count - 1], rate[count - 1]
    pad(offset, rate, count - 1)
    return bool(bad == 0)


@within
def _mixed_into(
    several: Integer, own: Integer, weights: Float64, most: float, upper: float, nodes: Integer,
    step: float, scratch: Scratch,
) -> None:  # fmt: skip
    """Own's heights turned into those of all ``several`` listed, times shares of the ``most``."""
    centres, scales, heights, listed, lane = (
        scratch.centres, scratch.scales, scratch.heights, scratch.bending, scratch.grids.lane
    )  # fmt: skip
    m, s = centres[own], scales[own]
    back, start, wide, mine = simd.splat(-step), simd.load(lane, 0), simd.splat(s), simd.splat(m)
    for j in range(0, nodes, 8):
        z = simd.fma(start, back, simd.splat(upper - step * j))
        t = simd.fma(z, wide, mine)
        total = simd.splat(0.0)
        for each in range(several):
            a = natural(listed[natural(each)])
            inverse = 1.0 / scales[a]
            y = simd.mul(simd.sub(t, simd.splat(centres[a])), simd.splat(inverse))
            odds = simd.div(bell_8(y), cumulative_8(y))
            total = simd.fma(odds, simd.splat(weights[a] * inverse), total)
        level = simd.mul(simd.load(heights, j), simd.div(cumulative_8(z), bell_8(z)))
        simd.store(heights, j, simd.mul(simd.mul(total, level), simd.splat(s / most)))


@within
def expected_weight(count: Integer, weights: Float64, most: float, scratch: Scratch) -> float:
    """``Σ_a weights[a]·P(a)`` to 1e-7, or of ``most`` where that is above one.

    −1 where it must be found otherwise.

    Contenders are ``scratch.centres``, ``scales`` float64[: count], none is lost; ``weights``
    float64[count] ≥ 0, ``most`` > 0 the largest.
    """
    centres, scales, heights, listed = (
        scratch.centres, scratch.scales, scratch.heights, scratch.bending
    )  # fmt: skip
    several = np.int64(0)
    for each in range(count):
        listed[natural(several)] = each
        several += weights[natural(each)] > 0.0
    upper = _reach(_BEYOND / (several * max(most, _LEAST)))
    own, top = np.int64(-1), -np.inf
    for each in range(several):
        a = natural(listed[natural(each)])
        end = centres[a] + upper * scales[a]
        if end > top:
            own, top = np.int64(a), end
    if own < 0 or count < 2 or not _rivals_into(count, own, scratch):
        return -1.0
    which, typical, steepest = log_steps.first_grid(count - 1, scratch)
    while True:
        step = log_steps.step_of(count - 1, which, typical, steepest, scratch)
        if step < 0.0:
            return -1.0
        nodes = log_steps.heights_into(count - 1, which, upper, np.int64(0), step, scratch)
        if nodes > 0:
            _mixed_into(several, own, weights, most, upper, nodes, step, scratch)
            last, before = heights[natural(nodes - 1)], heights[natural(nodes - 2)]
            if last < _NOTHING or (last < _LEFT and last <= 0.5 * before):
                share = settled(heights, nodes, step, True, False)
                if share >= 0.0:
                    return share * most
        which += log_steps.FINER
