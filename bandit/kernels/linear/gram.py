"""Sufficient statistics of ridge regression per action: the update of a posterior.

With ``y = (x, r, 1)`` the sums ``Σ w y yᵀ`` over an action's rows hold everything at once:
``G = Σ w x xᵀ``, ``b = Σ w r x``, ``Σ w r²``, ``Σ w r`` and ``Σ w``. Rows are taken in their order,
a chunk at a time as a product of rank `CHUNK` in float64 register tiles (`ROWS` rows of the lower
triangle by eight columns), so the sums do not depend on the number of threads, nor on the tiles.
"""

from __future__ import annotations

import numpy as np

from bandit.core.types import Array, Float64, Int32, Int64
from bandit.kernels import simd
from bandit.kernels._compile import allocating, inline, serial, within
from bandit.kernels.simd import product

CHUNK = 32
"""Rows of a block product: 32·72·8 bytes at d = 64, 18 kB, stay in the first-level cache."""
_WHOLE = simd.TILE > 1
ROWS = 8 if _WHOLE else 4
"""Rows of a tile: eight registers of sums are as many as a product's latency (four cycles, two a
cycle) needs, and whole tiles along the diagonal waste less than six rows do."""


@serial
def group_into(actions: Int64, start: Int64, order: Int32) -> None:
    """Counting sort: ``order`` int32[n] lists each action's rows in their order.

    ``start`` int64[k + 1] receives where each action's begin.
    """
    k = start.size - 1
    start[:] = 0
    for row in range(actions.size):
        start[actions[row] + 1] += 1
    for a in range(k):
        start[a + 1] += start[a]
    for row in range(actions.size):
        a = actions[row]
        order[start[a]] = row
        start[a] += 1
    for a in range(k, 0, -1):
        start[a] = start[a - 1]
    start[0] = 0


@within
def _ask(contexts: Array, rewards: Float64, rows: Int32, first: int, last: int) -> None:
    """Ask memory for some rows, so that it answers while others are multiplied."""
    d = contexts.shape[1]
    for t in range(first, last):
        row = np.int64(rows[t])
        simd.prefetch(rewards, row)
        for j in range(0, d, simd.LANES):
            simd.prefetch(contexts, row * d + j)


@within
def _gather_chunk(
    contexts: Array, rewards: Float64, rows: Int32, at: int, count: int, width: int, plain: Float64
) -> None:
    """Copy rows ``y = (x, r, 1)`` to ``plain`` float64[count, width]."""
    d = contexts.shape[1]
    whole = d - d % simd.LANES_64
    for t in range(count):
        row = np.int64(rows[at + t])
        to = t * width
        for j in range(0, whole, simd.LANES_64):
            simd.store(plain, to + j, simd.widen(contexts, row * d + j))
        for j in range(whole, d):
            plain[to + j] = contexts[row, j]
        plain[to + d], plain[to + d + 1] = rewards[row], 1.0


@within
def _weigh_chunk(
    plain: Float64, weights: Float64, rows: Int32, at: int, count: int, width: int,
    weighted: Float64,
) -> None:  # fmt: skip
    """``weighted = w·y``."""
    for t in range(count):
        factor = simd.splat(weights[rows[at + t]])
        for j in range(0, width, simd.LANES_64):
            value = simd.load(plain, t * width + j)
            simd.store(weighted, t * width + j, simd.mul(value, factor))


@inline
def _squares_into(
    weighted: Float64, plain: Float64, i: int, count: int, width: int, total: Float64
) -> None:
    """Rows i to i + `ROWS` of the triangle."""
    for j in range(0, i + ROWS, simd.LANES_64):
        at = i * width + j
        if _WHOLE:
            simd.outer_8(weighted, i, plain, j, width, count, total, at, width)
        else:
            simd.outer_4(weighted, i, plain, j, width, count, total, at, width)


@within
def _line_into(
    weighted: Float64, plain: Float64, i: int, first: int, last: int, count: int, width: int,
    total: Float64, to: int,
) -> None:  # fmt: skip
    """``Σ_t weighted[t, i]·plain[t, j]`` for the vectors that hold columns first to last."""
    lanes = simd.LANES_64
    j = first - first % lanes
    while j <= last:
        if j + 3 * lanes <= last:
            simd.outer_1x4(weighted, i, plain, j, width, count, total, to + j, width)
            j += 4 * lanes
        else:
            simd.outer_1x1(weighted, i, plain, j, width, count, total, to + j, width)
            j += lanes


@allocating
def accumulate_into(
    first: int, last: int, contexts: Array, rewards: Float64, weights: Float64, start: Int64,
    order: Int32, gram: Float64, shift: Float64, sums: Float64,
) -> None:  # fmt: skip
    """Add the rows of actions first to last.

    ``contexts`` float[n, d], ``rewards`` float64[n], ``weights`` float64[n] or [0] where every row
    counts once, ``start``, ``order`` from `group_into`; ``gram`` [k, d, d], ``shift`` [k, d],
    ``sums`` [k, 3] (Σw, Σwr, Σwr²) float64.
    """
    d = contexts.shape[1]
    high = product.padded(d, ROWS)
    width = product.padded(max(d + 2, high), simd.LANES_64)
    share = -(-CHUNK * ROWS // high)
    plain = np.zeros(CHUNK * width)
    weighted = np.zeros(CHUNK * width) if weights.size > 0 else plain
    reward, once = high * width, (high + 1) * width
    total = np.zeros((high + 2) * width)
    for a in range(first, last):
        total[:] = 0.0
        for at in range(start[a], start[a + 1], CHUNK):
            count = min(CHUNK, start[a + 1] - at)
            _gather_chunk(contexts, rewards, order, at, count, width, plain)
            if weights.size > 0:
                _weigh_chunk(plain, weights, order, at, count, width, weighted)
            asked = at + CHUNK
            for i in range(0, high, ROWS):
                more = min(asked + share, at + 2 * CHUNK, start[last])
                _ask(contexts, rewards, order, asked, more)
                asked = max(asked, more)
                _squares_into(weighted, plain, i, count, width, total)
            _line_into(weighted, plain, d, 0, d, count, width, total, reward)
            _line_into(weighted, plain, d + 1, d, d + 1, count, width, total, once)
        for i in range(d):
            for j in range(i + 1):
                gram[a, i, j] += total[i * width + j]
                gram[a, j, i] = gram[a, i, j]
            shift[a, i] += total[reward + i]
        sums[a, 0] += total[once + d + 1]
        sums[a, 1] += total[once + d]
        sums[a, 2] += total[reward + d]
