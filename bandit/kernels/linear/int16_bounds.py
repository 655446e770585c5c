"""Means and norms of a block of rows in 16-bit integers, with a bound on what that loses.

A context is scaled column by column (``x̃ = x/c``, so that features in any unit fare alike) and
rounded to whole multiples of ``|x̃|/L``; so is every row of the weights. With ``L`` below 2¹⁵ a dot
product of two rounded vectors stays below 2³¹ (Cauchy, Schwarz): 32-bit sums are exact, and a
512-bit instruction makes 32 products instead of 16. The rounding Δ of a context is at most
``√d/2`` steps long, that of the weights is known, so for every row w of the weights

    |x̂·ŵ − x̃·w| ≤ |Δ|·|w| + |x̂|·|ŵ − w| = error·|x̃|.

A choice never hangs on these numbers: they only tell whom it is worth to settle in float64.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit.core.types import Bool, Float32, Int16
from bandit.kernels import simd
from bandit.kernels._compile import within
from bandit.kernels.simd.product import PANEL, ROWS, norms_into, padded

_TILE = simd.TILE
FLOOR = np.float32(1e-30)
"""Added to the squared norm: far above what underflow of its parts can hide."""


class Coarse(NamedTuple):
    """Weights in int16: ``inverse`` float32[padded(d, 16)] = 1/c, then means and the norm's factor.

    ``means``, ``root`` int16 panels (pairs of depth side by side) with the steps ``mean_step``
    float32[w], ``root_step`` float32[padded(d, 16)]; ``error`` float32[w] of the means and
    ``root_error`` of the norm ``q = |R x|``, both in units of ``|x̃|``. A row's step is ``|x̃|`` over
    ``limit``; ``margin`` rounds ``|x̃|`` up. ``ground`` is what any mean is off beside its error.
    """

    inverse: Float32
    means: Int16
    mean_step: Float32
    error: Float32
    root: Int16
    root_step: Float32
    root_error: float
    limit: float
    margin: float
    ground: float


class Rounded(NamedTuple):
    """A block of rows in int16, and what bounds them, float32[rows].

    ``whole`` int16[rows, padded(d, 16)], ``unit`` the row's step, ``length`` ≥ |x̃|; ``least`` and
    ``most`` enclose q.
    """

    whole: Int16
    unit: Float32
    length: Float32
    least: Float32
    most: Float32


def empty_rounded(rows: int, d: int) -> Rounded:
    """Make a block; rows a multiple of six."""
    return Rounded(
        np.zeros(rows * -(-d // simd.LANES) * simd.LANES, np.int16), np.zeros(rows, np.float32),
        np.zeros(rows, np.float32), np.zeros(rows, np.float32), np.zeros(rows, np.float32),
    )  # fmt: skip


@within
def round_into(
    x: Float32, x_at: int, rows: int, d: int, coarse: Coarse, rounded: Rounded, doubt: Bool
) -> None:
    """Round rows of float32 ``x`` from element ``x_at`` on; sixteen elements after the last exist.

    ``doubt[0]`` is raised where a length is not finite: x may hold what is no number.
    """
    lanes, width = simd.LANES, padded(d, simd.LANES)
    whole, unit, length = rounded.whole, rounded.unit, rounded.length
    limit, margin = np.float32(coarse.limit), np.float32(coarse.margin)
    inverse = coarse.inverse
    for r in range(rows):
        at = x_at + r * d
        total = simd.splat(np.float32(0.0))
        for j in range(0, d, lanes):
            value = simd.mul(simd.load(x, at + j), simd.load(inverse, j))
            total = simd.fma(value, value, total)
        norm = np.sqrt(simd.reduce_add(total) + FLOOR) * margin
        length[r], unit[r] = norm, norm / limit
        if not norm < np.inf:
            doubt[0] = True
        for j in range(0, d, lanes):
            simd.quantise(x, at + j, inverse, j, limit / norm, whole, r * width + j)


@within
def multiply_into(rounded: Rounded, rows: int, d: int, coarse: Coarse, table: Float32) -> None:
    """``table`` float32[rows, w]: the means; rows a multiple of six."""
    step, depth = padded(d, simd.LANES), (d + 1) >> 1
    products_into(
        rounded.whole, step, rounded.unit, rows, depth, coarse.means, coarse.mean_step, table,
        coarse.mean_step.size,
    )  # fmt: skip


@within
def products_into(
    x: Int16, step: int, unit: Float32, rows: int, depth: int, w: Int16, scale: Float32,
    table: Float32, columns: int,
) -> None:  # fmt: skip
    """``table`` float32[rows, w] of int16 rows ``step`` apart and panels of ``depth`` pairs.

    Rows a multiple of six; ``unit`` and ``scale`` are the steps of rows and columns, of which those
    after the first ``columns`` are of zeros.
    """
    width, lanes = scale.size, simd.LANES
    for left in range(0, width, PANEL):
        at = left * 2 * depth
        vectors = min(PANEL, width - left) // lanes
        for r in range(0, rows, ROWS):
            to = r * width + left
            if _TILE == 1 and columns - left <= lanes // 2:
                simd.coarse_6x1_half(
                    x, r * step, step, w, at, depth, unit, r, scale, left, table, to, width
                )
            elif _TILE == 1 or vectors == 1:
                simd.coarse_6x1(
                    x, r * step, step, w, at, depth, unit, r, scale, left, table, to, width
                )
            elif vectors == 4:
                simd.coarse_6x4(
                    x, r * step, step, w, at, depth, unit, r, scale, left, table, to, width
                )
            elif vectors == 3:
                simd.coarse_6x3(
                    x, r * step, step, w, at, depth, unit, r, scale, left, table, to, width
                )
            else:
                simd.coarse_6x2(
                    x, r * step, step, w, at, depth, unit, r, scale, left, table, to, width
                )


@within
def norms_between(rounded: Rounded, rows: int, d: int, coarse: Coarse, rotated: Float32) -> None:
    """Enclose ``q = |R x|`` of each row between ``least`` and ``most``.

    ``rotated`` float32[rows, padded(d, 16)] is scratch; rows a multiple of six.
    """
    lanes = simd.LANES
    step = padded(d, lanes)
    x, unit, w, scale = rounded.whole, rounded.unit, coarse.root, coarse.root_step
    at = 0
    for left in range(0, d, lanes):
        depth = (min(d, left + lanes) + 1) >> 1
        for r in range(0, rows, ROWS):
            simd.coarse_6x1(
                x, r * step, step, w, at, depth, unit, r, scale, left, rotated, r * step + left,
                step,
            )  # fmt: skip
        at += depth * 2 * lanes
    norms_into(rotated, rows, step, rounded.most)
    for r in range(rows):
        q, error = rounded.most[r], np.float32(coarse.root_error) * rounded.length[r]
        rounded.least[r], rounded.most[r] = max(q - error, np.float32(0.0)), q + error


def pack_panels_into(matrix: Int16, panels: Int16) -> None:
    """Pack int16 ``matrix`` [k, d] (a row per output) for `multiply_into`; pad columns are zero.

    ``panels`` int16[padded(k, 16)·padded(d, 2)], zero.
    """
    depth = (matrix.shape[1] + 1) >> 1
    width = panels.size // (2 * depth)
    for left in range(0, width, PANEL):
        columns = min(PANEL, width - left)
        place = panels[left * 2 * depth : (left + columns) * 2 * depth]
        _pair_into(matrix[left : left + PANEL], place.reshape(depth, columns, 2))


def _pair_into(matrix: Int16, place: Int16) -> None:
    """Columns of ``matrix`` side by side in pairs: ``place`` int16[depth, ≥ rows, 2]."""
    for side in range(2):
        part = matrix[:, side::2].T
        place[: part.shape[0], : part.shape[1], side] = part


def root_size(d: int) -> int:
    """Count the elements of a packed triangle."""
    lanes = simd.LANES
    return sum(((min(d, left + lanes) + 1) >> 1) * 2 * lanes for left in range(0, d, lanes))


def pack_root_into(lower: Int16, panels: Int16) -> None:
    """Pack int16 ``lower`` [d, d] for `norms_between`; ``panels`` int16[root_size(d)], zero."""
    d, lanes = lower.shape[0], simd.LANES
    at = 0
    for left in range(0, d, lanes):
        reach = min(d, left + lanes)
        depth = (reach + 1) >> 1
        place = panels[at : at + depth * 2 * lanes].reshape(depth, lanes, 2)
        _pair_into(np.tril(lower[left:reach, :reach], left), place)
        at += depth * 2 * lanes
