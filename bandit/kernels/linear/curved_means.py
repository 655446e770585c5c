"""Means that go through the logistic link, of every action in float32, within a bound.

They only tell whom it is worth to settle: `curved_pairs` finds in float64 what a decision hangs on.
A few rows are beside each other, and pass sixteen actions at a time: the products with the modes,
the curve, and the sum of it all stay in the first-level cache. A row's sums run in the same order
in every batch, alone or among others.
"""

from __future__ import annotations

import numpy as np

from bandit.core.types import Float32, Float64
from bandit.kernels import simd
from bandit.kernels._compile import inline, serial
from bandit.kernels.simd import product

LANES = simd.LANES
BLOCK = 48
"""Rows that lie beside each other: 7 kB at d = 37."""
SIDE = 4
"""Products of one row at a time."""
_TILE = product.ROWS * LANES
UNIT = 2.0**-24
LEAST = 2.0**-149
"""Float32's smallest number."""
MOST = 1e30
"""Products with more than this may come to no number."""
BEND = 4e-7
"""By how much a chance is off at most, for whatever score: `curve_16`."""
_END = np.float32(16.0)
"""Beyond this a chance is 0 or 1 within 1.2e-7."""
# σ(s) = ½ + s P(s²)/Q(s²) on [−16, 16], highest power first, off by 6.5e-8 where sums are exact.
_ABOVE = np.array([
    4.418049148559587e-08, 4.591915362363704e-05, 0.008071024636435484, 0.2499998405086062,
], np.float32)  # fmt: skip
_BELOW = np.array([
    9.468109354501065e-10, 3.703565929633033e-06, 0.0014852386949004235, 0.11561684536939001, 1.0,
], np.float32)  # fmt: skip


