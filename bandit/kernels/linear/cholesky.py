"""Cholesky factors of the actions' precisions, and what is derived from them.

``A = G + ridge I = L Lᵀ`` with ``A`` scaled to unit diagonal first, so that features in different
units cost no accuracy (van der Sluis 1969). ``W = L⁻¹`` gives ``xᵀA⁻¹x = |W x|²``. The order of
every sum is fixed: factors do not depend on the number of threads.
"""

from __future__ import annotations

import numpy as np

from bandit.core.types import Float64
from bandit.kernels._compile import serial, within


@serial
def factor_into(matrix: Float64, lower: Float64) -> int:
    """Factor ``matrix`` [d, d] = L Lᵀ into ``lower``; return the first bad pivot's index or -1."""
    d = matrix.shape[0]
    for j in range(d):
        for c in range(j + 1, d):
            lower[j, c] = 0.0
        for i in range(j + 1):
            total = matrix[j, i]
            for c in range(i):
                total -= lower[j, c] * lower[i, c]
            if i < j:
                lower[j, i] = total / lower[i, i]
            elif total > 0.0:
                lower[j, j] = np.sqrt(total)
            else:
                return j
    return -1


@within
def invert_lower_into(lower: Float64, inverse: Float64) -> None:
    """``inverse`` = L⁻¹ by forward substitution, column by column of the identity."""
    d = lower.shape[0]
    for i in range(d):
        for j in range(d):
            inverse[i, j] = 0.0
        inverse[i, i] = 1.0
        for j in range(i):
            factor = lower[i, j]
            for c in range(j + 1):
                inverse[i, c] -= factor * inverse[j, c]
        for c in range(i + 1):
            inverse[i, c] /= lower[i, i]


@within
def _one_norm(matrix: Float64) -> float:
    largest = 0.0
    for j in range(matrix.shape[0]):
        total = 0.0
        for i in range(matrix.shape[0]):
            total += abs(matrix[i, j])
        largest = max(largest, total)
    return largest


@within
def covariance_into(inverse: Float64, out: Float64) -> None:
    """``out`` [d, d] = WᵀW, W lower triangular."""
    d = inverse.shape[0]
    for i in range(d):
        for j in range(d):
            out[i, j] = 0.0
    for r in range(d):
        for i in range(r + 1):
            factor = inverse[r, i]
            for j in range(r + 1):
                out[i, j] += factor * inverse[r, j]


@within
def _solve_once(inverse: Float64, vector: Float64, out: Float64) -> None:
    """``out += Wᵀ W vector``."""
    d = vector.size
    for i in range(d):
        total = 0.0
        for j in range(i + 1):
            total += inverse[i, j] * vector[j]
        for j in range(i + 1):
            out[j] += inverse[i, j] * total


def posterior_factors_into(
    first: int, last: int, gram: Float64, shift: Float64, ridge: float, inverse: Float64,
    mean: Float64, condition: Float64,
) -> None:  # fmt: skip
    """Invert the factors and solve for the means of actions first to last.

    ``gram`` [k, d, d], ``shift`` [k, d] → ``inverse`` [k, d, d] (lower, ``A⁻¹ = WᵀW``), ``mean``
    [k, d] = A⁻¹b with one step of iterative refinement, ``condition`` [k]: the one-norm condition
    number of the matrix scaled to unit diagonal, infinite where it is not positive definite.
    """
    d = shift.shape[1]
    scaled, lower = np.empty((2, d, d))
    _posterior_factors_into(
        first, last, gram, shift, ridge, inverse, mean, condition, scaled, lower, np.empty(d),
        np.empty(d),
    )  # fmt: skip


@serial
def _posterior_factors_into(
    first: int, last: int, gram: Float64, shift: Float64, ridge: float, inverse: Float64,
    mean: Float64, condition: Float64, scaled: Float64, lower: Float64, scale: Float64,
    residual: Float64,
) -> None:  # fmt: skip
    d = shift.shape[1]
    for a in range(first, last):
        for i in range(d):
            scale[i] = 1.0 / np.sqrt(gram[a, i, i] + ridge)
        for i in range(d):
            for j in range(d):
                scaled[i, j] = gram[a, i, j] * scale[i] * scale[j]
            scaled[i, i] = 1.0
        condition[a] = np.inf
        if factor_into(scaled, lower) < 0:
            whole = inverse[a]
            invert_lower_into(lower, whole)
            covariance_into(whole, lower)
            condition[a] = _one_norm(scaled) * _one_norm(lower)
            for i in range(d):
                for j in range(i + 1):
                    whole[i, j] *= scale[j]
            for i in range(d):
                mean[a, i] = 0.0
            _solve_once(whole, shift[a], mean[a])
            for i in range(d):
                residual[i] = shift[a, i] - ridge * mean[a, i]
                for j in range(d):
                    residual[i] -= gram[a, i, j] * mean[a, j]
            _solve_once(whole, residual, mean[a])


@serial
def covariances_into(first: int, last: int, inverse: Float64, out: Float64) -> None:
    """``out`` [k, d, d] = WᵀW of actions first to last, W lower triangular."""
    for a in range(first, last):
        covariance_into(inverse[a], out[a])
