"""Which actions can still win: bounds on every action's worth, a few vector operations each.

A posterior's width obeys ``lower_a·q ≤ s_a ≤ upper_a·q`` with one number ``q = |R x|`` a row
(Loewner bounds, see `loewner`); q and the means are enclosed by `coarse`. An action whose upper
bound lies below the best lower bound is out; whoever is left is settled in float64. Prices
(``worth = value·score − cost``) are float32 too and get their own slack. Where a bound is not
finite, or might have overflowed beyond 1e30, every eligible action is a contender.

Each function takes a block of rows at once: its loops stay free of branches that depend on the
data, so that rows overlap in the pipeline, and array references are counted once a block.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit.core.types import Bool, Float32, Float64, Int32, Int64, Integer, UInt8
from bandit.kernels import simd
from bandit.kernels._compile import inline, natural, within
from bandit.kernels.linear.int16_bounds import Rounded
from bandit.kernels.linear.situation import Pairs

ROUNDING = np.float32(2.0**-20)
"""Relative slack of priced bounds: six roundings of 2⁻²⁴ each and the two conversions."""
UNDERFLOW = np.float32(1e-30)
"""Absolute slack: far above what gradual underflow of float32 can lose."""
OVERFLOW = np.float32(1e30)


class Bounds(NamedTuple):
    """What bounds a block's worths, float32.

    ``top``, ``bottom`` [w] times q lie above and below a score less its mean; ``upper``, ``lower``
    [w] times q enclose alpha times the width; ``error`` [w] times ``|x̃|``, and ``ground``, that of
    the mean. A row's ``values`` and ``costs`` start at its number times their ``steps`` [2].
    """

    top: Float32
    bottom: Float32
    upper: Float32
    lower: Float32
    error: Float32
    values: Float32
    costs: Float32
    steps: Int64
    ground: float


@within
def eligible_into(
    eligible: UInt8, packing: int, first: int, rows: int, k: int, words: Int64
) -> None:
    """Write each row's eligible actions as bits: ``words`` int64[rows, ceil(k/64)]."""
    size = (k + 63) >> 6
    whole = k - k % 16
    last = (np.int64(1) << (k & 63)) - 1 if k & 63 else np.int64(-1)
    for r in range(rows):
        at = r * size
        for word in range(size):
            words[at + word] = -1 if packing == 0 else 0
        if packing == 2:
            for byte in range(eligible.shape[1]):
                words[at + (byte >> 3)] |= np.int64(eligible[first + r, byte]) << (8 * (byte & 7))
        elif packing == 1:
            for left in range(0, whole, 16):
                bits = simd.nonzero_bits(eligible, (first + r) * k + left)
                words[at + (left >> 6)] |= bits << (left & 63)
            for action in range(whole, k):
                bit = np.int64(eligible[first + r, action] != 0)
                words[at + (action >> 6)] |= bit << (action & 63)
        words[at + size - 1] &= last


@within
def prices_into(
    table: Float64, first: Integer, rows: Integer, out: Float32, step: Integer, doubt: Bool
) -> None:
    """Convert rows of values or costs (or the one row for all) to float32.

    ``doubt[0]`` is raised where one is not finite in float32.
    """
    limit, bad = simd.splat(np.float32(np.inf)), np.int64(0)
    k = table.shape[1]
    whole = k - k % simd.LANES
    for r in range(rows if table.shape[0] > 1 else 1):
        line = first + r if table.shape[0] > 1 else 0
        for a in range(0, whole, simd.LANES):
            price = simd.narrow(table, line * k + a)
            bad |= simd.bits_not_below(simd.absolute(price), limit)
            simd.store(out, r * step + a, price)
        for a in range(whole, k):
            out[r * step + a] = np.float32(table[line, a])
            if not abs(out[r * step + a]) < np.inf:
                bad = np.int64(1)
    if bad != 0:
        doubt[0] = True


@inline
def priced_ends(
    high: simd.Vector32, low: simd.Vector32, bounds: Bounds, values_at: Integer, costs_at: Integer,
    place: int,
) -> tuple[simd.Vector32, simd.Vector32]:  # fmt: skip
    """Ends of worths of sixteen actions from those of their scores."""
    factor = simd.load(bounds.values, values_at + place)
    price = simd.load(bounds.costs, costs_at + place)
    one, other = simd.mul(factor, high), simd.mul(factor, low)
    reach = simd.maximum(simd.absolute(one), simd.absolute(other))
    slack = simd.add(reach, simd.absolute(price))
    slack = simd.fma(slack, simd.splat(ROUNDING), simd.splat(UNDERFLOW))
    most = simd.add(simd.sub(simd.maximum(one, other), price), slack)
    return most, simd.sub(simd.sub(simd.minimum(one, other), price), slack)


