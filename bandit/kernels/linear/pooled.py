"""The hybrid model's algebra: what actions share is solved for, then each action's own part.

With G, b an action's sums, ``D = (G + λI)⁻¹``, the own part is integrated out into ``H = λ D G``
and ``h = λ D b``: what an action tells of the shared coefficients β with precision Λ ⊗ I. Columns
of the features of which an action has at most one (the offers, say) are integrated out in the same
way, block by block, so that only the other columns meet in one dense system:

    A = Λ⊗I + Σ_a z_a z_aᵀ⊗H_a − Σ_e B_e F_e⁻¹ B_eᵀ,    F_e = Λ_e I + Σ_{a∈e} z_ae² H_a,
    B_e = Σ_{a∈e} z_ae z_a⊗H_a.

Sums run in a fixed order, and nothing goes through a BLAS, whose digits depend on its threads.

Source: Li, Chu, Langford, Schapire (2010), section 3.2; its algorithm 2 in blocks.
"""

from __future__ import annotations

import numpy as np

from bandit.core.types import Bool, Float64, Int64
from bandit.kernels import simd
from bandit.kernels._compile import allocating, within
from bandit.kernels.linear import cholesky
from bandit.kernels.simd import product


@within
def _log_determinant(lower: Float64) -> float:
    total = 0.0
    for i in range(lower.shape[0]):
        total += np.log(lower[i, i])
    return 2.0 * total


@within
def _solve_columns(lower: Float64, columns: Float64, count: int) -> None:
    """``columns`` [d, ≥ count] ← L⁻¹ columns, of the first ``count`` of them."""
    for m in range(lower.shape[0]):
        for c in range(m):
            factor = lower[m, c]
            for i in range(count):
                columns[m, i] -= factor * columns[c, i]
        for i in range(count):
            columns[m, i] /= lower[m, m]


@allocating
def own_level_into(
    first: int, last: int, gram: Float64, shift: Float64, own: float, inner: Float64, told: Float64,
    drawn: Float64, facts: Float64,
) -> None:  # fmt: skip
    """Integrate out the own parts of actions first to last.

    ``gram`` [k, d, d], ``shift`` [k, d] → ``inner`` [k, d, d] = H, ``told`` [k, d] = h, ``drawn``
    [k, d] = D b, ``facts`` [k, 2]: ``log|G + λI| − d log λ`` and ``bᵀD b``.
    """
    d = shift.shape[1]
    lower, inverse, whole = np.empty((d, d)), np.empty((d, d)), np.empty((d, d))
    for a in range(first, last):
        for i in range(d):
            for j in range(d):
                inner[a, i, j] = gram[a, i, j]
            inner[a, i, i] += own
        cholesky.factor_into(inner[a], lower)
        facts[a, 0] = _log_determinant(lower) - d * np.log(own)
        cholesky.invert_lower_into(lower, inverse)
        cholesky.covariance_into(inverse, whole)
        inner[a, :, :] = 0.0
        total = 0.0
        for i in range(d):
            drawn[a, i] = 0.0
            for c in range(d):
                drawn[a, i] += whole[i, c] * shift[a, c]
                factor = own * whole[i, c]
                for j in range(d):
                    inner[a, i, j] += factor * gram[a, c, j]
            total += drawn[a, i] * shift[a, i]
        facts[a, 1] = total
        for i in range(d):
            told[a, i] = own * drawn[a, i]
            for j in range(i):
                middle = 0.5 * (inner[a, i, j] + inner[a, j, i])
                inner[a, i, j] = middle
                inner[a, j, i] = middle


@allocating
def group_level_into(
    first: int, last: int, begin: Int64, member: Int64, weight: Float64, rest: Float64,
    precision: Float64, inner: Float64, told: Float64, root: Float64, cross: Float64, met: Bool,
    left: Float64, facts: Float64,
) -> None:  # fmt: skip
    """Integrate out exclusive columns first to last.

    Column e's actions are ``member[begin[e] : begin[e + 1]]`` with entries ``weight``; ``rest``
    [k, q] are the other columns, ``precision`` Λ_e. Out: ``root`` [e, d, d] the factor of F_e,
    ``cross`` [e, q, d, width ≥ d] = root⁻¹ B_eᵀ column by column of the features, of those that
    ``met`` [e, q], ``left`` [e, d] = root⁻¹ Σ z h, ``facts`` [e, 2]: ``log|F_e| − d log Λ_e`` and
    |left|².
    """
    q, d = rest.shape[1], told.shape[1]
    matrix = np.empty((d, d))
    for e in range(first, last):
        matrix[:, :] = 0.0
        cross[e] = 0.0
        left[e, :] = 0.0
        met[e, :] = False
        for i in range(d):
            matrix[i, i] = precision[e]
        for p in range(begin[e], begin[e + 1]):
            a, w = member[p], weight[p]
            for i in range(d):
                left[e, i] += w * told[a, i]
                for j in range(d):
                    matrix[i, j] += w * w * inner[a, i, j]
            for c in range(q):
                factor = w * rest[a, c]
                if factor != 0.0:
                    met[e, c] = True
                    for i in range(d):
                        for j in range(d):
                            cross[e, c, i, j] += factor * inner[a, i, j]
        lower = root[e]
        cholesky.factor_into(matrix, lower)
        for c in range(q):
            if met[e, c]:
                _solve_columns(lower, cross[e, c], d)
        total = 0.0
        for i in range(d):
            for c in range(i):
                left[e, i] -= lower[i, c] * left[e, c]
            left[e, i] /= lower[i, i]
            total += left[e, i] * left[e, i]
        facts[e, 0] = _log_determinant(lower) - d * np.log(precision[e])
        facts[e, 1] = total


