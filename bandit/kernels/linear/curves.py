"""Expected outcomes through the logistic link, less what a linear model says of them.

A few rows are in float64 beside each other, and pass eight actions at a time: the products with the
modes and with the line, the curve, and the sum of it all stay in the first-level cache. A row's
sums run in the same order in every batch, alone or among others.
"""

from __future__ import annotations

import numpy as np

from bandit.core.types import Float32, Float64
from bandit.kernels import simd
from bandit.kernels._compile import inline, serial
from bandit.kernels.linear.link import LOGIT, response_8
from bandit.kernels.linear.pair_moments import gather
from bandit.kernels.simd import product

LANES = simd.LANES_64
BLOCK = 48
"""Rows that lie beside each other: 14 kB at d = 37."""
SIDE = 4
"""Products of one row at a time."""
_TILE = product.ROWS * LANES


def packed(theta: Float64, weight: Float64, base: Float64) -> tuple[Float64, Float64]:
    """Panels and weights as the kernels take them, of actions padded to w, a multiple of eight.

    ``theta`` float64[e, k, d], ``weight`` float64[e, k], ``base`` float64[k, d]. Panels are
    float64[w / 8, e + 1, d, 8], ``−base`` before the modes; weights float64[e, w].
    """
    parts, k, d = theta.shape
    width = product.padded(k, LANES)
    panels, weights = np.zeros((parts + 1, width, d)), np.zeros((parts, width))
    panels[0, :k], panels[1:, :k], weights[:, :k] = -base, theta, weight
    apart = panels.reshape(parts + 1, width // LANES, LANES, d).transpose(1, 0, 3, 2)
    return np.ascontiguousarray(apart), weights


def empty_rooms(n: int, d: int, grain: int) -> Float64:
    """Scratch of `lifts_into` for n rows, a line for each ``grain`` of them."""
    n = max(n, 1)
    rows = min(BLOCK, product.padded(n, product.ROWS))
    return np.zeros((-(-n // grain), rows * d + 2 * _TILE))


@inline
def _bend(x: Float64, score: int, weight: Float64, at: int, total: int) -> None:
    """Add eight outcomes of ``x[score:]``, as much as they weigh, to ``x[total:]``."""
    chance = response_8(LOGIT, simd.load(x, score))
    simd.store(x, total, simd.fma(simd.load(weight, at), chance, simd.load(x, total)))


@inline
def _tile_into(
    x: Float64, at: int, rows: int, d: int, panels: Float64, weight: Float64, left: int, total: int
) -> None:
    """Lifts of actions ``left`` to ``left + 8`` of up to six rows, to ``x[total:]``."""
    parts, width = weight.shape
    size, score = d * LANES, total + _TILE
    start = left * d * (parts + 1)
    simd.tile_6x1(x, at, d, panels, start, d, x, total, LANES)
    for e in range(parts):
        simd.tile_6x1(x, at, d, panels, start + (e + 1) * size, d, x, score, LANES)
        for r in range(rows):
            _bend(x, score + r * LANES, weight, e * width + left, total + r * LANES)


@inline
def _line_into(
    x: Float64, at: int, d: int, panels: Float64, weight: Float64, left: int, total: int
) -> None:
    """The same of one row: four products side by side, for none waits for another's sum."""
    parts, width = weight.shape
    size, score = d * LANES, total + _TILE
    start = left * d * (parts + 1)
    for first in range(0, parts + 1, SIDE):
        many = min(SIDE, parts + 1 - first)
        if many == SIDE:
            simd.line_1x4(x, at, panels, start + first * size, LANES, size, d, x, score)
        else:
            for c in range(many):
                place = start + (first + c) * size
                simd.line_1x1(x, at, panels, place, LANES, LANES, d, x, score + c * LANES)
        for c in range(many):
            if first + c == 0:
                simd.store(x, total, simd.load(x, score))
            else:
                _bend(x, score + c * LANES, weight, (first + c - 1) * width + left, total)


@serial
def lifts_into(
    first: int, last: int, narrow: Float32, broad: Float64, panels: Float64, weight: Float64,
    grain: int, rooms: Float64, out: Float64,
) -> None:  # fmt: skip
    """Write lifts ``Σ_e w_ea σ(xᵀθ_ea) − xᵀb_a`` to ``out`` float64[n, k], rows first to last.

    ``panels`` and ``weight`` as `packed`, ``rooms`` as `empty_rooms` makes them; ``narrow``
    float32[n, d] or ``broad`` float64[n, d], the other empty.
    """
    d, k, wide = panels.shape[2], out.shape[1], broad.shape[0] > 0
    x = rooms[first // grain]
    total = x.size - 2 * _TILE
    block = total // d
    for top in range(first, last, block):
        rows = min(block, last - top)
        for r in range(rows):
            gather(narrow, broad, wide, top + r, d, x, r * d)
        for left in range(0, k, LANES):
            columns = min(LANES, k - left)
            for r in range(0, rows, product.ROWS):
                several = min(product.ROWS, rows - r)
                if several == 1:
                    _line_into(x, r * d, d, panels, weight, left, total)
                else:
                    _tile_into(x, r * d, several, d, panels, weight, left, total)
                for each in range(several):
                    for c in range(columns):
                        out[top + r + each, left + c] = x[total + each * LANES + c]
