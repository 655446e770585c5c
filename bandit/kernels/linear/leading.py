"""Widths bounded by the leading directions of each action's covariance, where many may still win.

In coordinates whitened by the pooled root R (`loewner`), ``z = R x``, an action's covariance is
``B = Σ λ_i v_i v_iᵀ``, λ falling. Of its directions only the first r are looked at:

    t = Σ_{i ≤ r} (λ_i − λ_{r+1}) (v_i·z)²,    t + λ_d |z|² ≤ s² ≤ t + λ_{r+1} |z|².

Few rows leave a covariance a handful of long directions, so what is beyond them bounds a width
closely, with r·d products in place of the d(d + 1)/2 of all of it. The products ``p = W z``, rows
``√(λ_i − λ_{r+1}) v_i``, are made of 8-bit integers, twice as many at a time as of 16: z is rounded
to whole steps, `reach` of them long, the rows of W to others, at most `WEIGHT` long, so that sums
stay below 2¹⁵ (Cauchy, Schwarz). What that moves p by is at most ``norm·δ + lost·|z|``, δ what
rounding takes of z and lost what it takes of W, and for a p off by e and any ε

    (√t ± e)² lies between (1 − ε) t − (1/ε − 1) e² and (1 + ε) t + (1 + 1/ε) e².
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit.core.types import Bool, Float32, Int8, Int16, Int64, UInt8
from bandit.kernels import simd
from bandit.kernels._compile import anywhere, inline, within
from bandit.kernels.linear.contenders import OVERFLOW, Bounds, priced_ends
from bandit.kernels.linear.int16_bounds import Rounded
from bandit.kernels.simd.product import ROWS, padded

SHARE = 12
"""Bounds are tightened where one of so many columns is a contender on the average of a block: below
that, who is left costs less to settle than all to bound."""
FEWEST = 4
"""Rows that are worth a tile."""
WEIGHT = 200.0
"""Steps that a row of weights is long at most; elements stay below 128."""
LARGEST = np.float32(63.0)
"""Steps of an element of z: 64 are added, since one factor of a product of bytes has no sign."""
PART = np.float32(1.0 / 16.0)
"""ε: about what e is of √t."""
SLACK = np.float32(1e-5)
"""Relative, of the square root of some dozen sums and products in float32."""
SMALL, LARGE = np.float32(1e-8), np.float32(1e8)
"""|z| whose square float32 holds."""
FAINT = np.float32(1e-36)
"""Of a width's square: far above what its parts can lose where they underflow."""


class Leading(NamedTuple):
    """Leading directions of k actions padded to w columns, all empty where they would not help.

    ``weights`` int8: for sixteen columns after the other r panels, each a line of 64 bytes that
    take back what was added to z and one for every four elements (`simd.squares_6x1`); ``step``
    float32[w] of the rows of W, ``norm`` and ``lost`` float32[w] as above; ``most`` ≥ λ_{r+1} and
    ``least`` ≤ λ_d float32[w].

    Where features are few there are no ``weights``, and all of a covariance is looked at
    (`close_widths`): ``most`` and ``least`` are its share, ``norm`` ≥ ‖E‖, ``lost`` what rounding
    takes of E.
    """

    weights: Int8
    step: Float32
    norm: Float32
    lost: Float32
    most: Float32
    least: Float32


class Tightening(NamedTuple):
    """Scratch for a block of b rows: ``total`` float32[b·w], ``several`` bool[b].

    ``whole`` uint8[b·padded(d, 16)] is z in steps of ``unit``, ``off`` what that moves it by,
    float32[b]. ``several`` marks rows of several contenders whose bounds are tightened: none at
    first. `close_widths` has z in ``steps`` int16[b·padded(d, 16)], ``short`` int16 products of
    two, one ``unit`` and, in ``off``, what moves z by as part of it; ``ones`` float32[16].
    """

    whole: UInt8
    unit: Float32
    off: Float32
    total: Float32
    several: Bool
    steps: Int16
    short: Int16
    ones: Float32


