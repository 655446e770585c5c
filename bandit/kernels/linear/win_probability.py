"""Probability that one of few normal worths is the largest: the trapezoidal rule.

``P(a) = ∫ φ(z) Π_{b≠a} Φ((m_a + s_a z − m_b)/s_b) dz`` (Agrawal, Goyal 2013). The integrand is
analytic and decays like a normal density, so equal steps h converge like
``exp(−(2π/h)²/(2(1 + Σ (s_a/s_b)²)))``: the spectrum of a product of normal distribution functions
is at most that of a normal with the summed bandwidths. h is halved until that is below 1e-8.
"""

from __future__ import annotations

import math

import numpy as np

from bandit.kernels import simd
from bandit.kernels._compile import serial
from bandit.kernels.stats import quadrature
from bandit.kernels.stats.normal import cumulative, density

LEVELS = 4
REACH = 5.75
"""Nodes end here: φ's two tails hold 9e-9."""
_COARSE = 48
"""Nodes of the coarsest rule, six vectors of eight: h = 2·REACH/47."""
MOST_NODES = _COARSE << (LEVELS - 1)
_BANDWIDTH = 2.0 * math.log(1e8)
LIMIT = 6.0
"""Beyond this Φ is 0 or 1 within 1e-9."""
# (Φ(x) − 1/2)/x on [−6, 6] as a polynomial of degree 20 in x²/18 − 1: a Chebyshev fit, highest
# power first; Φ is off by less than 5e-11.
PHI = np.array([
    2.3042669369448938e-05, -5.733831949230097e-05, 2.151108757835933e-05, -3.9562520954552166e-05,
    0.000309243932742007, -0.0006311110530904502, 0.0009386706154610755, -0.001671595180228847,
    0.0030173233545340156, -0.004852134937916019, 0.00728021658446589, -0.010424411590671239,
    0.014146254095167683, -0.01820489673357591, 0.02239758955201488, -0.026636123012256308,
    0.031091468542027, -0.03638765372152493, 0.044063959540942714, -0.05889964653779081,
    0.11784852680924413,
])  # fmt: skip


def _rule(level: int) -> tuple[np.ndarray, np.ndarray]:
    count = _COARSE << level
    z = np.linspace(-REACH, REACH, count)
    return z, np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi) * (z[1] - z[0])


NODES = np.concatenate([_rule(level)[0] for level in range(LEVELS)])
WEIGHTS = np.concatenate([_rule(level)[1] for level in range(LEVELS)])
STEPS = np.array([_rule(level)[0][1] - _rule(level)[0][0] for level in range(LEVELS)])


@serial
def rule_for(bandwidth):
    """Return the coarsest level that resolves ``1 + Σ (s_a/s_b)²``; LEVELS where none does."""
    for level in range(LEVELS):
        rate = 2.0 * math.pi / STEPS[level]
        if bandwidth * _BANDWIDTH <= rate * rate:
            return level
    return LEVELS


@serial
def _by_rule(centres, scales, count, own, level, work):
    """Sum the nodes of a level; scales are positive, ``work`` float64[nodes] is scratch."""
    lanes = simd.LANES_64
    nodes = _COARSE << level
    base = _COARSE * ((1 << level) - 1)
    for j in range(0, nodes, lanes):
        simd.store(work, j, simd.load(WEIGHTS, base + j))
    limit, floor = simd.splat(LIMIT), simd.splat(-LIMIT)
    half, scale, shift = simd.splat(0.5), simd.splat(1.0 / 18.0), simd.splat(-1.0)
    for b in range(count):
        # A certain rival that came so far lies below all that own can reach.
        if b == own or scales[b] == 0.0:
            continue
        offset, slope = (centres[own] - centres[b]) / scales[b], scales[own] / scales[b]
        if offset - slope * REACH >= LIMIT:
            continue
        origin, rate = simd.splat(offset), simd.splat(slope)
        for j in range(0, nodes, lanes):
            x = simd.fma(simd.load(NODES, base + j), rate, origin)
            x = simd.minimum(simd.maximum(x, floor), limit)
            v = simd.fma(simd.mul(x, x), scale, shift)
            p = simd.splat(PHI[0])
            for c in range(1, PHI.size):
                p = simd.fma(p, v, simd.splat(PHI[c]))
            p = simd.fma(p, x, half)
            simd.store(work, j, simd.mul(simd.load(work, j), p))
    total = simd.load(work, 0)
    for j in range(lanes, nodes, lanes):
        total = simd.add(total, simd.load(work, j))
    return simd.reduce_add(total)


