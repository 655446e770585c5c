"""An integral as the sum of equally spaced heights, if they tell that it is one."""

from __future__ import annotations

import math

import numpy as np

from bandit.core.types import Float64, Integer
from bandit.kernels import simd
from bandit.kernels._compile import natural, within

_TOLERANCE = 1e-7
_ALIASED_12, _ALIASED_8, _ALIASED_6 = (
    2.0 * math.exp(-2.0 * math.pi * math.sqrt(square)) for square in (12.0, 8.0, 6.0)
)
_TRUSTED, _GRADUALLY, _DOUBTED = 1e-7, 1e-6, 1e-9
"""What `settled` lets pass of equal and graded steps that resolve the steepest rival everywhere,
and of others."""
_EVEN, _ODD = (
    np.tile([1.0, -0.5, -0.5], 8),
    np.tile([0.0, 0.8660254037844386, -0.8660254037844386], 8),
)
"""The third of the sampling frequency at 24 nodes."""
_NOISE = 1e-12
"""Heights are off by so little."""


@within
def _aliased(heights: Float64, nodes: Integer) -> tuple[float, float, float]:
    """``Σ f bendᵃ`` for a of 6, 4 and 3 over the inner ``nodes``, bend = f²/(f before · f after).

    ``heights`` may be read for seven more.
    """
    noise, zero = simd.splat(_NOISE), simd.splat(0.0)
    sixth, fourth, third = zero, zero, zero
    for j in range(1, nodes - 1, 8):
        before = simd.add(simd.load(heights, j - 1), noise)
        here = simd.add(simd.load(heights, j), noise)
        after = simd.add(simd.load(heights, j + 1), noise)
        bend = simd.div(simd.mul(here, here), simd.mul(before, after))
        left = natural(nodes - 1 - j)
        inner = np.int64(255) if left >= 8 else (np.int64(1) << np.int64(left)) - 1
        bend = simd.pick(inner, bend, zero)
        square = simd.mul(bend, bend)
        cube = simd.mul(square, bend)
        third = simd.fma(here, cube, third)
        fourth = simd.fma(here, simd.mul(square, square), fourth)
        sixth = simd.fma(here, simd.mul(cube, cube), sixth)
    return simd.reduce_add(sixth), simd.reduce_add(fourth), simd.reduce_add(third)


@within
def settled(heights: Float64, nodes: Integer, step: float, sure: bool, graded: bool) -> float:
    """The integral by ``nodes`` equal steps if it is as good as is claimed, else −1.

    For any a the rule's error is at most ``2 exp(−2πa/step) ∫ |f(z + ia)| dz`` (Trefethen,
    Weideman 2014), and |f(z + ia)| is about f(z) exp(a² S(z)/2), S = −(ln f)″. All rivals bend one
    way, Φ being log-concave, so no two can hide each other: step² S is ln of f² over the product of
    f before and after, at every node. Of a = √12, √8 and √6 steps the best bound counts: where a
    wins seldom, against many, a shorter one.

    Where far steeper rivals bend just below, that is no bound yet. So besides, the sums over
    j mod 3 tell what a third of the sampling frequency aliases, whose cube bounds the error where
    bells are smooth; its seventh power (a bell's would be the ninth) where no rival is too steep
    for the steps, that is where they are ``sure``. Even and odd nodes would not do: by symmetry
    they can agree by chance.
    """
    whole = even = odd = simd.splat(0.0)
    for j in range(0, nodes, 8):
        left = natural(nodes - j)
        inside = np.int64(255) if left >= 8 else (np.int64(1) << np.int64(left)) - 1
        height = simd.pick(inside, simd.load(heights, j), simd.splat(0.0))
        whole = simd.add(whole, height)
        even = simd.fma(height, simd.load(_EVEN, j % 24), even)
        odd = simd.fma(height, simd.load(_ODD, j % 24), odd)
    p = simd.reduce_add(whole) * step
    alternating, shifted = simd.reduce_add(even), simd.reduce_add(odd)
    gap = math.sqrt(alternating * alternating + shifted * shifted) * step
    trusted = sure and not graded
    share = gap / p if p > 0.0 else 1.0
    powers = share * share * share
    powers *= powers * share if trusted else 1.0
    if not (powers * p <= _TOLERANCE or p + gap < _TOLERANCE):
        return -1.0
    sixth, fourth, third = _aliased(heights, nodes)
    error = _ALIASED_12 * sixth
    limit = _GRADUALLY if sure else _DOUBTED
    if trusted:
        error, limit = min(error, _ALIASED_8 * fourth, _ALIASED_6 * third), _TRUSTED
    if not error * step <= limit:
        return -1.0
    return min(p, 1.0)
