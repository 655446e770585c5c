"""Moments of all actions of a row as products of matrices, for rows that many actions may win.

In coordinates whitened by the pooled root R, ``u = R x/|R x|``, an action's covariance is
``B = share·I + E``: actions share most of their shape, what is left is small, and

    s² = |R x|² (share + ⟨vech E, vech u uᵀ⟩)

is one float32 product for all actions, with every off-diagonal element of E taken twice. Actions of
the same covariance, as all those not seen yet, share a column. Means are a product in float64.

|u| = 1, so the product is off by at most `LOSS`·|E| (Frobenius; Cauchy, Schwarz): whoever may win
within that is settled again in float64, and a choice stays that of the float64 twin.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit.core.types import Float32, Float64, Int16, Int32, Int64, UInt8
from bandit.kernels import simd
from bandit.kernels._compile import anywhere, inline, serial, within
from bandit.kernels.linear.pair_moments import gather
from bandit.kernels.simd import product

SIDE = 4
"""Sums side by side: a multiplication waits for the one before it four cycles."""
DEPTH = 256
"""Depth of a product: 64 columns × 256 × 4 bytes = 64 kB of the second-level cache at most."""
SQUARES = 400_000
"""Bytes of a block's squares: with the columns of a depth they stay in the second-level cache."""
UNIT = 2.0**-24
LOSS = np.float32((DEPTH + 64 + 16) * UNIT)
"""Of |E|: one rounding a product of a depth (at most d more), a few for squares and columns."""
TYPICAL = np.float32(UNIT)
"""Of |E|: what is really lost, roundings being as often up as down."""
FINE = np.float32(1e-6)
"""A width that is typically off by more than this of itself is settled in float64."""


class Dense(NamedTuple):
    """A model's covariances side by side; w columns, a multiple of 16.

    ``root`` float64, R packed by `product.pack_triangles_into` for eight lanes; ``theta`` float64
    [g, d, 8], g = ceil(k/8), ``known`` uint8[g] whether any of the eight is not zero everywhere, as
    those are that nobody has seen; ``column`` int32[k]; ``kinds`` int32[k] the same for actions of
    the same mean and covariance, empty where no two have them; ``share``, ``size`` (|E|)
    float32[w]; ``panels`` float32[w·d(d+1)/2], packed depth after depth as ``edges`` int64 cuts the
    rows of vech E. ``short`` are the same in int16, with steps and errors float32[w] that
    `dense_bounds` explains. All but ``kinds`` are empty where a model is too large, or its pooled
    factor bounds nothing. ``sorted``: columns that count for the same rows mostly lie together, so
    that products are made of panels where they count; then nothing is ``short``.
    """

    root: Float64
    theta: Float64
    known: UInt8
    column: Int32
    kinds: Int32
    share: Float32
    size: Float32
    panels: Float32
    edges: Int64
    short: Int16
    short_step: Float32
    short_error: Float32
    sorted: bool


@inline
def triangle(i: int) -> int:
    """Elements above row i of a lower triangle."""
    return i * (i + 1) // 2


def covariances_into(
    first: int, last: int, inverse: Float64, lower: Float64, vech: Float64, share: Float64,
    size: Float64,
) -> None:  # fmt: skip
    """``vech E`` float64[k, d(d+1)/2], off-diagonal twice, share and |E| of actions first to last.

    ``inverse`` float64[k, d, d] are the actions' W, ``lower`` the pooled Cholesky factor R⁻¹.
    """
    turned, whole = np.empty((2, *lower.shape))
    _covariances_into(first, last, inverse, lower, vech, share, size, turned, whole)


@serial
def _covariances_into(
    first: int, last: int, inverse: Float64, lower: Float64, vech: Float64, share: Float64,
    size: Float64, turned: Float64, whole: Float64,
) -> None:  # fmt: skip
    d = lower.shape[0]
    for a in range(first, last):
        for i in range(d):
            for j in range(d):
                turned[i, j] = whole[i, j] = 0.0
            for c in range(i + 1):
                factor = inverse[a, i, c]
                for j in range(c + 1):
                    turned[i, j] += factor * lower[c, j]
        for r in range(d):
            for i in range(r + 1):
                factor = turned[r, i]
                for j in range(i + 1):
                    whole[i, j] += factor * turned[r, j]
        trace = 0.0
        for i in range(d):
            trace += whole[i, i]
        square, at = 0.0, 0
        for i in range(d):
            for j in range(i):
                vech[a, at + j] = 2.0 * whole[i, j]
                square += 2.0 * whole[i, j] ** 2
            vech[a, at + i] = whole[i, i] - trace / d
            square += vech[a, at + i] ** 2
            at += i + 1
        share[a], size[a] = trace / d, np.sqrt(square)


