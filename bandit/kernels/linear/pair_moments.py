"""Moments of (row, action) pairs, grouped by action so that a factor is read once for many rows.

``mean = xᵀθ_a`` in float64; ``width = |W_a x|`` in float64 where a decision hangs on it. Where a
row has one contender only, nothing does: its score is then read off a float32 factor.
"""

from __future__ import annotations

import numpy as np

from bandit.core.types import Array, Bool, Float32, Float64, Int32, Int64, Integer
from bandit.kernels import simd
from bandit.kernels._compile import (
    allocating,
    inline,
    natural,
    serial,
    within,
    within_allocating,
)
from bandit.kernels.simd import product


@within
def list_wanted(wanted: Bool, count: int, listed: Int32) -> int:
    """List who of so many is wanted, without a branch that is guessed wrong; return how many.

    Mostly there is nobody among sixteen.
    """
    total = 0
    whole = count & ~15
    for first in range(0, whole, 16):
        if simd.nonzero_bits(wanted, first) == 0:
            continue
        for each in range(first, first + 16):
            listed[natural(total)] = each
            total += wanted[natural(each)]
    for each in range(whole, count):
        listed[natural(total)] = each
        total += wanted[natural(each)]
    return total


@within
def order_by_action(actions: Array, listed: Array, total: int, start: Int64, order: Array) -> None:
    """Stable counting sort of the pairs in ``listed`` by action.

    ``start`` int64[k + 1] receives where each action's pairs begin in ``order``.
    """
    k = start.size - 1
    for a in range(k + 1):
        start[a] = 0
    for i in range(total):
        start[actions[listed[i]] + 1] += 1
    for a in range(k):
        start[a + 1] += start[a]
    for i in range(total):
        p = listed[i]
        order[start[actions[p]]] = p
        start[actions[p]] += 1
    for a in range(k, 0, -1):
        start[a] = start[a - 1]
    start[0] = 0


@within
def order_lone(actions: Int32, count: int, start: Int64, order: Int32) -> None:
    """Order the rows that have a lone contender (not -1) by it, as `order_by_action`."""
    k = start.size - 1
    for a in range(k + 1):
        start[a] = 0
    for p in range(count):
        if actions[p] >= 0:
            start[actions[p] + 1] += 1
    for a in range(k):
        start[a + 1] += start[a]
    for p in range(count):
        if actions[p] >= 0:
            order[start[actions[p]]] = p
            start[actions[p]] += 1
    for a in range(k, 0, -1):
        start[a] = start[a - 1]
    start[0] = 0


@inline
def gather(
    narrow: Float32, broad: Float64, wide: bool, row: Integer, d: int, x: Float64, at: int
) -> None:
    """Copy a context to float64 ``x[at : at + d]`` from whichever of the two arrays is filled."""
    if wide:
        for j in range(d):
            x[at + j] = broad[row, j]
    else:
        whole = d - d % simd.LANES_64
        for j in range(0, whole, simd.LANES_64):
            simd.store(x, at + j, simd.widen(narrow, row * d + j))
        for j in range(whole, d):
            x[at + j] = narrow[row, j]


@inline
def dot(x: Float64, at: int, theta: Float64, theta_at: int, width: int) -> float:
    """``Σ x[at + j]·θ[j]`` over ``width`` (a multiple of 8) elements, in eight partial sums."""
    total = simd.mul(simd.load(x, at), simd.load(theta, theta_at))
    for j in range(8, width, 8):
        total = simd.fma(simd.load(x, at + j), simd.load(theta, theta_at + j), total)
    return simd.reduce_add(total)


@within
def moments_into(
    narrow: Float32, broad: Float64, rows: Array, actions: Array, order: Array, start: Int64,
    theta: Float64, inverse: Float64, means: Float64, widths: Float64, x: Float64, z: Float64,
) -> None:  # fmt: skip
    """Moments of pairs in float64, for p in ``order`` grouped by ``start``.

    ``theta`` float64[k, w] padded with zeros to a multiple of 8, ``inverse`` float64[k, packed].
    ``x``, ``z`` float64[6·w] are scratch, x zero beyond a context.
    """
    k, width = theta.shape
    d, packed = narrow.shape[1], inverse.shape[1]
    wide = broad.shape[0] > 0
    for a in range(k):
        for first in range(start[a], start[a + 1], product.ROWS):
            count = min(product.ROWS, start[a + 1] - first)
            for r in range(count):
                gather(narrow, broad, wide, rows[order[first + r]], d, x, r * width)
            product.triangle_into(
                x, 0, product.ROWS, width, d, inverse, a * packed, simd.LANES_64, z
            )
            for r in range(count):
                square = product.square_norm(z, r * width, width, simd.LANES_64)
                widths[order[first + r]] = np.sqrt(square)
                means[order[first + r]] = dot(x, r * width, theta, a * width, width)


