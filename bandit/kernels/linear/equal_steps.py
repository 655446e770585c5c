"""∫ φ(z) Π_b Φ(o_b + r_b z) dz at equal steps: rivals side by side in lanes, Φ by recurrence.

From node to node Φ grows by ``δ φ(m) (1 + He₂(m) δ²/24 + He₄(m) δ⁴/1920 + He₆(m) δ⁶/322560)`` with
δ = r·step and m the middle (Taylor's series about it, integrated), beyond `GENTLE` with
``He₈(m) δ⁸/92897280`` too. What is left adds up over rivals alike: it is below 4e-11 each. φ(m)
itself follows from one node to the next by two multiplications, being the exponential of a square.
That is ten instructions for eight rivals, and no polynomial for Φ.
"""

from __future__ import annotations

import math

from bandit.core.types import Float64, Int64, Integer
from bandit.kernels import simd
from bandit.kernels._compile import inline, within
from bandit.kernels.stats.normal_lanes import (
    DENSITY_PEAK,
    PHI_LIMIT,
    bell_8,
    cumulative_8,
    exponential_8,
    fall_8,
)

MOST = 192
"""Most nodes of a sum: 12 kB of products stay in the first-level cache."""
FILLING = 50.0
"""Offset of what fills vectors up, at a rate of nothing: it never wins."""
FLAT = 6.3
"""A rival whose Φ is beyond that of this (1 − 1.5e-10) is left out."""
_HIGH, _FALLEN = 4.75, 4.75
"""Nor counts one above so many deviations where its argument is so large: 1.1e-12 of an integral,
what φ has above times what Φ lacks there."""
GENTLE, STEEP = 0.3, 0.6
"""Where Φ's argument moves by more from node to node, a term more is taken, and Φ computed anew."""


@inline
def _start(
    o: simd.Vector64, r: simd.Vector64, low: float, step: float
) -> tuple[simd.Vector64, ...]:
    """Φ at the lower end, and what carries it from node to node.

    Φ is one from `PHI_LIMIT` on: what it lacks there would count for each of many rivals alike, and
    for those that only fill a vector up.
    """
    one = simd.splat(1.0)
    x = simd.fma(r, simd.splat(low), o)
    below = simd.pick(simd.bits_not_below(x, simd.splat(PHI_LIMIT)), one, cumulative_8(x))
    d = simd.mul(r, simd.splat(step))
    middle = simd.fma(d, simd.splat(0.5), x)
    d2 = simd.mul(d, d)
    slope = simd.mul(bell_8(middle), simd.mul(d, simd.splat(DENSITY_PEAK)))
    ratio = exponential_8(simd.sub(simd.mul(d2, simd.splat(-0.5)), simd.mul(middle, d)))
    curve = fall_8(d2)
    d4 = simd.mul(d2, d2)
    # He₂ = u − 1, He₄ = u² − 6u + 3, He₆ = u³ − 15u² + 45u − 15 with u = m², by powers of u.
    a3 = simd.mul(simd.mul(d4, d2), simd.splat(1.0 / 322560.0))
    a2 = simd.fma(a3, simd.splat(-15.0), simd.mul(d4, simd.splat(1.0 / 1920.0)))
    a1 = simd.mul(d2, simd.splat(1.0 / 24.0))
    a1 = simd.fma(a3, simd.splat(45.0), simd.fma(d4, simd.splat(-6.0 / 1920.0), a1))
    a0 = simd.fma(d4, simd.splat(3.0 / 1920.0), simd.fma(d2, simd.splat(-1.0 / 24.0), one))
    a0 = simd.fma(a3, simd.splat(-15.0), a0)
    return below, middle, d, slope, ratio, curve, a0, a1, a2, a3


@inline
def _another_term(
    d: simd.Vector64, a0: simd.Vector64, a1: simd.Vector64, a2: simd.Vector64, a3: simd.Vector64
) -> tuple[simd.Vector64, ...]:
    """He₈ = u⁴ − 28u³ + 210u² − 420u + 105 beside what `_start` has."""
    d2 = simd.mul(d, d)
    d4 = simd.mul(d2, d2)
    a4 = simd.mul(simd.mul(d4, d4), simd.splat(1.0 / 92897280.0))
    return (
        simd.fma(a4, simd.splat(105.0), a0), simd.fma(a4, simd.splat(-420.0), a1),
        simd.fma(a4, simd.splat(210.0), a2), simd.fma(a4, simd.splat(-28.0), a3), a4,
    )  # fmt: skip


