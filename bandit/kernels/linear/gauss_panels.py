"""∫ φ(z) Π_b Φ(o_b + r_b z) dz from a hard edge, or where widths differ too much for equal steps.

Panels of sixteen Gauss–Legendre nodes, the lanes of two vectors, go down from the top. A rival
whose Φ is one in a whole panel costs nothing there, so a panel only needs to be narrow where a
narrow rival bends.
"""

from __future__ import annotations

import math

import numpy as np

from bandit.core.types import Float64, Int64, Integer
from bandit.kernels import simd
from bandit.kernels._compile import within
from bandit.kernels.stats.normal_lanes import DENSITY_PEAK, PHI_LIMIT, bell_8, cumulative_8

POINTS = 16
NODES, WEIGHTS = np.polynomial.legendre.leggauss(POINTS)
STEP = 3.0
"""A panel is at most this many of the smallest deviation that bends in it.

Sixteen nodes leave less than 2e-9 of panels a fifteenth as wide, for 4 to 101 contenders whose
deviations spread by factors of 1 to 20. The product of m alike bends √(1 + 2 ln m) times as sharply
as one: beyond a hundred the panels follow that."""
_SHARP = math.sqrt(1.0 + 2.0 * math.log(100.0))
MOST_PANELS = 4096
"""Far more than any needs; whatever it is given, the loop ends."""


@within
def step_for(count: Integer) -> float:
    """Longest panel for so many contenders, in the smallest deviation that bends in it."""
    return STEP * min(1.0, _SHARP / math.sqrt(1.0 + 2.0 * math.log(max(count, 1))))


@within
def integral(
    offset: Float64, rate: Float64, count: Integer, bottom: float, top: float, bending: Int64
) -> float:
    """Integrate from ``bottom`` to ``top``; ``bending`` int64[≥ count] is scratch."""
    sharp = step_for(count)
    total = simd.splat(0.0)
    for _ in range(MOST_PANELS):
        # Own's density bends everywhere.
        size = min(sharp, top - bottom)
        if not size > 0.0:
            break
        for b in range(count):
            reach = top - (PHI_LIMIT - offset[b]) / rate[b] if rate[b] > 0.0 else size
            size = min(size, max(sharp / rate[b] if rate[b] > 0.0 else size, reach))
        low, active = top - size, 0
        for b in range(count):
            bending[active] = b
            active += offset[b] + rate[b] * low < PHI_LIMIT
        grow, middle = simd.splat(0.5 * size), simd.splat(top - 0.5 * size)
        z, y = (
            simd.fma(simd.load(NODES, 0), grow, middle),
            simd.fma(simd.load(NODES, 8), grow, middle),
        )
        p = simd.mul(bell_8(z), simd.mul(simd.load(WEIGHTS, 0), grow))
        q = simd.mul(bell_8(y), simd.mul(simd.load(WEIGHTS, 8), grow))
        for c in range(active):
            o, r = simd.splat(offset[bending[c]]), simd.splat(rate[bending[c]])
            p = simd.mul(p, cumulative_8(simd.fma(r, z, o)))
            q = simd.mul(q, cumulative_8(simd.fma(r, y, o)))
        total = simd.add(total, simd.add(p, q))
        top = low
    return simd.reduce_add(total) * DENSITY_PEAK
