"""Covariances of the hybrid model: of what an action shares, and of its own part.

With the dense system ``A = L Lᵀ`` of `kernels.linear.pooled` what action a shares has covariance
``C = TᵀT + z_ae² F_e⁻¹`` with ``T = L⁻¹ (z_a ⊗ I − z_ae B_eᵀ F_e⁻¹)``. Both halves of T are solved
once: the first for each dense column, the second for each exclusive column, whose actions come one
after the other. So an action costs a sum and a product, not a system.
"""

from __future__ import annotations

import numpy as np

from bandit.core.types import Bool, Float64, Int64
from bandit.kernels import simd
from bandit.kernels._compile import allocating, within
from bandit.kernels.linear import cholesky
from bandit.kernels.simd import product

LANES = simd.LANES_64


@within
def _solve_panels(lower: Float64, start: int, panels: Float64, room: Float64) -> None:
    """``panels`` [p, N, 8] ← L⁻¹ panels in place, zero above ``start``, a multiple of six."""
    size = lower.shape[0]
    for top in range(start, size, product.ROWS):
        for p in range(panels.shape[0]):
            if top > start:
                simd.tile_6x1(
                    lower, top * size + start, size, panels, (p * size + start) * LANES,
                    top - start, room, 0, LANES,
                )  # fmt: skip
                for r in range(product.ROWS):
                    for c in range(LANES):
                        panels[p, top + r, c] -= room[r * LANES + c]
            for r in range(top, top + product.ROWS):
                for i in range(top, r):
                    factor = lower[r, i]
                    for c in range(LANES):
                        panels[p, r, c] -= factor * panels[p, i, c]
                for c in range(LANES):
                    panels[p, r, c] /= lower[r, r]


@allocating
def columns_into(first: int, last: int, d: int, lower: Float64, turned: Float64) -> None:
    """``turned`` [q, d / 8, N, 8] = L⁻¹ (e_c ⊗ I) of dense columns first to last."""
    room = np.empty(product.ROWS * LANES)
    for c in range(first, last):
        start = c * d
        for i in range(d):
            turned[c, i // LANES, start + i, i % LANES] = 1.0
        _solve_panels(lower, start - start % product.ROWS, turned[c], room)


@within
def _group_into(
    lower: Float64, root: Float64, cross: Float64, met: Bool, inverse: Float64, panels: Float64,
    room: Float64,
) -> None:  # fmt: skip
    """``panels`` [d / 8, N, 8] = L⁻¹ Bᵀ F⁻¹ of an exclusive column, ``inverse`` [d, d] root⁻¹."""
    d = root.shape[0]
    cholesky.invert_lower_into(root, inverse)
    panels[:, :, :] = 0.0
    start = lower.shape[0]
    for c in range(met.size):
        if met[c]:
            start = min(start, c * d)
            # F⁻¹ B = root⁻ᵀ cross, column by column of the features.
            for m in range(d):
                for i in range(m + 1):
                    factor = inverse[m, i]
                    for j in range(d):
                        panels[i // LANES, c * d + j, i % LANES] += factor * cross[c, m, j]
    _solve_panels(lower, start - start % product.ROWS, panels, room)


@within
def _sandwich_into(
    gram: Float64, own: float, shared: Float64, work: Float64, factor: Float64, inverse: Float64,
    whole: Float64, covariance: Float64,
) -> None:  # fmt: skip
    """``covariance`` [d, d] = λ² D C D + D, D = (G + λI)⁻¹, C ``shared``."""
    d = gram.shape[0]
    for i in range(d):
        for j in range(d):
            work[i, j] = gram[i, j]
        work[i, i] += own
    cholesky.factor_into(work, factor)
    cholesky.invert_lower_into(factor, inverse)
    cholesky.covariance_into(inverse, whole)
    for i in range(d):
        for j in range(d):
            work[i, j] = 0.0
        for m in range(d):
            scale = own * whole[i, m]
            for j in range(d):
                work[i, j] += scale * shared[m, j]
    for i in range(d):
        for j in range(d):
            covariance[i, j] = whole[i, j]
        for m in range(d):
            scale = own * work[i, m]
            for j in range(d):
                covariance[i, j] += scale * whole[m, j]
    for i in range(d):
        for j in range(i):
            total = 0.5 * (covariance[i, j] + covariance[j, i])
            covariance[i, j] = total
            covariance[j, i] = total


@allocating
def covariances_into(
    first: int, last: int, groups: Int64, begin: Int64, member: Int64, entry: Float64,
    rest: Float64, gram: Float64, own: float, lower: Float64, turned: Float64, root: Float64,
    cross: Float64, met: Bool, covariance: Float64,
) -> None:  # fmt: skip
    """Covariances of the actions of groups first to last.

    Group g are the actions ``member[begin[g] : begin[g + 1]]`` of exclusive column ``groups[g]``,
    -1 of none, with entries ``entry`` [k]; ``lower`` the dense factor padded to sixes with ones.
    """
    q, d, size = rest.shape[1], gram.shape[1], lower.shape[0]
    width = product.padded(product.padded(d, product.ROWS), LANES)
    high, many = product.padded(d, product.ROWS), turned.shape[1]
    alike, turn = np.empty((many, size, LANES)), np.zeros((size, width))
    room, total = np.empty(product.ROWS * LANES), np.empty(high * width)
    back, shared = np.empty((d, d)), np.empty((d, d))
    work, factor, inverse = np.empty((d, d)), np.empty((d, d)), np.empty((d, d))
    whole = np.empty((d, d))
    for g in range(first, last):
        e = groups[g]
        if e >= 0:
            _group_into(lower, root[e], cross[e], met[e], back, alike, room)
        for place in range(begin[g], begin[g + 1]):
            a = member[place]
            turn[:, :] = 0.0
            total[:] = 0.0
            for c in range(q):
                if rest[a, c] != 0.0:
                    for p in range(many):
                        for row in range(c * d, size):
                            for lane in range(LANES):
                                turn[row, p * LANES + lane] += rest[a, c] * turned[c, p, row, lane]
            if e >= 0:
                for p in range(many):
                    for row in range(size):
                        for lane in range(LANES):
                            turn[row, p * LANES + lane] -= entry[a] * alike[p, row, lane]
            for i in range(0, high, product.ROWS):
                for j in range(0, min(width, i + product.ROWS), LANES):
                    simd.outer_6(turn, i, turn, j, width, size, total, i * width + j, width)
            for i in range(d):
                for j in range(i + 1):
                    found = total[i * width + j]
                    if e >= 0:
                        for m in range(i, d):
                            found += entry[a] * entry[a] * back[m, i] * back[m, j]
                    shared[i, j] = found
                    shared[j, i] = found
            _sandwich_into(gram[a], own, shared, work, factor, inverse, whole, covariance[a])
