"""Widths bounded by the leading directions of each action's covariance, where many may still win.

In coordinates whitened by the pooled root R (`loewner`), ``z = R x``, an action's covariance is
``B = Σ λ_i v_i v_iᵀ``, λ falling. Of its directions only the first r are looked at:

    t = Σ_{i ≤ r} (λ_i − λ_{r+1}) (v_i·z)²,    t + λ_d |z|² ≤ s² ≤ t + λ_{r+1} |z|².

Few rows leave a covariance a handful of long directions, so what is beyond them bounds a width
closely, with r·d products in place of the d(d + 1)/2 of all of it. A direction is one more row of
weights of the context, as a mean is: ``p_i = √(λ_i − λ_{r+1}) (Rᵀ v_i)·x``, in 16-bit integers
(`int16_bounds`). Rounding moves the vector of all p by at most e = ``error``·|x̃|, and for any ε

    (√t ± e)² lies between (1 − ε) t − e²/ε and (1 + ε) t + (1 + 1/ε) e².
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit.core.types import Bool, Float32, Int16, Int64
from bandit.kernels import simd
from bandit.kernels._compile import within
from bandit.kernels.linear import int16_bounds
from bandit.kernels.linear.contenders import OVERFLOW, UNDERFLOW, Bounds, priced_ends
from bandit.kernels.linear.int16_bounds import Rounded
from bandit.kernels.simd.product import padded

SHARE = 12
"""Bounds are tightened where one of so many columns is a contender on the average of a block: below
that, who is left costs less to settle than all to bound."""
FEWEST = 4
"""Rows that are worth a tile."""
PART = np.float32(1e-3)
"""ε: what rounding costs is far below it."""
SLACK = np.float32(1e-5)
"""Relative, of the square root of some dozen sums and products in float32."""
SMALL, LARGE = np.float32(1e-8), np.float32(1e8)
"""|z| whose square and its parts float32 holds."""


class Leading(NamedTuple):
    """Leading directions of k actions padded to w columns, all empty where they would not help.

    ``weights`` int16 panels and ``step`` float32[r·w], direction after direction as
    `int16_bounds.products_into` reads them; ``error`` float32[w] in units of |x̃|; ``most``
    ≥ λ_{r+1} and ``least`` ≤ λ_d float32[w].
    """

    weights: Int16
    step: Float32
    error: Float32
    most: Float32
    least: Float32


class Tightening(NamedTuple):
    """Scratch for a block of b rows: ``part``, ``total`` float32[b·w], ``several`` bool[b].

    ``several`` marks rows of several contenders whose bounds are tightened: none at first.
    """

    part: Float32
    total: Float32
    several: Bool


def empty_tightening(leading: Leading, rows: int) -> Tightening:
    """Make scratch for so many rows, a multiple of six; w = 0 where nothing is tightened."""
    size = rows * leading.error.size
    return Tightening(
        np.empty(size, np.float32), np.empty(size, np.float32), np.zeros(rows, np.bool_)
    )


@within
def find_several(
    rows: int, size: int, columns: int, rounded: Rounded, threshold: Float32, alive: Int64,
    several: Bool,
) -> bool:  # fmt: skip
    """Mark the rows of several contenders that can be bounded; tell whether a block is crowded."""
    count = np.int64(0)
    for r in range(rows):
        number = np.int64(0)
        for word in range(size):
            number += simd.count_bits(alive[r * size + word])
        held = rounded.least[r] > SMALL and rounded.most[r] < LARGE
        several[r] = number > 1 and held and abs(threshold[r]) < OVERFLOW
        count += number
    return rows >= FEWEST and int(count) * SHARE > rows * columns


@within
def sums_into(rounded: Rounded, rows: int, d: int, leading: Leading, room: Tightening) -> None:
    """``room.total`` float32[rows, w]: each action's t; rows a multiple of six."""
    width, lanes = leading.error.size, simd.LANES
    step, depth = padded(d, lanes), (d + 1) >> 1
    size, part, total = width * 2 * depth, room.part, room.total
    none = simd.splat(np.float32(0.0))
    for p in range(0, rows * width, lanes):
        simd.store(total, p, none)
    for i in range(leading.step.size // width):
        int16_bounds.products_into(
            rounded.whole, step, rounded.unit, rows, depth,
            leading.weights[i * size : (i + 1) * size], leading.step[i * width : (i + 1) * width],
            part,
        )  # fmt: skip
        for p in range(0, rows * width, lanes):
            value = simd.load(part, p)
            simd.store(total, p, simd.fma(value, value, simd.load(total, p)))


@within
def tighten_into(
    table: Float32, rows: int, rounded: Rounded, bounds: Bounds, alpha: float, leading: Leading,
    room: Tightening, words: Int64, priced: bool, highs: Float32, threshold: Float32, alive: Int64,
) -> None:  # fmt: skip
    """Bound the worths of rows marked in ``room.several`` anew, from means and `sums_into`.

    ``highs``, ``threshold`` and ``alive`` are those of `contenders.bound_into`.
    """
    error, most_of, least_of, total = leading.error, leading.most, leading.least, room.total
    lanes, width, steps = simd.LANES, leading.error.size, bounds.steps
    size = (width + 63) >> 6
    lowest, tiny = simd.splat(np.float32(-np.inf)), simd.splat(UNDERFLOW)
    none, one = simd.splat(np.float32(0.0)), np.float32(1.0)
    upward, downward = simd.splat(one + PART), simd.splat(one - PART)
    above = simd.splat(np.float32(alpha) * (one + SLACK))
    below = simd.splat(np.float32(alpha) * (one - SLACK))
    for r in range(rows):
        if not room.several[r]:
            continue
        best, at = lowest, r * width
        length, most, least = rounded.length[r], rounded.most[r], rounded.least[r]
        longest, shortest, reach = (
            simd.splat(most * most), simd.splat(least * least), simd.splat(length)
        )  # fmt: skip
        off = simd.splat(length * np.sqrt(one + one / PART))
        for place in range(0, width, lanes):
            bits = words[r * size + (place >> 6)] >> (place & 63)
            found, lost = simd.load(total, at + place), simd.mul(simd.load(error, place), off)
            square = simd.fma(simd.load(most_of, place), longest, simd.mul(found, upward))
            wide = simd.root(simd.fma(lost, lost, square))
            square = simd.fma(simd.load(least_of, place), shortest, simd.mul(found, downward))
            narrow = simd.root(simd.maximum(simd.sub(square, simd.mul(lost, lost)), none))
            mean = simd.load(table, at + place)
            slack = simd.fma(simd.load(bounds.error, place), reach, tiny)
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
