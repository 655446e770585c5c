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
from bandit.kernels._compile import allocating, serial, within_allocating
from bandit.kernels.linear import cholesky
from bandit.kernels.simd import product

SQUARINGS = 7
"""B is squared so often: p = 128, the bound is within d^{1/128} (3.3 % at d = 64) of the truth."""


@within_allocating
def _largest_eigenvalue_bound(factor: Float64) -> float:
    """``(tr S^p)^{1/p}``, S = F Fᵀ of a lower triangular factor [d, d]."""
    d = factor.shape[0]
    rows, width = product.padded(d, product.ROWS), product.padded(d, 8)
    matrix, work = np.zeros(rows * width), np.zeros(rows * width)
    panel = np.empty(8 * d)
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
            matrix /= trace
            product.square_into(matrix, d, rows, width, panel, work)
            matrix, work = work, matrix
            power *= 2.0
    return float(np.exp(logarithm))


@serial
def pool_into(gram: Float64, ridge: float, weights: Float64, pooled: Float64) -> None:
    """Add ``Σ weights·(G + ridge I)`` of k actions to ``pooled`` [d, d]."""
    k, d = gram.shape[0], gram.shape[1]
    for a in range(k):
        for i in range(d):
            for j in range(d):
                pooled[i, j] += weights[a] * gram[a, i, j]
            pooled[i, i] += weights[a] * ridge


@serial
def pooled_root(pooled: Float64, root: Float64, lower: Float64) -> bool:
    """Root R (lower triangular, ``P⁻¹ = RᵀR``) and Cholesky factor of P = ``pooled``, [d, d].

    Returns False where P has no factor.
    """
    if cholesky.factor_into(pooled, lower) >= 0:
        return False
    cholesky.invert_lower_into(lower, root)
    return True


@allocating
def root_condition(root: Float64, lower: Float64) -> tuple[Float64, float]:
    """Scale c [d] of the columns, ``c_j = 1/|R e_j|``, and ``first`` with ``|x / c| ≤ first·q``."""
    d = root.shape[0]
    scale = np.empty(d)
    for j in range(d):
        total = 0.0
        for i in range(d):
            total += root[i, j] * root[i, j]
        scale[j] = 1.0 / np.sqrt(total)
    inverse = 0.0
    for i in range(d):
        for j in range(d):
            value = lower[i, j] / scale[i]
            inverse += value * value
    return scale, np.sqrt(inverse)


@allocating
def bounds_into(
    begin: int, end: int, inverse: Float64, condition: Float64, lower: Float64, upper_out: Float32,
    lower_out: Float32,
) -> None:  # fmt: skip
    """Fill ``upper``, ``lower`` float32[≥ k] of actions begin to end: ``lower·q ≤ s ≤ upper·q``.

    ``inverse`` float64[k, d, d] are the actions' W, ``lower`` the pooled Cholesky factor.
    """
    d = lower.shape[0]
    for a in range(begin, end):
        turned, back = np.zeros((d, d)), np.zeros((d, d))
        for i in range(d):
            for c in range(i + 1):
                factor = inverse[a, i, c]
                for j in range(c + 1):
                    turned[i, j] += factor * lower[c, j]
        cholesky.invert_lower_into(turned, back)
        safety = 1e-6 + 1e-14 * condition[a]
        high = np.sqrt(_largest_eigenvalue_bound(turned) * (1.0 + safety))
        low = np.sqrt((1.0 - min(safety, 1.0)) / _largest_eigenvalue_bound(back))
        upper_out[a] = np.float32(high * (1.0 + 1e-6))
        lower_out[a] = np.float32(low * (1.0 - 1e-6))
