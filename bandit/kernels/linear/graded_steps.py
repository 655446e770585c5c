"""∫ φ(z) Π_b Φ(o_b + r_b z) dz at steps that grow with the distance from the lower end.

Where one rival is much narrower than others, its Φ is a step at the lower end of what counts, and
nothing else is steep: equal steps fine enough for it would be wasted above. With

    z = low + δ sinh t,  dz = δ cosh t dt

equal steps of t are as fine as δ at the lower end and a share of the distance from there on, and
the rule stays one of equal steps: it converges geometrically once each rival's bend is resolved.
A rival bends no further up than where its Φ is `BENT` deviations, so the steps there count.
"""

from __future__ import annotations

import math

from bandit.core.types import Float64, Integer
from bandit.kernels import simd
from bandit.kernels._compile import within
from bandit.kernels.linear.equal_steps import FLAT
from bandit.kernels.stats.normal_lanes import DENSITY_PEAK, bell_8, cumulative_8

FINEST = 4.0
"""δ in deviations of the steepest rival."""
BENT = 3.5
HIGHEST = 4.5
"""Above lies 3e-6 of φ: there the steps may be too long."""
_STEEP = 0.25
"""Rivals at least so steep, of the steepest, sharpen its bend; all of them sharpen the others'."""


@within
def longest_step(
    offset: Float64, rate: Float64, count: Integer, low: float, fine: float, steepest: float,
    resolved: float,
) -> float:  # fmt: skip
    """Longest step of t at which every rival's bend is resolved.

    Step of z times rate times √(1 + 2 ln m) is at most ``resolved`` where m rivals bend; ``fine``
    is δ, ``count`` a multiple of 8 above none.
    """
    zero, bent, highest = simd.splat(0.0), simd.splat(BENT), simd.splat(HIGHEST)
    least, start, square = simd.splat(_STEEP * steepest), simd.splat(low), simd.splat(fine * fine)
    many = 0
    for b in range(0, count, 8):
        many += simd.count_bits(simd.bits_not_below(simd.load(rate, b), least))
    all_of = simd.splat(math.sqrt(1.0 + 2.0 * math.log(count)))
    few = simd.splat(math.sqrt(1.0 + 2.0 * math.log(max(many, 1))))
    worst = zero
    for b in range(0, count, 8):
        o, r = simd.load(offset, b), simd.load(rate, b)
        up = simd.minimum(simd.div(simd.sub(bent, o), r), highest)
        up = simd.maximum(simd.sub(up, start), zero)
        sharp = simd.pick(simd.bits_not_below(r, least), few, all_of)
        pace = simd.root(simd.fma(up, up, square))
        worst = simd.maximum(worst, simd.mul(pace, simd.mul(r, sharp)))
    own = math.sqrt(fine * fine + max(HIGHEST - low, 0.0) ** 2)
    return resolved / max(simd.reduce_max(worst), own)


@within
def _nodes_into(
    low: float, fine: float, first: float, step: float, nodes: int, places: Float64,
    weights: Float64,
) -> None:  # fmt: skip
    """``places`` z_j and ``weights`` φ(z_j) dz_j/dt, float64[≥ nodes], filled to whole vectors."""
    padded = (nodes + 7) // 8 * 8
    up, down = 0.5 * fine * math.exp(first), 0.5 * fine * math.exp(-first)
    grow, fall = math.exp(step), math.exp(-step)
    for j in range(padded):
        places[j], weights[j] = low + (up - down), (up + down) * DENSITY_PEAK
        up, down = up * grow, down * fall
    for j in range(0, padded, 8):
        z = simd.load(places, j)
        simd.store(weights, j, simd.mul(simd.load(weights, j), bell_8(z)))


@within
def heights_into(
    offset: Float64, rate: Float64, count: Integer, low: float, fine: float, first: float,
    step: float, nodes: int, work: Float64, places: Float64, weights: Float64, heights: Float64,
    at: Integer, stride: Integer,
) -> None:  # fmt: skip
    """What is integrated over t, at t_j = first + j·step, to ``heights[at + j·stride]``.

    As `equal_steps.heights_into`; ``places``, ``weights`` float64[MOST] are scratch too.
    """
    _nodes_into(low, fine, first, step, nodes, places, weights)
    one, flat = simd.splat(1.0), simd.splat(FLAT)
    for j in range(nodes):
        simd.store(work, 8 * j, one)
    for b in range(0, count, 8):
        o, r = simd.load(offset, b), simd.load(rate, b)
        last = simd.reduce_max(simd.div(simd.sub(flat, o), r))
        for j in range(nodes):
            if places[j] > last:
                break
            p = cumulative_8(simd.fma(r, simd.splat(places[j]), o))
            simd.store(work, 8 * j, simd.mul(simd.load(work, 8 * j), p))
    for j in range(nodes):
        heights[at + j * stride] = simd.reduce_mul(simd.load(work, 8 * j)) * weights[j]