def packed(
    theta: Float64, weight: Float64, rest: Float64, scale: Float64
) -> tuple[Float32, Float32, Float32, float]:
    """Panels, weights, ``error`` float32[w] and ``ground`` as `means_into` and bounds take them.

    ``theta`` float64[e, k, d], ``weight`` float64[e, k], ``rest`` float64[k, d], w = padded(k, 16).
    Panels are float32[w / 16, e or e + 1, d, 16], the rest before the modes unless it is next
    to nothing; weights float32[e, w]. What is found of action a lies within ``error_a·|x / scale| +
    ground`` of ``Σ_e weight_ea σ(xᵀ theta_ea) + xᵀ rest_a``.
    """
    parts, k, d = theta.shape
    width = product.padded(k, LANES)
    panels = np.zeros((parts + 1, width, d), np.float32)
    weights, error = np.zeros((parts, width), np.float32), np.zeros(width, np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        panels[0, :k], panels[1:, :k], weights[:, :k] = rest, theta, weight
        # Of a product with d features, its factors rounded before: d + 3 roundings. A curve is
        # nowhere steeper than a quarter. Then the sum over the parts.
        size = np.abs(weight)
        slope = (np.linalg.norm(theta * scale, axis=2) * size).sum(axis=0) / 4.0
        line = np.linalg.norm(rest * scale, axis=1)
        whole = bool((line > UNIT * slope).any())
        error[:k] = 1.01 * UNIT * ((d + 3.0) * slope + (d + parts + 5.0) * line)
        error[:k] += 0.0 if whole else 1.01 * line
        # Beyond float32's range a number loses more than its last digits: half of `LEAST` each.
        error[:k] += LEAST * np.linalg.norm(scale) * (1.0 + size.sum(axis=0) / 4.0)
        error[:k][~(np.abs(panels).max(axis=(0, 2))[:k] < MOST)] = np.inf
        ground = 1.01 * float(((BEND + (parts + 5.0) * UNIT) * size.sum(axis=0)).max())
    apart = panels.reshape(parts + 1, width // LANES, LANES, d).transpose(1, 0, 3, 2)
    apart = apart if whole else apart[:, 1:]
    return np.ascontiguousarray(apart), weights, np.nextafter(error, np.float32(np.inf)), ground


def empty_rooms(n: int, d: int, grain: int) -> Float32:
    """Scratch of `means_into` for n rows, a line for each ``grain`` of them."""
    n = max(n, 1)
    rows = min(BLOCK, product.padded(n, product.ROWS))
    return np.zeros((-(-n // grain), rows * d + 2 * _TILE), np.float32)


@inline
def curve_16(score: simd.Vector32) -> simd.Vector32:
    """σ of sixteen scores, off by `BEND` at most; what is no number becomes an end of it."""
    end = simd.splat(_END)
    s = simd.minimum(simd.maximum(score, simd.splat(-_END)), end)
    t = simd.mul(s, s)
    above, below = simd.splat(_ABOVE[0]), simd.splat(_BELOW[0])
    for i in range(1, _ABOVE.size):
        above = simd.fma(above, t, simd.splat(_ABOVE[i]))
    for i in range(1, _BELOW.size):
        below = simd.fma(below, t, simd.splat(_BELOW[i]))
    return simd.add(simd.splat(np.float32(0.5)), simd.div(simd.mul(s, above), below))


@inline
def _bend(x: Float32, score: int, weight: Float32, at: int, total: int) -> None:
    """Add sixteen outcomes of ``x[score:]``, as much as they weigh, to ``x[total:]``."""
    chance = curve_16(simd.load(x, score))
    simd.store(x, total, simd.fma(simd.load(weight, at), chance, simd.load(x, total)))


@inline
def _tile_into(
    x: Float32, at: int, rows: int, d: int, panels: Float32, weight: Float32, left: int, total: int
) -> None:
    """Means of actions ``left`` to ``left + 16`` of up to six rows, to ``x[total:]``."""
    parts, width = weight.shape
    lines = panels.shape[1] - parts
    size, score = d * LANES, total + _TILE
    start = left * d * (parts + lines)
    if lines == 1:
        simd.tile_6x1(x, at, d, panels, start, d, x, total, LANES)
    else:
        for r in range(rows):
            simd.store(x, total + r * LANES, simd.splat(np.float32(0.0)))
    for e in range(parts):
        simd.tile_6x1(x, at, d, panels, start + (e + lines) * size, d, x, score, LANES)
        for r in range(rows):
            _bend(x, score + r * LANES, weight, e * width + left, total + r * LANES)


@inline
def _line_into(
    x: Float32, at: int, d: int, panels: Float32, weight: Float32, left: int, total: int
) -> None:
    """The same of one row: four products side by side, for none waits for another's sum."""
    parts, width = weight.shape
    lines = panels.shape[1] - parts
    size, score = d * LANES, total + _TILE
    start = left * d * (parts + lines)
    if lines == 0:
        simd.store(x, total, simd.splat(np.float32(0.0)))
    for first in range(0, parts + lines, SIDE):
        many = min(SIDE, parts + lines - first)
        if many == SIDE:
            simd.line_1x4(x, at, panels, start + first * size, LANES, size, d, x, score)
        else:
            for c in range(many):
                place = start + (first + c) * size
                simd.line_1x1(x, at, panels, place, LANES, LANES, d, x, score + c * LANES)
        for c in range(many):
            e = first + c - lines
            if e < 0:
                simd.store(x, total, simd.load(x, score))
            else:
                _bend(x, score + c * LANES, weight, e * width + left, total)


@serial
def means_into(
    first: int, last: int, narrow: Float32, broad: Float64, panels: Float32, weight: Float32,
    grain: int, rooms: Float32, out: Float32,
) -> None:  # fmt: skip
    """Write what `packed` names to ``out`` float32[n·w], rows first to last.

    ``rooms`` as `empty_rooms` makes them; ``narrow`` float32[n, d] or ``broad`` float64[n, d], the
    other empty.
    """
    d, wide, width = panels.shape[2], broad.shape[0] > 0, weight.shape[1]
    x = rooms[first // grain]
    total = x.size - 2 * _TILE
    block = total // d
    for top in range(first, last, block):
        rows = min(block, last - top)
        for r in range(rows):
            for j in range(d):
                x[r * d + j] = np.float32(broad[top + r, j]) if wide else narrow[top + r, j]
        for left in range(0, width, LANES):
            for r in range(0, rows, product.ROWS):
                several = min(product.ROWS, rows - r)
                if several == 1:
                    _line_into(x, r * d, d, panels, weight, left, total)
                else:
                    _tile_into(x, r * d, several, d, panels, weight, left, total)
                for each in range(several):
                    found = simd.load(x, total + each * LANES)
                    simd.store(out, (top + r + each) * width + left, found)
