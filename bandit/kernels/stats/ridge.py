"""Normal equations of many ridge regressions at once: Σ x xᵀ and Σ x r over each cell's rows.

A cell is a (fold, action); each fold's models are then sums over the other folds' cells.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bandit.core.types import Array, Float64
from bandit.kernels._compile import allocating


@allocating
def normal_sums_into(
    first: int,
    last: int,
    contexts: Array,
    rewards: Float64,
    rows: npt.NDArray[np.int64],
    start: npt.NDArray[np.int64],
    gram: Float64,
    shift: Float64,
) -> None:
    """Fill ``gram`` [c, d, d] and ``shift`` [c, d] of cells first to last.

    ``contexts`` [n, d - 1], the last of d columns is the intercept; ``rows`` [n] are row numbers by
    cell, ``start`` [c + 1] each cell's first position. Sums run in the order of the rows.
    """
    d = contexts.shape[1]
    x = np.ones(d + 1)
    for cell in range(first, last):
        for position in range(start[cell], start[cell + 1]):
            row = rows[position]
            for i in range(d):
                x[i] = contexts[row, i]
            for i in range(d + 1):
                shift[cell, i] += x[i] * rewards[row]
                for j in range(i + 1):
                    gram[cell, i, j] += x[i] * x[j]
        for i in range(d + 1):
            for j in range(i):
                gram[cell, j, i] = gram[cell, i, j]
