"""Sums of a line and of outcomes through curves, of every action: in float32 or float64.

A few rows are beside each other, and pass a vector of actions at a time: the products with the line
and with the modes, the curve, and the sum of it all stay in the first-level cache. A row's sums run
in the same order in every batch, alone or among others.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from bandit.core.types import Array, Float32, Float64
from bandit.kernels import simd
from bandit.kernels._compile import inline
from bandit.kernels.simd import product

BLOCK = 48
"""Rows that lie beside each other: 7 kB in float32 at d = 37."""
SIDE = 4
"""Products of one row at a time."""
Curve = Callable[[Array], Array]


def panels(
    theta: Float64, weight: Float64, line: Float64, lanes: int, kind: npt.DTypeLike
) -> tuple[Array, Array]:
    """Panels and weights as `sums_into` takes them, of actions padded to w, a multiple of lanes.

    ``theta`` float64[e, k, d], ``weight`` float64[e, k], ``line`` float64[k, d]. Panels are
    [w / lanes, e + 1, d, lanes], the line before the modes; weights [e, w].
    """
    parts, k, d = theta.shape
    width = product.padded(k, lanes)
    sides, weights = np.zeros((parts + 1, width, d), kind), np.zeros((parts, width), kind)
    sides[0, :k], sides[1:, :k], weights[:, :k] = line, theta, weight
    apart = sides.reshape(parts + 1, width // lanes, lanes, d).transpose(1, 0, 3, 2)
    return np.ascontiguousarray(apart), weights


def empty_rooms(n: int, d: int, grain: int, lanes: int, kind: npt.DTypeLike) -> Array:
    """Scratch of `sums_into` for n rows, a line for each ``grain`` of them."""
    n = max(n, 1)
    rows = min(BLOCK, product.padded(n, product.ROWS))
    return np.zeros((-(-n // grain), rows * d + 2 * product.ROWS * lanes), kind)


@inline
def _bend(curve: Curve, x: Array, score: int, weight: Array, at: int, total: int) -> None:
    """Add a vector of outcomes of ``x[score:]``, as much as they weigh, to ``x[total:]``."""
    chance = curve(simd.load(x, score))
    simd.store(x, total, simd.fma(simd.load(weight, at), chance, simd.load(x, total)))


@inline
def _tile_into(
    curve: Curve, lanes: int, x: Array, at: int, rows: int, sides: Array, weight: Array, left: int,
    total: int,
) -> None:  # fmt: skip
    """Sums of actions ``left`` to ``left + lanes`` of up to six rows, added to ``x[total:]``."""
    parts, width = weight.shape
    d, lines = sides.shape[2], sides.shape[1] - parts
    size, score = d * lanes, total + product.ROWS * lanes
    start = left * d * (parts + lines)
    if lines == 1:
        simd.tile_6x1(x, at, d, sides, start, d, x, total, lanes)
    for e in range(parts):
        simd.tile_6x1(x, at, d, sides, start + (e + lines) * size, d, x, score, lanes)
        for r in range(0, rows * lanes, lanes):
            _bend(curve, x, score + r, weight, e * width + left, total + r)


@inline
def _line_into(
    curve: Curve, lanes: int, x: Array, at: int, sides: Array, weight: Array, left: int, total: int
) -> None:
    """The same of one row: four products side by side, for none waits for another's sum."""
    parts, width = weight.shape
    d, lines = sides.shape[2], sides.shape[1] - parts
    size, score = d * lanes, total + product.ROWS * lanes
    start = left * d * (parts + lines)
    for first in range(0, parts + lines, SIDE):
        many = min(SIDE, parts + lines - first)
        if many == SIDE:
            simd.line_1x4(x, at, sides, start + first * size, lanes, size, d, x, score)
        else:
            for c in range(many):
                place = start + (first + c) * size
                simd.line_1x1(x, at, sides, place, lanes, lanes, d, x, score + c * lanes)
        for c in range(many):
            e = first + c - lines
            if e < 0:
                simd.store(x, total, simd.load(x, score))
            else:
                _bend(curve, x, score + c * lanes, weight, e * width + left, total)


@inline
def sums_into(
    curve: Curve, lanes: int, first: int, last: int, narrow: Float32, broad: Float64, sides: Array,
    weight: Array, x: Array, out: Array,
) -> None:  # fmt: skip
    """Write ``xᵀb_a + Σ_e w_ea curve(xᵀθ_ea)`` to ``out`` [n, k or w], rows first to last.

    ``sides`` and ``weight`` as `panels` makes them, the line b left out where all is zero; ``x`` of
    `empty_rooms`. ``narrow`` float32[n, d] or ``broad`` float64[n, d], the other empty.
    """
    d, width, wide = sides.shape[2], out.shape[1], broad.shape[0] > 0
    total = x.size - 2 * product.ROWS * lanes
    block = total // d
    for top in range(first, last, block):
        rows = min(block, last - top)
        for r in range(rows):
            for j in range(d):
                x[r * d + j] = broad[top + r, j] if wide else narrow[top + r, j]
        for left in range(0, width, lanes):
            columns = min(lanes, width - left)
            for r in range(0, rows, product.ROWS):
                several = min(product.ROWS, rows - r)
                for each in range(total, total + several * lanes, lanes):
                    simd.store(x, each, simd.splat(x.dtype.type(0.0)))
                if several == 1:
                    _line_into(curve, lanes, x, r * d, sides, weight, left, total)
                else:
                    _tile_into(curve, lanes, x, r * d, several, sides, weight, left, total)
                for each in range(several):
                    found, place = total + each * lanes, (top + r + each) * width + left
                    if columns == lanes:
                        simd.store(out, place, simd.load(x, found))
                    else:
                        for c in range(columns):
                            out[top + r + each, left + c] = x[found + c]