@allocating
def dense_rows_into(
    first: int, last: int, rest: Float64, inner: Float64, told: Float64, cross: Float64, met: Bool,
    left: Float64, matrix: Float64, vector: Float64,
) -> None:  # fmt: skip
    """Block rows first to last of the dense system without Λ: lower ``matrix``, ``vector`` [q·d].

    The products are made in register tiles of six rows, of ``width`` columns as they lie in memory.
    """
    (k, d), (groups, q, _, width) = told.shape, cross.shape
    high = product.padded(d, product.ROWS)
    total = np.empty(high * width)
    for c in range(first, last):
        for i in range(d):
            row = c * d + i
            for j in range(row + 1):
                matrix[row, j] = 0.0
            vector[row] = 0.0
        for a in range(k):
            if rest[a, c] != 0.0:
                for i in range(d):
                    vector[c * d + i] += rest[a, c] * told[a, i]
                for o in range(c + 1):
                    factor = rest[a, c] * rest[a, o]
                    if factor != 0.0:
                        for i in range(d):
                            for j in range(d):
                                matrix[c * d + i, o * d + j] += factor * inner[a, i, j]
        for e in range(groups):
            if met[e, c]:
                for m in range(d):
                    for i in range(d):
                        vector[c * d + i] -= cross[e, c, m, i] * left[e, m]
        for o in range(c + 1):
            total[:] = 0.0
            for e in range(groups):
                if met[e, c] and met[e, o]:
                    one, other = (e * q + c) * d * width, (e * q + o) * d * width
                    for i in range(0, high, product.ROWS):
                        most = width if o < c else min(width, i + product.ROWS)
                        for j in range(0, most, simd.LANES_64):
                            simd.outer_6(
                                cross, one + i, cross, other + j, width, d, total, i * width + j,
                                width,
                            )  # fmt: skip
            for i in range(d):
                for j in range(d if o < c else i + 1):
                    matrix[c * d + i, o * d + j] -= total[i * width + j]


@allocating
def root_factors_into(
    first: int, last: int, covariance: Float64, inverse: Float64, condition: Float64
) -> None:
    """``inverse`` [k, d, d] = W, lower triangular, with ``S = WᵀW``, of actions first to last.

    The Cholesky factor of S with rows and columns in the reverse order, turned back.
    ``condition`` [k]: one-norm condition number of S scaled to unit diagonal, infinite where S is
    not positive definite.
    """
    d = covariance.shape[1]
    flipped, lower, back, work = (
        np.empty((d, d)), np.empty((d, d)), np.empty((d, d)), np.empty((d, d))
    )  # fmt: skip
    scale = np.empty(d)
    for a in range(first, last):
        condition[a] = np.inf
        for i in range(d):
            scale[i] = 1.0 / np.sqrt(covariance[a, i, i])
        for i in range(d):
            for j in range(d):
                p, q = d - 1 - i, d - 1 - j
                flipped[i, j] = covariance[a, p, q] * scale[p] * scale[q]
        if cholesky.factor_into(flipped, lower) < 0:
            cholesky.invert_lower_into(lower, back)
            cholesky.covariance_into(back, work)
            one, other = 0.0, 0.0
            for i in range(d):
                left, right = 0.0, 0.0
                for j in range(d):
                    left += abs(flipped[i, j])
                    right += abs(work[i, j])
                one, other = max(one, left), max(other, right)
            condition[a] = one * other
            for i in range(d):
                for j in range(d):
                    # U = J C J is upper, S = U Uᵀ, W = Uᵀ.
                    inverse[a, i, j] = lower[d - 1 - j, d - 1 - i] / scale[j]