def block_of(d: int) -> int:
    """Rows whose squares fit the cache: a multiple of six between 6 and 48."""
    return max(6, min(48, SQUARES // (2 * d * (d + 1)) // 6 * 6))


@inline
def _means_of_row(x: Float64, d: int, dense: Dense, first: int, many: int, out: Float64) -> None:
    """Means of ``many`` groups of eight: four sums side by side, for none waits for another."""
    theta, size, known = dense.theta, d * 8, np.int64(0)
    for g in range(first, first + many):
        known += dense.known[g]
    if many == SIDE and known == SIDE:
        simd.line_1x4(x, 0, theta, first * size, 8, size, d, out, first * 8)
        return
    for g in range(first, first + many):
        if dense.known[g]:
            simd.line_1x1(x, 0, theta, g * size, 8, size, d, out, g * 8)
        else:
            simd.store(out, g * 8, simd.splat(0.0))


@within
def _means_into(x: Float64, rows: int, wide: int, d: int, dense: Dense, out: Float64) -> None:
    """``out`` float64[rows, 8·ceil(k/8)] = x · theta."""
    theta, groups, nothing = dense.theta, dense.theta.shape[0], simd.splat(0.0)
    if rows == 1:
        for g in range(0, groups, SIDE):
            _means_of_row(x, d, dense, g, min(SIDE, groups - g), out)
        return
    for g in range(groups):
        for r in range(0, rows, product.ROWS):
            at = (r * groups + g) * 8
            if dense.known[g]:
                simd.tile_6x1(x, r * wide, wide, theta, g * d * 8, d, out, at, groups * 8)
            else:
                for line in range(product.ROWS):
                    simd.store(out, at + line * groups * 8, nothing)


@within
def _turn_into(
    z: Float64, rows: int, d: int, wide: int, turned: Float32, stride: int, length: Float64
) -> None:
    """Unit vectors u float32[rows, stride] and |R x|² from R x float64[rows, wide]."""
    for r in range(rows):
        square = product.square_norm(z, r * wide, wide, simd.LANES_64)
        length[r] = square
        inverse = simd.splat(1.0 / np.sqrt(square) if square > 0.0 else 0.0)
        for j in range(0, d, simd.LANES_64):
            simd.store_as(turned, r * stride + j, simd.mul(simd.load(z, r * wide + j), inverse))


@within
def _squares_into(
    turned: Float32, stride: int, rows: int, tiled: int, edges: Int64, y: Float32
) -> None:
    """``vech u uᵀ`` of each row, depth after depth; sixteen elements after the last exist.

    A vector's overhang is written over by what follows.
    """
    for c in range(edges.size - 1):
        begin = triangle(edges[c])
        size = triangle(edges[c + 1]) - begin
        for r in range(rows):
            at = begin * tiled + r * size
            for i in range(edges[c], edges[c + 1]):
                factor = simd.splat(turned[r * stride + i])
                for j in range(0, i + 1, simd.LANES):
                    simd.store(y, at + j, simd.mul(factor, simd.load(turned, r * stride + j)))
                at += i + 1


@within
def _product_into(y: Float32, tiled: int, dense: Dense, part: Float32, table: Float32) -> None:
    """``table`` float32[tiled, w]: ⟨vech E, vech u uᵀ⟩, the depths added in their order.

    ``tiled`` is a multiple of six, or one.
    """
    width, edges, lanes = dense.share.size, dense.edges, simd.LANES
    # Half a vector of columns may fill up; in the scratch it stays zero.
    filled = not dense.sorted and dense.share[width - simd.LANES_64] == 0.0
    columns = width - simd.LANES_64 if filled else width
    for c in range(edges.size - 1):
        begin, end = triangle(edges[c]), triangle(edges[c + 1])
        panels = dense.panels[begin * width : end * width]
        out = table if c == 0 else part
        if tiled == 1:
            product.multiply_row_into(y, begin, end - begin, panels, out)
        else:
            product.multiply_into(y, begin * tiled, tiled, end - begin, panels, out, columns)
        if c > 0:
            for p in range(0, tiled * width, lanes):
                simd.store(table, p, simd.add(simd.load(table, p), simd.load(part, p)))


@within
def _some_products_into(
    y: Float32, tiled: int, rows: int, dense: Dense, some: product.Some, table: Float32
) -> None:
    """`_product_into` of so many rows where ``some.needs`` it; the rest of the table stands."""
    width, edges = dense.share.size, dense.edges
    for c in range(edges.size - 1):
        begin, end = triangle(edges[c]), triangle(edges[c + 1])
        panels = dense.panels[begin * width : end * width]
        product.multiply_some_into(
            y, begin * tiled, rows, end - begin, panels, some, c > 0, table
        )  # fmt: skip


@anywhere
def dense_depth(d: int) -> int:
    """Elements of vech E, to a whole pair."""
    return (d * (d + 1) // 2 + 1) // 2 * 2


def short_limit(d: int) -> float:
    """Steps that a rounded vech is long at most: rounding to whole steps keeps it below 2¹⁵."""
    return float(32700.0 - np.sqrt(dense_depth(d)))


class Room(NamedTuple):
    """Scratch of `fill_rows`; of `widths_into` float32[w] thrice, float64[w].

    Of `dense_bounds` ``floors`` float64[w], ``short`` int16 squares, ``unit`` float32 steps of
    rows, and sixteen ones. ``some`` of sorted columns, empty for others.
    """

    x: Float64
    z: Float64
    length: Float64
    turned: Float32
    y: Float32
    part: Float32
    table: Float32
    means: Float64
    shares: Float32
    roots: Float32
    lost: Float32
    widths: Float64
    floors: Float64
    short: Int16
    unit: Float32
    ones: Float32
    some: product.Some


def empty_room(dense: Dense, d: int, rows: int) -> Room:
    """Make scratch for up to so many rows."""
    rows = min(block_of(d), -(-rows // product.ROWS) * product.ROWS)
    wide, stride = -(-d // simd.LANES_64) * simd.LANES_64, -(-d // simd.LANES) * simd.LANES
    width = dense.share.size
    return Room(
        np.zeros(rows * wide), np.zeros(rows * wide), np.empty(rows),
        np.zeros(rows * stride + simd.LANES, np.float32),
        np.zeros(rows * (d * (d + 1) // 2) + simd.LANES, np.float32),
        np.zeros(rows * width, np.float32), np.zeros(rows * width, np.float32),
        np.empty(rows * dense.theta.shape[0] * 8),
        np.empty(width, np.float32), np.empty(width, np.float32), np.empty(width, np.float32),
        np.empty(width), np.empty(width),
        np.zeros(rows * dense_depth(d) + simd.LANES, np.int16),
        np.full(rows, np.float32(1.0 / short_limit(d))), np.ones(simd.LANES, np.float32),
        product.empty_some(rows if dense.sorted else 0, width),
    )  # fmt: skip


@within
def turn_rows(
    narrow: Float32, broad: Float64, rows_of: Int64, count: int, dense: Dense, room: Room
) -> None:  # fmt: skip
    """Means, |R x|² and u of ``count`` rows of contexts, numbered in ``rows_of``."""
    d = narrow.shape[1]
    wide, stride = product.padded(d, simd.LANES_64), product.padded(d, simd.LANES)
    tiled = product.padded(count, product.ROWS)
    for r in range(count):
        gather(narrow, broad, broad.shape[0] > 0, rows_of[r], d, room.x, r * wide)
    _means_into(room.x, 1 if count == 1 else tiled, wide, d, dense, room.means)
    product.triangle_into(room.x, 0, tiled, wide, d, dense.root, 0, simd.LANES_64, room.z)
    _turn_into(room.z, count, d, wide, room.turned, stride, room.length)


@within
def fill_rows(
    narrow: Float32, broad: Float64, rows_of: Int64, count: int, dense: Dense, room: Room
) -> None:
    """Moments of ``count`` rows of contexts, numbered in ``rows_of``, left in ``room``.

    Of sorted columns those that ``room.some`` says are needed, if rows are several.
    """
    turn_rows(narrow, broad, rows_of, count, dense, room)
    stride = product.padded(narrow.shape[1], simd.LANES)
    spread = 1 if count == 1 else product.padded(count, product.ROWS)
    _squares_into(room.turned, stride, count, spread, dense.edges, room.y)
    if dense.sorted and count > 1:
        _some_products_into(room.y, spread, count, dense, room.some, room.table)
    else:
        _product_into(room.y, spread, dense, room.part, room.table)


@within
def widths_into(r: int, dense: Dense, room: Room) -> None:
    """From `fill_rows`' table: width of each column in row r, and its share of |R x|².

    ``room.lost`` bounds what the product loses of s², of itself.
    """
    width, shares, lost, widths = dense.share.size, room.shares, room.lost, room.widths
    limit, none = simd.splat(LOSS), simd.splat(np.float32(0.0))
    for c in range(0, width, simd.LANES):
        share = simd.add(simd.load(dense.share, c), simd.load(room.table, r * width + c))
        simd.store(lost, c, simd.div(simd.mul(simd.load(dense.size, c), limit), share))
        share = simd.maximum(share, none)
        simd.store(shares, c, share)
        simd.store(room.roots, c, simd.root(share))
    length = simd.splat(np.sqrt(room.length[r]))
    for c in range(0, width, simd.LANES_64):
        simd.store(widths, c, simd.mul(length, simd.widen(room.roots, c)))