@within
def bound_into(
    table: Float32, rows: int, rounded: Rounded, bounds: Bounds, words: Int64, priced: bool,
    spread: bool, highs: Float32, threshold: Float32, alive: Int64,
) -> None:  # fmt: skip
    """Bound every worth from the means in ``table`` float32[rows, w], and mark who may win.

    ``highs`` (may be ``table``) receives the upper bounds, ``threshold`` float32[rows] the best
    lower bound among the eligible actions ``words`` int64[rows, ceil(w/64)], ``alive`` whoever is
    not below it; a threshold that is not finite lets everyone through. ``spread``: both ends grow
    with q, so both take its upper end.
    """
    top, bottom, error, steps = bounds.top, bounds.bottom, bounds.error, bounds.steps
    lanes, width = simd.LANES, error.size
    size = (width + 63) >> 6
    lowest = simd.splat(np.float32(-np.inf))
    tiny = simd.splat(np.float32(bounds.ground))
    mosts, leasts, lengths = rounded.most, rounded.least, rounded.length
    for r in range(rows):
        best, at = lowest, r * width
        most, length = simd.splat(mosts[r]), simd.splat(lengths[r])
        least = most if spread else simd.splat(leasts[r])
        values_at, costs_at = r * steps[0], r * steps[1]
        for place in range(0, width, lanes):
            bits = words[r * size + (place >> 6)] >> (place & 63)
            mean = simd.load(table, at + place)
            slack = simd.fma(simd.load(error, place), length, tiny)
            high = simd.add(simd.fma(simd.load(top, place), most, mean), slack)
            low = simd.sub(simd.fma(simd.load(bottom, place), least, mean), slack)
            if priced:
                high, low = priced_ends(high, low, bounds, values_at, costs_at, place)
            best = simd.maximum(simd.pick(bits, low, lowest), best)
            simd.store(highs, at + place, high)
        level = simd.reduce_max(best)
        threshold[r] = level
        everyone = np.int64(0) if abs(level) < OVERFLOW else np.int64(-1)
        limit = simd.splat(level)
        for left in range(0, width, 64):
            found = everyone
            for place in range(left, min(left + 64, width), lanes):
                bits = simd.bits_not_below(simd.load(highs, at + place), limit)
                found |= bits << (place & 63)
            word = r * size + (left >> 6)
            alive[word] = words[word] & found


@within
def include(given: Int32, top: int, rows: int, size: int, words: Int64, alive: Int64) -> None:
    """Set the bit of each row's ``given`` action where there is one and it is eligible."""
    for r in range(rows):
        a = given[top + r]
        if a < 0:
            continue
        word = r * size + (a >> 6)
        alive[word] |= words[word] & (np.int64(1) << (a & 63))


@within
def append_into(
    bounds: Float32, rows: int, width: int, threshold: Float32, alive: Int64, top: int, base: int,
    first: Int64, count: np.int64, pairs: Pairs, lone: Int32, several: Bool,
) -> np.int64:  # fmt: skip
    """Append the surviving actions of a block to ``pairs``; return the new count.

    ``top`` is the block's first row, ``base`` the row of ``first[0]``: ``first[i + 1]`` receives
    where row ``base + i`` ends. With ``lone`` int32[rows from base] not empty, a row's only
    survivor goes there instead (-1 else), unless the row is one of ``several``: what is told of it
    must not hang on whether its bounds were tightened.
    """
    row_of, action_of, high_of, draw_of = pairs.row, pairs.action, pairs.high, pairs.draw
    size = (width + 63) >> 6
    apart = lone.size > 0
    for r in range(rows):
        if apart:
            number, action = 0, 0
            for word in range(size):
                bits = alive[r * size + word]
                number += simd.count_bits(bits)
                action = word * 64 + simd.lowest_bit(bits) if bits != 0 else action
            alone = number == 1 and not several[r]
            lone[top + r - base] = action if alone else -1
            if alone:
                first[top + r - base + 1] = count
                continue
        certain = abs(threshold[r]) < OVERFLOW
        for word in range(size):
            bits = alive[r * size + word]
            while bits != 0:
                action, to = word * 64 + simd.lowest_bit(bits), natural(count)
                bits &= bits - 1
                row_of[to] = top + r
                action_of[to] = action
                high = bounds[natural(r * width + action)]
                high_of[to] = high if certain else np.float32(np.inf)
                draw_of[to] = np.float32(1.0)
                count += 1
        first[top + r - base + 1] = count
    return count
