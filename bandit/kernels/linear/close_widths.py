"""Widths bounded by all of each covariance in 16-bit integers, where features are few.

As `dense_bounds`, but of coordinates z̃ that a block's bounds have found anyway, a block at a time:
z̃ is rounded to whole steps, at most `STEPS` long, so that products h_i h_j of two are int16
themselves, and nothing is rounded again. With ``s² = share·|z|² + ⟨E, z zᵀ⟩``, and ẑ = h·step,

    |⟨E, z zᵀ − ẑ ẑᵀ⟩| ≤ ‖E‖·δ·(2 most + δ),    δ ≥ |z − ẑ|,

``most`` ≥ |z| and |z̃|: a hundredth of a width. The rounding of vech E loses less.
At d = 16 that leaves 1.1 contenders where `leading` leaves 3.4.
"""

from __future__ import annotations

import numpy as np

from bandit.core.types import Float32, Int64
from bandit.kernels import simd
from bandit.kernels._compile import natural, within
from bandit.kernels.linear import dense_widths, int16_bounds
from bandit.kernels.linear.dense_widths import Dense
from bandit.kernels.linear.int16_bounds import Rounded
from bandit.kernels.linear.leading import FEWEST, Tightening, can_be_bounded
from bandit.kernels.simd.product import ROWS, padded

STEPS = 180.0
"""Of |z̃|: rounded, and two steps longer at most, a square of an element is below 2¹⁵."""
FEATURES = simd.LANES
"""Of more, leading directions are less to multiply."""


@within
def _squares_into(
    rotated: Float32, rounded: Rounded, rows: int, d: int, root_error: float, room: Tightening
) -> None:
    """``vech h hᵀ`` of each row, one vector long, in ``room.short``; overhangs are written over."""
    wide, depth = simd.LANES, dense_widths.dense_depth(d)
    steps, short = room.steps, room.short
    # Half a step in every element, and a percent of it for the product before.
    half = np.float32(0.505 * np.sqrt(d) / STEPS)
    for r in range(rows):
        most = rounded.most[r]
        line, at = r * wide, r * depth
        simd.quantise(rotated, line, room.ones, 0, np.float32(STEPS) / most, steps, line)
        room.off[r] = np.float32(root_error) * rounded.length[r] / most + half
        for i in range(d):
            simd.outer_line(steps, line, steps[natural(line + i)], short, at)
            at += i + 1


@within
def sums_into(
    rotated: Float32, rounded: Rounded, rows: int, d: int, root_error: float, dense: Dense,
    room: Tightening,
) -> None:  # fmt: skip
    """``room.total`` float32[rows, w]: ``⟨E, ẑ ẑᵀ⟩`` of each action in units of ``most²``."""
    depth = dense_widths.dense_depth(d)
    _squares_into(rotated, rounded, rows, d, root_error, room)
    int16_bounds.products_into(
        room.short, depth, room.unit, padded(rows, ROWS), depth >> 1, dense.short,
        dense.short_step, room.total, dense.column.size,
    )  # fmt: skip


@within
def all_open(
    rows: int, size: int, rounded: Rounded, words: Int64, threshold: Float32, alive: Int64,
    room: Tightening,
) -> bool:  # fmt: skip
    """Mark all rows of a block as ones of several contenders, if all can be bounded."""
    able = rows >= FEWEST
    for r in range(rows):
        able = able and can_be_bounded(rounded, r)
    if able:
        for r in range(rows):
            room.several[r] = True
            threshold[r] = np.float32(-np.inf)
        for word in range(rows * size):
            alive[word] = words[word]
    return able
