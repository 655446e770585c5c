"""Probabilities of all normal worths at once: every node is shared by all contenders.

``P(a) = ∫ f_a(t) Π_{b≠a} F_b(t) dt`` (Agrawal, Goyal 2013). One action at a time costs m nodes of m
factors each; here a node's factors are computed once, and the product without each is had from
products from the left and from the right. Panels of sixteen Gauss–Legendre nodes, the lanes of two
vectors, go down from the highest end to the highest of the lower ends. What lies below t adds up to
G(t) = Π F_b(t), so they may stop where that is below 1e-10.
"""

from __future__ import annotations

import math

import numpy as np

from bandit.kernels import simd
from bandit.kernels._compile import serial
from bandit.kernels.linear.masked_choice import allowed
from bandit.kernels.linear.win_probability import LIMIT, PHI
from bandit.kernels.stats.normal import cumulative

REACH = 6.5
"""Standard deviations beyond which a normal's tail (4e-11) is not looked at."""
_STEP = 3.0
"""A panel is at most this many of the smallest deviation that still bends in it.

Sixteen nodes leave less than 2e-9 of panels a fifteenth as wide, for 4 to 101 contenders whose
deviations spread by factors of 1 to 20; what is left is that of Φ's polynomial."""
_LEAST = 1e-10
_POINTS = 16
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(_POINTS)
_FAR = 7.0
_V = _FAR * _FAR / 16.0
"""exp(−z²/2) for |z| ≤ 7 is exp(−v) squared three times, v = z²/16 in [0, _V]."""
_EXP = (
    np.polynomial.chebyshev.Chebyshev.interpolate(lambda s: np.exp(-0.5 * _V * (s + 1.0)), 12)
    .convert(kind=np.polynomial.Polynomial, domain=[-1, 1])
    .coef[::-1]
    .copy()
)
_PEAK = 1.0 / math.sqrt(2.0 * math.pi)


@serial
def _descend(centres, scales, count, least, shares, below, heights):
    """Fill ``shares`` float64[count] above ``least``; the last two [8·count] are scratch."""
    lanes = simd.LANES_64
    limit, floor = simd.splat(LIMIT), simd.splat(-LIMIT)
    far, near = simd.splat(_FAR), simd.splat(-_FAR)
    half, scale, minus = simd.splat(0.5), simd.splat(1.0 / 18.0), simd.splat(-1.0)
    squeeze = simd.splat(2.0 / (_FAR * _FAR))
    ends = np.empty(lanes)
    top = -np.inf
    for c in range(count):
        shares[c] = 0.0
        top = max(top, centres[c] + REACH * scales[c])
    while True:
        size = np.inf
        for c in range(count):
            size = min(size, max(_STEP * scales[c], top - centres[c] - REACH * scales[c]))
        size = min(size, top - least)
        if not size > 0.0:
            return
        bottom, grow = top - size, simd.splat(0.5 * size)
        # A panel that ends where a much narrower one begins must not see it by a rounding error.
        bends = bottom + 1e-6 * size
        middle = simd.splat(top - 0.5 * size)
        lowest = 1.0
        for j in range(0, _POINTS, lanes):
            t = simd.fma(simd.load(_NODES, j), grow, middle)
            product = simd.mul(simd.load(_WEIGHTS, j), grow)
            for c in range(count):
                if centres[c] + REACH * scales[c] <= bends:
                    continue
                inverse = 1.0 / scales[c]
                z = simd.fma(t, simd.splat(inverse), simd.splat(-centres[c] * inverse))
                x = simd.minimum(simd.maximum(z, near), far)
                s = simd.fma(simd.mul(x, x), squeeze, minus)
                e = simd.splat(_EXP[0])
                for i in range(1, _EXP.size):
                    e = simd.fma(e, s, simd.splat(_EXP[i]))
                e = simd.mul(e, e)
                e = simd.mul(e, e)
                e = simd.mul(e, e)
                x = simd.minimum(simd.maximum(z, floor), limit)
                v = simd.fma(simd.mul(x, x), scale, minus)
                p = simd.splat(PHI[0])
                for i in range(1, PHI.size):
                    p = simd.fma(p, v, simd.splat(PHI[i]))
                p = simd.fma(p, x, half)
                simd.store(heights, c * lanes, simd.mul(e, product))
                simd.store(below, c * lanes, p)
                product = simd.mul(product, p)
            if j == 0:
                simd.store(ends, 0, product)
                lowest = ends[0] / (0.5 * size * _WEIGHTS[0])
            rest = simd.splat(1.0)
            for c in range(count - 1, -1, -1):
                if centres[c] + REACH * scales[c] <= bends:
                    continue
                gained = simd.reduce_add(simd.mul(simd.load(heights, c * lanes), rest))
                shares[c] += gained * _PEAK / scales[c]
                rest = simd.mul(rest, simd.load(below, c * lanes))
        if lowest < _LEAST:
            return
        top = bottom


@serial
def probabilities_into(first, last, means, widths, alpha, eligible, packing, values, costs, out):
    """``out`` float64[n, k]: probability that each action samples the largest worth.

    ``means``, ``widths`` float64[n, k], ``values``, ``costs`` float64[1 or n, k]. An action that
    cannot reach the others' lower ends gets zero; rows are made to sum to one.
    """
    k = means.shape[1]
    value_step = 0 if values.shape[0] == 1 else 1
    cost_step = 0 if costs.shape[0] == 1 else 1
    centres, scales, actions = np.empty(k), np.empty(k), np.empty(k, np.int64)
    shares, below = np.empty(k), np.empty(k * simd.LANES_64)
    heights = np.empty(k * simd.LANES_64)
    for i in range(first, last):
        floor, sure, known = -np.inf, -1, -np.inf
        for a in range(k):
            out[i, a] = 0.0
            if allowed(eligible, packing, i, a):
                value = values[i * value_step, a]
                centre = value * means[i, a] - costs[i * cost_step, a]
                scale = abs(value) * alpha * widths[i, a]
                floor = max(floor, centre - REACH * scale)
                if scale == 0.0 and centre > known:
                    sure, known = a, centre
        count = 0
        for a in range(k):
            if allowed(eligible, packing, i, a):
                value = values[i * value_step, a]
                centres[count] = value * means[i, a] - costs[i * cost_step, a]
                scales[count] = abs(value) * alpha * widths[i, a]
                actions[count] = a
                if scales[count] > 0.0 and centres[count] + REACH * scales[count] >= floor:
                    count += 1
        _descend(centres, scales, count, floor, shares, below, heights)
        total = 0.0
        if sure >= 0:
            # Without spread: the best of them wins where nobody comes out above it.
            total = 1.0
            for c in range(count):
                total *= cumulative((known - centres[c]) / scales[c])
            out[i, sure] = total
        for c in range(count):
            total += shares[c]
        for c in range(count):
            out[i, actions[c]] = shares[c] / total
        if sure >= 0:
            out[i, sure] /= total