def empty_tightening(leading: Leading, rows: int, d: int, unit: float = 0.0) -> Tightening:
    """Make scratch for so many rows, a multiple of six; w = 0 where nothing is tightened."""
    size, wide = rows * leading.step.size, rows * padded(d, simd.LANES)
    close = size > 0 and leading.weights.size == 0
    return Tightening(
        np.zeros(wide if size and not close else 0, np.uint8),
        np.full(rows, unit, np.float32), np.zeros(rows, np.float32), np.empty(size, np.float32),
        np.zeros(rows, np.bool_), np.zeros(wide if close else 0, np.int16),
        np.zeros(rows * (d + 1) * (d + 2) // 2 + simd.LANES if close else 0, np.int16),
        np.ones(simd.LANES, np.float32),
    )  # fmt: skip


@anywhere
def reach(d: int) -> float:
    """Steps that z is long at most: rounding both factors keeps their product below 2¹⁵."""
    more = np.sqrt(d) / 2.0
    return float(32767.0 / (WEIGHT + more) - more)


@inline
def can_be_bounded(rounded: Rounded, r: int) -> bool:
    """Whether float32 holds the square of a row's length."""
    return bool(rounded.least[r] > SMALL and rounded.most[r] < LARGE)


@within
def find_several(
    rows: int, size: int, columns: int, rounded: Rounded, threshold: Float32, alive: Int64,
    several: Bool, everyone: bool,
) -> bool:  # fmt: skip
    """Mark the rows of several contenders that can be bounded; tell whether a block is crowded.

    With ``everyone`` rows of one are marked, too, as they are where nobody looks for them.
    """
    count = np.int64(0)
    for r in range(rows):
        number = np.int64(0)
        for word in range(size):
            number += simd.count_bits(alive[r * size + word])
        held = can_be_bounded(rounded, r) and abs(threshold[r]) < OVERFLOW
        several[r] = (number > 1 or everyone) and held
        count += number
    return rows >= FEWEST and int(count) * SHARE > rows * columns


@within
def _round_into(
    rotated: Float32, rounded: Rounded, rows: int, d: int, root_error: float, room: Tightening
) -> None:
    """Round z float32[rows, padded(d, 16)], which is off by ``root_error``·|x̃|, to bytes."""
    lanes, width = simd.LANES, padded(d, simd.LANES)
    limit = np.float32(reach(d))
    for r in range(rows):
        at = r * width
        largest, total = simd.splat(np.float32(0.0)), simd.splat(np.float32(0.0))
        for j in range(0, width, lanes):
            largest = simd.maximum(simd.absolute(simd.load(rotated, at + j)), largest)
        unit = max(rounded.most[r] / limit, simd.reduce_max(largest) / LARGEST)
        factor = np.float32(1.0) / unit
        scale = simd.splat(factor)
        for j in range(0, width, lanes):
            whole = simd.quantise_bytes(rotated, at + j, factor, room.whole, at + j)
            lost = simd.sub(simd.mul(simd.load(rotated, at + j), scale), whole)
            total = simd.fma(lost, lost, total)
        room.unit[r] = unit
        # A thousandth of a step is more than these few operations lose.
        lost_steps = np.sqrt(simd.reduce_add(total)) + np.float32(1e-3)
        room.off[r] = lost_steps * unit + np.float32(root_error) * rounded.length[r]


@within
def sums_into(
    rotated: Float32, rounded: Rounded, rows: int, d: int, root_error: float, leading: Leading,
    room: Tightening,
) -> None:  # fmt: skip
    """``room.total`` float32[rows, w]: t of each action in squares of steps, from z."""
    width, wide, lanes = leading.step.size, padded(d, simd.LANES), simd.LANES
    depth = (d + 3) >> 2
    count = leading.weights.size // ((width >> 4) * 64 * (1 + depth))
    _round_into(rotated, rounded, rows, d, root_error, room)
    for left in range(0, width, lanes):
        at = (left >> 4) * count * 64 * (1 + depth)
        for r in range(0, padded(rows, ROWS), ROWS):
            simd.squares_6x1(
                room.whole, r * wide, wide, leading.weights, at, depth, count, room.total,
                r * width + left, width,
            )  # fmt: skip


@within
def tighten_into(
    table: Float32, rows: int, rounded: Rounded, bounds: Bounds, alpha: float, leading: Leading,
    room: Tightening, words: Int64, priced: bool, highs: Float32, threshold: Float32, alive: Int64,
) -> None:  # fmt: skip
    """Bound the worths of rows marked in ``room.several`` anew, from means and `sums_into`.

    Either module's. ``highs``, ``threshold`` and ``alive`` are those of `contenders.bound_into`.
    """
    most_of, least_of, step_of, total = leading.most, leading.least, leading.step, room.total
    lost_of, close = leading.lost, leading.weights.size == 0
    lanes, width, steps = simd.LANES, step_of.size, bounds.steps
    size = (width + 63) >> 6
    lowest, tiny = simd.splat(np.float32(-np.inf)), simd.splat(np.float32(bounds.ground))
    none, one, faint = simd.splat(np.float32(0.0)), np.float32(1.0), simd.splat(FAINT)
    upward, downward = simd.splat(one + PART), simd.splat(one - PART)
    wider, narrower = simd.splat(one + one / PART), simd.splat(one / PART - one)
    above = simd.splat(np.float32(alpha) * (one + SLACK))
    below = simd.splat(np.float32(alpha) * (one - SLACK))
    for r in range(rows):
        if not room.several[r]:
            continue
        best, at = lowest, r * width
        most, least = rounded.most[r], rounded.least[r]
        longest, shortest, length = (
            simd.splat(most * most), simd.splat(least * least), simd.splat(rounded.length[r])
        )  # fmt: skip
        unit, whole, moved = simd.splat(room.unit[r]), simd.splat(most), room.off[r]
        off = simd.splat(moved * (np.float32(2.0) + moved) if close else moved)
        for place in range(0, width, lanes):
            bits = words[r * size + (place >> 6)] >> (place & 63)
            if close:
                found = simd.load(total, at + place)
                lost = simd.fma(simd.load(leading.norm, place), off, simd.load(lost_of, place))
                square = simd.add(simd.add(simd.load(most_of, place), found), lost)
                high = simd.fma(square, longest, faint)
                square = simd.mul(simd.load(least_of, place), shortest)
                low = simd.sub(simd.fma(simd.sub(found, lost), longest, square), faint)
            else:
                step = simd.mul(simd.load(step_of, place), unit)
                found = simd.mul(simd.load(total, at + place), simd.mul(step, step))
                lost = simd.mul(simd.load(lost_of, place), whole)
                lost = simd.fma(simd.load(leading.norm, place), off, lost)
                lost = simd.mul(lost, lost)
                square = simd.fma(simd.load(most_of, place), longest, simd.mul(found, upward))
                high = simd.fma(lost, wider, simd.add(square, faint))
                square = simd.fma(simd.load(least_of, place), shortest, simd.mul(found, downward))
                low = simd.sub(square, simd.fma(lost, narrower, faint))
            wide, narrow = simd.root(simd.maximum(high, none)), simd.root(simd.maximum(low, none))
            mean = simd.load(table, at + place)
            slack = simd.fma(simd.load(bounds.error, place), length, tiny)
            high = simd.add(simd.fma(above, wide, mean), slack)
            low = simd.sub(simd.fma(below, narrow, mean), slack)
            if priced:
                high, low = priced_ends(high, low, bounds, r * steps[0], r * steps[1], place)
            best = simd.maximum(simd.pick(bits, low, lowest), best)
            simd.store(highs, at + place, high)
        level = max(simd.reduce_max(best), threshold[r])
        if not abs(level) < OVERFLOW:
            continue
        threshold[r] = level
        limit = simd.splat(level)
        for left in range(0, width, 64):
            inside = np.int64(0)
            for place in range(left, min(left + 64, width), lanes):
                bits = simd.bits_not_below(simd.load(highs, at + place), limit)
                inside |= bits << (place & 63)
            alive[r * size + (left >> 6)] &= inside
