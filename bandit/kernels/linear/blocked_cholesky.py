"""The factor of one large matrix in place, a block of columns at a time, and what it solves.

Right-looking: a block's diagonal is factored, the rows below are solved against it, and their
product is taken off the rest; the last two are shared among threads by rows.

Source: Golub, Van Loan (2013), Matrix Computations, section 4.2.
"""

from __future__ import annotations

import numpy as np

from bandit.core.types import Float64
from bandit.kernels._compile import serial

BLOCK = 48
"""Columns of the factor found at a time."""
ROWS = 16
"""Rows that a thread updates at a time."""


@serial
def factor_block(matrix: Float64, start: int, stop: int) -> None:
    """Factor the diagonal block of columns start to stop in place; its lower triangle."""
    for j in range(start, stop):
        for i in range(start, j + 1):
            total = matrix[j, i]
            for c in range(start, i):
                total -= matrix[j, c] * matrix[i, c]
            matrix[j, i] = np.sqrt(total) if i == j else total / matrix[i, i]


@serial
def panel_rows_into(
    first: int, last: int, matrix: Float64, start: int, stop: int, turned: Float64
) -> None:
    """Solve rows stop + first to stop + last against the diagonal block; ``turned`` [block, N]."""
    for r in range(stop + first, stop + last):
        for j in range(start, stop):
            total = matrix[r, j]
            for c in range(start, j):
                total -= matrix[r, c] * matrix[j, c]
            matrix[r, j] = total / matrix[j, j]
            turned[j - start, r] = matrix[r, j]


@serial
def trailing_rows_into(
    first: int, last: int, matrix: Float64, start: int, stop: int, turned: Float64
) -> None:
    """Take the panel's product off rows stop + first to stop + last."""
    for r in range(stop + first, stop + last):
        for p in range(stop - start):
            factor = matrix[r, start + p]
            for j in range(stop, r + 1):
                matrix[r, j] -= factor * turned[p, j]


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