@inline
def _dot_at(contexts: Float32, at: int, d: int, theta: Float64, theta_at: int) -> float:
    """``Σ x[j]·θ[j]`` of a float32 row that starts at element ``at``, summed as by `dot`."""
    whole = d - d % simd.LANES_64
    total = simd.splat(0.0)
    if whole > 0:
        total = simd.mul(simd.widen(contexts, at), simd.load(theta, theta_at))
        for j in range(8, whole, 8):
            total = simd.fma(simd.widen(contexts, at + j), simd.load(theta, theta_at + j), total)
    mean = simd.reduce_add(total)
    for j in range(whole, d):
        mean += np.float64(contexts[at // d, j]) * theta[theta_at // theta.shape[1], j]
    return mean


@within
def single_moments_into(
    narrow: Float32, base: int, order: Int32, start: Int64, theta: Float64, inverse: Float32,
    means: Float64, widths: Float64, places: Int64, z: Float32,
) -> None:  # fmt: skip
    """Moments of rows base + p for p in ``order``, their widths in float32, to ``means[base + p]``.

    ``inverse`` float32[k, packed]; ``start`` tells which rows belong to which action.
    ``places`` int64[6], ``z`` float32[6·padded(d, 16)] are scratch.
    """
    k, step = theta.shape
    d, packed = narrow.shape[1], inverse.shape[1]
    width = product.padded(d, simd.LANES)
    end = int(start[k])
    for a in range(k):
        for first in range(start[a], start[a + 1], product.ROWS):
            count = min(product.ROWS, start[a + 1] - first)
            for r in range(product.ROWS):
                # A short group repeats its last row.
                places[r] = (base + order[first + min(r, count - 1)]) * d
                ahead = (base + order[min(first + 2 * product.ROWS + r, end - 1)]) * d
                for j in range(0, d, simd.LANES):
                    simd.prefetch(narrow, ahead + j)
            at = a * packed
            for left in range(0, d, simd.LANES):
                depth = min(d, left + simd.LANES)
                simd.tile_6x1_at(narrow, places, inverse, at, depth, z, left, width)
                at += depth * simd.LANES
            for r in range(count):
                row = base + order[first + r]
                square = product.square_norm(z, r * width, width, simd.LANES)
                widths[row] = np.sqrt(np.float64(square))
                means[row] = _dot_at(narrow, row * d, d, theta, a * step)


@within_allocating
def block_moments_into(
    narrow: Float32, broad: Float64, first: int, rows: int, theta: Float64, inverse: Float64,
    means: Float64, widths: Float64,
) -> None:  # fmt: skip
    """Moments of every action for rows first to first + rows, the same bits as `moments_into`.

    ``means``, ``widths`` float64[n, k].
    """
    k, width = theta.shape
    d, packed = narrow.shape[1], inverse.shape[1]
    wide = broad.shape[0] > 0
    tiled = product.padded(rows, product.ROWS)
    x, z = np.zeros(tiled * width), np.empty(tiled * width)
    for r in range(rows):
        gather(narrow, broad, wide, first + r, d, x, r * width)
    for a in range(k):
        product.triangle_into(x, 0, tiled, width, d, inverse, a * packed, simd.LANES_64, z)
        for r in range(rows):
            square = product.square_norm(z, r * width, width, simd.LANES_64)
            widths[first + r, a] = np.sqrt(square)
            means[first + r, a] = dot(x, r * width, theta, a * width, width)


def row_means_into(
    first: int, last: int, narrow: Float32, broad: Float64, actions: Int32, theta: Float64,
    out: Float64,
) -> None:  # fmt: skip
    """``out[i] = x_iᵀθ`` of the row's action, for rows first to last."""
    _row_means_into(first, last, narrow, broad, actions, theta, out, np.zeros(theta.shape[1]))


@serial
def _row_means_into(
    first: int, last: int, narrow: Float32, broad: Float64, actions: Int32, theta: Float64,
    out: Float64, x: Float64,
) -> None:  # fmt: skip
    means_of_rows(first, last, narrow, broad, actions, theta, out, x)


@within
def means_of_rows(
    first: int, last: int, narrow: Float32, broad: Float64, actions: Int32, theta: Float64,
    out: Float64, x: Float64,
) -> None:  # fmt: skip
    """`row_means_into`; ``x`` float64[≥ w], zero beyond a context, is scratch."""
    width = theta.shape[1]
    d, wide = narrow.shape[1], broad.shape[0] > 0
    for i in range(first, last):
        gather(narrow, broad, wide, i, d, x, 0)
        out[i] = dot(x, 0, theta, actions[i] * width, width)


@allocating
def row_widths_into(
    first: int, last: int, narrow: Float32, broad: Float64, actions: Int32, theta: Float64,
    inverse: Float64, out: Float64,
) -> None:  # fmt: skip
    """``out[i] = |W x_i|`` of the row's action, for rows first to last."""
    count = last - first
    rows, order = np.arange(first, last), np.arange(count)
    taken = np.empty(count, np.int64)
    for i in range(count):
        taken[i] = actions[first + i]
    start = np.empty(theta.shape[0] + 1, np.int64)
    means = np.empty(count)
    order_by_action(taken, np.arange(count), count, start, order)
    width = theta.shape[1]
    x, z = np.zeros(product.ROWS * width), np.empty(product.ROWS * width)
    moments_into(
        narrow, broad, rows, taken, order, start, theta, inverse, means, out[first:last], x, z
    )