@serial
def _panel(centres, scales, count, own, low, high):
    """Kronrod's and Gauss's estimate on one panel of own's deviate z."""
    centre, half = 0.5 * (low + high), 0.5 * (high - low)
    kronrod = gauss = 0.0
    for node in range(15):
        place = node if node < 8 else 14 - node
        z = centre + (-half if node < 8 else half) * quadrature.NODES[place]
        level = density(z)
        for b in range(count):
            if b != own and scales[b] > 0.0:
                level *= cumulative((centres[own] + scales[own] * z - centres[b]) / scales[b])
        kronrod += quadrature.KRONROD[place] * level
        gauss += quadrature.GAUSS[place] * level
    return kronrod * half, gauss * half


@serial
def _adaptive(centres, scales, count, own):
    """P(``own`` is the largest) where the scales differ too much for equal steps, or are zero."""
    low, high = -REACH, REACH
    for b in range(count):
        if b != own and scales[b] == 0.0:
            # A certain rival: only what lies above it wins; between two, the lower position.
            gap = centres[b] - centres[own]
            if scales[own] > 0.0:
                low = max(low, gap / scales[own])
            elif gap > 0.0 or (gap == 0.0 and b < own):
                return 0.0
    if scales[own] == 0.0:
        level = 1.0
        for b in range(count):
            if b != own and scales[b] > 0.0:
                level *= cumulative((centres[own] - centres[b]) / scales[b])
        return level
    if low >= high:
        return 0.0
    stack = np.empty((quadrature.DEPTH + 8, 2))
    for c in range(8):
        stack[c, 0] = low + (high - low) * c / 8.0
        stack[c, 1] = low + (high - low) * (c + 1) / 8.0
    height, total = 8, 0.0
    while height > 0:
        height -= 1
        left, right = stack[height, 0], stack[height, 1]
        kronrod, gauss = _panel(centres, scales, count, own, left, right)
        middle = 0.5 * (left + right)
        small = abs(kronrod - gauss) < quadrature.TOLERANCE
        if small or height + 2 > quadrature.DEPTH or not left < middle < right:
            total += kronrod
        else:
            stack[height, 0], stack[height, 1] = left, middle
            stack[height + 1, 0], stack[height + 1, 1] = middle, right
            height += 2
    return total


@serial
def winning_probability(centres, scales, count, own, work):
    """P(normal ``own`` is the largest of ``count``), ties to the lowest position.

    ``centres``, ``scales`` ≥ 0 float64[count]; ``work`` float64[MOST_NODES] is scratch. NaN where
    one of them is not finite: no panel would ever be narrow enough.
    """
    if count == 1:
        return 1.0
    total = 0.0
    for b in range(count):
        total += abs(centres[b]) + scales[b]
    if not total < np.inf:
        return np.nan
    bandwidth = 1.0
    for b in range(count):
        # A rival that loses by 8 of its deviations anywhere in reach does not bend the integrand.
        gap = centres[own] - centres[b] - REACH * scales[own]
        if b != own and not gap >= 8.0 * scales[b]:
            ratio = scales[own] / scales[b] if scales[b] > 0.0 else np.inf
            bandwidth += ratio * ratio
    level = rule_for(bandwidth) if scales[own] > 0.0 and bandwidth < np.inf else LEVELS
    if level < LEVELS:
        return max(_by_rule(centres, scales, count, own, level, work), 0.0)
    return _adaptive(centres, scales, count, own)
