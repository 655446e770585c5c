"""The factor of one large matrix in place, a block of columns at a time, and what it solves.

Right-looking: a block's diagonal is factored, the rows below are solved against it, and their
product is taken off the rest; the last two are shared among threads by rows.

Source: Golub, Van Loan (2013), Matrix Computations, section 4.2.
"""

from __future__ import annotations

import numpy as np

from bandit.core.types import Float64
from bandit.kernels import simd
from bandit.kernels._compile import serial
from bandit.kernels.simd import product

BLOCK = 48
"""Columns of the factor found at a time."""
ROWS = 96
"""Rows that a thread updates at a time: handing out fewer costs more than they do."""
WHOLE = 24
"""Sizes are multiples of it, and so are blocks and rows: tiles of six rows by vectors fit."""
LANES = 64
"""Rows that are solved side by side; the panel's part of them stays in the first cache."""


@serial
def factor_block(matrix: Float64, start: int, stop: int, minus: Float64) -> None:
    """Factor the diagonal block of columns start to stop in place; its lower triangle.

    ``minus`` [block, N] receives it with the other sign, turned, in its own columns.
    """
    for j in range(start, stop):
        for i in range(start, j + 1):
            total = matrix[j, i]
            for c in range(start, i):
                total -= matrix[j, c] * matrix[i, c]
            matrix[j, i] = np.sqrt(total) if i == j else total / matrix[i, i]
            minus[i - start, j] = -matrix[j, i]


@serial
def panel_rows_into(
    first: int, last: int, matrix: Float64, start: int, stop: int, turned: Float64, minus: Float64
) -> None:
    """Solve rows stop + first to stop + last against the diagonal block, six columns at a time.

    ``turned`` [block, N] receives them column by column, ``minus`` with the other sign.
    """
    size = matrix.shape[1]
    for top in range(stop + first, stop + last, LANES):
        end = min(top + LANES, stop + last)
        for r in range(top, end):
            for j in range(start, stop):
                turned[j - start, r] = matrix[r, j]
        for left in range(start, stop, product.ROWS):
            for r in range(top, end, simd.LANES_64):
                simd.outer_6(
                    minus, left, turned, r, size, left - start, turned, (left - start) * size + r,
                    size,
                )  # fmt: skip
            for j in range(left, left + product.ROWS):
                for c in range(left, j):
                    factor = matrix[j, c]
                    for r in range(top, end):
                        turned[j - start, r] -= turned[c - start, r] * factor
                for r in range(top, end):
                    turned[j - start, r] /= matrix[j, j]
                    minus[j - start, r] = -turned[j - start, r]
        for r in range(top, end):
            for j in range(start, stop):
                matrix[r, j] = turned[j - start, r]


@serial
def trailing_rows_into(
    first: int, last: int, matrix: Float64, start: int, stop: int, turned: Float64, minus: Float64
) -> None:
    """Take the panel's product off rows stop + first to stop + last, in register tiles.

    Each element's terms in their order; what a tile has above the diagonal nobody reads.
    """
    size = matrix.shape[1]
    for r in range(stop + first, stop + last, product.ROWS):
        for j in range(stop, r + product.ROWS, simd.LANES_64):
            simd.outer_6(minus, r, turned, j, size, stop - start, matrix, r * size + j, size)


@serial
def forward_into(lower: Float64, vector: Float64) -> None:
    """``vector`` ← L⁻¹ vector, in place."""
    for i in range(vector.size):
        total = vector[i]
        for j in range(i):
            total -= lower[i, j] * vector[j]
        vector[i] = total / lower[i, i]


@serial
def backward_into(lower: Float64, vector: Float64) -> None:
    """``vector`` ← L⁻ᵀ vector, in place."""
    for i in range(vector.size - 1, -1, -1):
        vector[i] /= lower[i, i]
        for j in range(i):
            vector[j] -= lower[i, j] * vector[i]