@within
def _products_into(
    offset: Float64, rate: Float64, ends: Int64, levels: Integer, low: float, step: float,
    nodes: int, work: Float64,
) -> int:  # fmt: skip
    """``work`` float64[nodes, 8]: at each node the product of every eighth Φ.

    Return from which node on all are one.
    """
    one, flat = simd.splat(1.0), simd.splat(FLAT)
    high, fallen = simd.splat(_HIGH), simd.splat(_FALLEN)
    most = 0
    for j in range(nodes):
        simd.store(work, 8 * j, one)
    for down in range(levels):
        level = levels - 1 - down
        if down > 0:
            for j in range(nodes):
                p = simd.load(work, 8 * j)
                simd.store(work, 8 * j, simd.mul(p, p))
        for b in range(ends[level], ends[level + 1], 8):
            o, r = simd.load(offset, b), simd.load(rate, b)
            # From there on all eight are one.
            unit = simd.div(one, r)
            last = simd.maximum(simd.mul(simd.sub(fallen, o), unit), high)
            last = simd.minimum(simd.mul(simd.sub(flat, o), unit), last)
            bends = (simd.reduce_max(last) - low) / step
            upper = nodes if bends >= nodes - 1 else math.ceil(max(bends, 0.0))
            most = max(most, upper)
            fastest = simd.reduce_max(r) * step
            if fastest > STEEP:
                filling = simd.bits_not_below(o, simd.splat(FILLING))
                for j in range(upper):
                    p = cumulative_8(simd.fma(r, simd.splat(low + j * step), o))
                    p = simd.pick(filling, one, p)
                    simd.store(work, 8 * j, simd.mul(simd.load(work, 8 * j), p))
                continue
            p, middle, d, slope, ratio, curve, a0, a1, a2, a3 = _start(o, r, low, step)
            if fastest > GENTLE:
                a0, a1, a2, a3, a4 = _another_term(d, a0, a1, a2, a3)
                for j in range(upper):
                    simd.store(work, 8 * j, simd.mul(simd.load(work, 8 * j), p))
                    u = simd.mul(middle, middle)
                    t = simd.fma(simd.fma(simd.fma(a4, u, a3), u, a2), u, a1)
                    p = simd.fma(slope, simd.fma(t, u, a0), p)
                    slope = simd.mul(slope, ratio)
                    ratio = simd.mul(ratio, curve)
                    middle = simd.add(middle, d)
            else:
                for j in range(upper):
                    simd.store(work, 8 * j, simd.mul(simd.load(work, 8 * j), p))
                    u = simd.mul(middle, middle)
                    t = simd.fma(simd.fma(simd.fma(a3, u, a2), u, a1), u, a0)
                    p = simd.fma(slope, t, p)
                    slope = simd.mul(slope, ratio)
                    ratio = simd.mul(ratio, curve)
                    middle = simd.add(middle, d)
    return most


@within
def heights_into(
    offset: Float64, rate: Float64, ends: Int64, levels: Integer, low: float, step: float,
    nodes: int, work: Float64, heights: Float64, at: Integer, stride: Integer,
) -> None:  # fmt: skip
    """φ(z_j) Π Φ(o_b + r_b z_j) at z_j = low + j·step to ``heights[at + j·stride]``.

    ``offset``, ``rate`` float64; from ``ends[l]`` to ``ends[l + 1]``, multiples of 8, lie those
    that are taken 2ˡ times; ``nodes`` at most `MOST`; ``work`` float64[8·MOST] is scratch.
    """
    most = _products_into(offset, rate, ends, levels, low, step, nodes, work)
    height = math.exp(-0.5 * low * low) * DENSITY_PEAK
    ratio, curve = math.exp(-low * step - 0.5 * step * step), math.exp(-step * step)
    for j in range(nodes):
        product = simd.reduce_mul(simd.load(work, 8 * j)) if j < most else 1.0
        heights[at + j * stride] = product * height
        height *= ratio
        ratio *= curve
