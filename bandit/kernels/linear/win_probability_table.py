"""Probabilities of all normal worths at once: every node is shared by all contenders.

``P(a) = ∫ f_a(t) Π_{b≠a} F_b(t) dt`` (Agrawal, Goyal 2013). One action at a time costs m nodes of m
factors each; here a node's factors are computed once, and the product without each is had from
products from the left and from the right. Panels of sixteen Gauss–Legendre nodes, the lanes of two
vectors, go down from the highest end to the highest of the lower ends. What lies below t adds up to
G(t) = Π F_b(t), so they may stop where that is below 1e-10.
"""

from __future__ import annotations

import numpy as np

from bandit.core.types import Float64, Int64, Integer, UInt8
from bandit.kernels import simd
from bandit.kernels._compile import allocating, within
from bandit.kernels.linear.gauss_panels import MOST_PANELS, NODES, POINTS, WEIGHTS, step_for
from bandit.kernels.linear.masked_choice import allowed
from bandit.kernels.stats.normal import cumulative
from bandit.kernels.stats.normal_lanes import DENSITY_PEAK, bell_8, cumulative_8

REACH = 6.5
"""Standard deviations beyond which a normal's tail (4e-11) is not looked at."""
_LEAST = 1e-10


@within
def _descend(
    centres: Float64, scales: Float64, count: Integer, least: float, shares: Float64,
    below: Float64, heights: Float64,
) -> None:  # fmt: skip
    """Fill ``shares`` float64[count] above ``least``; the last two [8·(count + 1)] are scratch."""
    lanes, step = simd.LANES_64, step_for(count)
    top = -np.inf
    for c in range(count):
        shares[c] = 0.0
        top = max(top, centres[c] + REACH * scales[c])
    for _ in range(MOST_PANELS):
        size = np.inf
        for c in range(count):
            size = min(size, max(step * scales[c], top - centres[c] - REACH * scales[c]))
        size = min(size, top - least)
        if not size > 0.0:
            return
        bottom, grow = top - size, simd.splat(0.5 * size)
        # A panel that ends where a much narrower one begins must not see it by a rounding error.
        bends = bottom + 1e-6 * size
        middle = simd.splat(top - 0.5 * size)
        lowest = 1.0
        for j in range(0, POINTS, lanes):
            t = simd.fma(simd.load(NODES, j), grow, middle)
            product = simd.mul(simd.load(WEIGHTS, j), grow)
            for c in range(count):
                if centres[c] + REACH * scales[c] <= bends:
                    continue
                inverse = 1.0 / scales[c]
                z = simd.fma(t, simd.splat(inverse), simd.splat(-centres[c] * inverse))
                p = cumulative_8(z)
                simd.store(heights, c * lanes, simd.mul(bell_8(z), product))
                simd.store(below, c * lanes, p)
                product = simd.mul(product, p)
            if j == 0:
                simd.store(below, count * lanes, product)
                lowest = below[count * lanes] / (0.5 * size * WEIGHTS[0])
            rest = simd.splat(1.0)
            for c in range(count - 1, -1, -1):
                if centres[c] + REACH * scales[c] <= bends:
                    continue
                gained = simd.reduce_add(simd.mul(simd.load(heights, c * lanes), rest))
                shares[c] += gained * DENSITY_PEAK / scales[c]
                rest = simd.mul(rest, simd.load(below, c * lanes))
        if lowest < _LEAST:
            return
        top = bottom


@within
def shares_into(
    centres: Float64, scales: Float64, count: int, shares: Float64, place: Int64, below: Float64,
    heights: Float64,
) -> None:  # fmt: skip
    """``shares`` float64[count]: probability that each samples the largest worth; they sum to one.

    ``centres``, ``scales`` ≥ 0 float64[count] are overwritten; ``place`` int64[count], ``below``
    and ``heights`` float64[8·(count + 1)] are scratch. Of contenders without spread the best (the
    first, if they are alike) wins where nobody comes out above it; who cannot reach the others'
    lower ends gets zero.
    """
    floor, sure, known = -np.inf, -1, -np.inf
    for c in range(count):
        floor = max(floor, centres[c] - REACH * scales[c])
        if scales[c] == 0.0 and centres[c] > known:
            sure, known = c, centres[c]
    loose = np.int64(0)
    for c in range(count):
        if scales[c] > 0.0 and centres[c] + REACH * scales[c] >= floor:
            centres[loose], scales[loose], place[loose] = centres[c], scales[c], c
            loose += 1
    _descend(centres, scales, loose, floor, shares, below, heights)
    total = 0.0
    if sure >= 0:
        total = 1.0
        for c in range(loose):
            total *= cumulative((known - centres[c]) / scales[c])
    certain = total
    for c in range(loose):
        total += shares[c]
    # Back to their places, which lie at or behind where they were listed.
    for c in range(loose, count):
        shares[c] = 0.0
    for c in range(loose - 1, -1, -1):
        share = shares[c] / total
        shares[c] = 0.0
        shares[place[c]] = share
    if sure >= 0:
        shares[sure] = certain / total


@allocating
def probabilities_into(
    first: int, last: int, means: Float64, widths: Float64, alpha: float, eligible: UInt8,
    packing: int, values: Float64, costs: Float64, out: Float64,
) -> None:  # fmt: skip
    """``out`` float64[n, k]: probability that each action samples the largest worth.

    ``means``, ``widths`` float64[n, k], ``values``, ``costs`` float64[1 or n, k].
    """
    k = means.shape[1]
    value_step = 0 if values.shape[0] == 1 else 1
    cost_step = 0 if costs.shape[0] == 1 else 1
    centres, scales, actions = np.empty(k), np.empty(k), np.empty(k, np.int64)
    shares, place, below = np.empty(k), np.empty(k, np.int64), np.empty((k + 1) * simd.LANES_64)
    heights = np.empty((k + 1) * simd.LANES_64)
    for i in range(first, last):
        count = 0
        for a in range(k):
            out[i, a] = 0.0
            if allowed(eligible, packing, i, a):
                value = values[i * value_step, a]
                centres[count] = value * means[i, a] - costs[i * cost_step, a]
                scales[count] = abs(value) * alpha * widths[i, a]
                actions[count] = a
                count += 1
        shares_into(centres, scales, count, shares, place, below, heights)
        for c in range(count):
            out[i, actions[c]] = shares[c]
