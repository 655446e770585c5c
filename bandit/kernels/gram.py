"""Sufficient statistics of ridge regression per action: the update of a posterior.

With ``y = (x, r, 1)`` the sums ``Σ w y yᵀ`` over an action's rows hold everything at once:
``G = Σ w x xᵀ``, ``b = Σ w r x``, ``Σ w r²``, ``Σ w r`` and ``Σ w``. Rows are taken in their order,
a chunk at a time as a product of rank `CHUNK` in float64 register tiles (six rows of the lower
triangle by eight columns), so the sums do not depend on the number of threads.
"""

from __future__ import annotations

import numpy as np

from bandit.kernels import product, simd
from bandit.kernels._compile import serial

CHUNK = 32
"""Rows of a block product: 32·72·8 bytes at d = 64, twice, stay in the first two cache levels."""
AHEAD = 8
"""Rows between asking memory for a context and using it."""


@serial
def _multiply_chunk(plain, at, weights, weights_at, count, high, width, weighted, total, total_at):
    """``total += Σ w y yᵀ`` over a chunk's rows, lower triangle and a little more."""
    for t in range(count):
        factor = simd.splat(weights[weights_at + t])
        for j in range(0, width, simd.LANES_64):
            value = simd.load(plain, at + t * width + j)
            simd.store(weighted, t * width + j, simd.mul(value, factor))
    for i in range(0, high, product.ROWS):
        for j in range(0, i + product.ROWS, simd.LANES_64):
            simd.outer_6(
                weighted, i, plain, at + j, width, count, total, total_at + i * width + j, width
            )


@serial
def accumulate_into(first, last, contexts, rewards, weights, actions, gram, shift, sums):
    """Add the rows of actions first to last.

    ``contexts`` float[n, d], ``rewards``, ``weights`` float64[n], ``actions`` int64[n]; ``gram``
    [k, d, d], ``shift`` [k, d], ``sums`` [k, 3] (Σw, Σwr, Σwr²) float64. Rows are read once, in
    their order, into one buffer per action, so that memory is read forwards.
    """
    n, d = contexts.shape
    whole = d - d % simd.LANES_64
    high = product.padded(d + 2, product.ROWS)
    width = product.padded(high, simd.LANES_64)
    number = last - first
    plain, kept = np.zeros(number * CHUNK * width), np.zeros(number * CHUNK)
    weighted = np.zeros(CHUNK * width)
    total, filled = np.zeros(number * high * width), np.zeros(number, np.int64)
    for row in range(n):
        own = actions[row] - first
        if own < 0 or own >= number:
            continue
        for j in range(0, d, simd.LANES_64):
            simd.prefetch(contexts, min(row + AHEAD * number, n - 1) * d + j)
        slot = own * CHUNK + filled[own]
        to = slot * width
        for j in range(0, whole, simd.LANES_64):
            simd.store(plain, to + j, simd.widen(contexts, row * d + j))
        for j in range(whole, d):
            plain[to + j] = contexts[row, j]
        plain[to + d], plain[to + d + 1] = rewards[row], 1.0
        kept[slot] = weights[row]
        filled[own] += 1
        if filled[own] == CHUNK:
            _multiply_chunk(
                plain, own * CHUNK * width, kept, own * CHUNK, CHUNK, high, width, weighted,
                total, own * high * width,
            )  # fmt: skip
            filled[own] = 0
    for own in range(number):
        at, a = own * high * width, first + own
        _multiply_chunk(
            plain, own * CHUNK * width, kept, own * CHUNK, filled[own], high, width, weighted,
            total, at,
        )  # fmt: skip
        for i in range(d):
            for j in range(i + 1):
                gram[a, i, j] += total[at + i * width + j]
                gram[a, j, i] = gram[a, i, j]
            shift[a, i] += total[at + d * width + i]
        sums[a, 0] += total[at + (d + 1) * width + d + 1]
        sums[a, 1] += total[at + (d + 1) * width + d]
        sums[a, 2] += total[at + d * width + d]
