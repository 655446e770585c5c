"""One number that bounds every action's width: Loewner bounds on the actions' inverse precisions.

Choose ``M = P⁻¹ = RᵀR`` with P near the actions' precisions: the bounds hold for any P, a near one
makes them tight. With ``T_a = W_a R⁻¹``,

    λ_min(T_aᵀT_a)·|R x|² ≤ s_a² = |W_a x|² ≤ λ_max(T_aᵀT_a)·|R x|².

Eigenvalues are bounded by traces of powers, sums of positive numbers: ``λ_max ≤ (tr B^p)^{1/p}``,
and ``λ_min`` by the same of the inverse. Both are rounded outward, and `coarse` encloses
``q = |R x|`` and the means, so that no action is ever left out that could win.
"""

from __future__ import annotations

import numpy as np

from bandit.core.types import Float32, Float64
from bandit.kernels._compile import serial, within
from bandit.kernels.linear import cholesky
from bandit.kernels.simd import product

SQUARINGS = 7
"""B is squared so often: p = 128, the bound is within d^{1/128} (3.3 % at d = 64) of the truth."""


@within
def _largest_eigenvalue_bound(
    factor: Float64, matrix: Float64, work: Float64, panel: Float64
) -> float:
    """``(tr S^p)^{1/p}``, S = F Fᵀ of a lower triangular factor [d, d]; the rest is scratch."""
    d = factor.shape[0]
    rows, width = product.padded(d, product.ROWS), product.padded(d, 8)
    for i in range(rows * width):
        matrix[i] = 0.0
    for i in range(d):
        for j in range(i + 1):
            total = 0.0
            for c in range(j + 1):
                total += factor[i, c] * factor[j, c]
            matrix[i * width + j] = matrix[j * width + i] = total
    logarithm, power = 0.0, 1.0
    for turn in range(SQUARINGS + 1):
        trace = 0.0
        for i in range(d):
            trace += matrix[i * width + i]
        logarithm += np.log(trace) / power
        if turn < SQUARINGS:
            for i in range(rows * width):
                matrix[i] /= trace
            product.square_into(matrix, d, rows, width, panel, work)
            matrix, work = work, matrix
            power *= 2.0
    return float(np.exp(logarithm))


def pool_into(gram: Float64, ridge: float, weights: Float64, pooled: Float64) -> None:
    """Add ``Σ weights·(G + ridge I)`` of k actions to ``pooled`` [d, d]."""
    diagonal = pooled.reshape(-1)[:: len(pooled) + 1]
    for each, weight in zip(gram, weights.tolist(), strict=True):
        pooled += weight * each
        diagonal += weight * ridge


@serial
def pooled_root(pooled: Float64, root: Float64, lower: Float64) -> bool:
    """Root R (lower triangular, ``P⁻¹ = RᵀR``) and Cholesky factor of P = ``pooled``, [d, d].

    Returns False where P has no factor.
    """
    if cholesky.factor_into(pooled, lower) >= 0:
        return False
    cholesky.invert_lower_into(lower, root)
    return True


def root_condition(root: Float64, lower: Float64) -> tuple[Float64, float]:
    """Scale c [d] of the columns, ``c_j = 1/|R e_j|``, and ``first`` with ``|x / c| ≤ first·q``."""
    scale = 1.0 / np.sqrt((root * root).sum(axis=0))
    return scale, float(np.linalg.norm(lower / scale[:, None]))


def bounds_into(
    begin: int, end: int, inverse: Float64, condition: Float64, lower: Float64, upper_out: Float32,
    lower_out: Float32,
) -> None:  # fmt: skip
    """Fill ``upper``, ``lower`` float32[≥ k] of actions begin to end: ``lower·q ≤ s ≤ upper·q``.

    ``inverse`` float64[k, d, d] are the actions' W, ``lower`` the pooled Cholesky factor.
    """
    d = len(lower)
    square = product.padded(d, product.ROWS) * product.padded(d, 8)
    _bounds_into(
        begin, end, inverse, condition, lower, upper_out, lower_out, np.empty((d, d)),
        np.empty((d, d)), np.empty(square), np.empty(square), np.empty(8 * d),
    )  # fmt: skip


@serial
def _bounds_into(
    begin: int, end: int, inverse: Float64, condition: Float64, lower: Float64, upper_out: Float32,
    lower_out: Float32, turned: Float64, back: Float64, matrix: Float64, work: Float64,
    panel: Float64,
) -> None:  # fmt: skip
    d = lower.shape[0]
    for a in range(begin, end):
        for i in range(d):
            for j in range(d):
                turned[i, j] = 0.0
            for c in range(i + 1):
                factor = inverse[a, i, c]
                for j in range(c + 1):
                    turned[i, j] += factor * lower[c, j]
        cholesky.invert_lower_into(turned, back)
        safety = 1e-6 + 1e-14 * condition[a]
        largest = _largest_eigenvalue_bound(turned, matrix, work, panel)
        least = _largest_eigenvalue_bound(back, matrix, work, panel)
        high = np.sqrt(largest * (1.0 + safety))
        low = np.sqrt((1.0 - min(safety, 1.0)) / least)
        upper_out[a] = np.float32(high * (1.0 + 1e-6))
        lower_out[a] = np.float32(low * (1.0 - 1e-6))
