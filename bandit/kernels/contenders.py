"""Which actions can still win: bounds on every action's worth, a few vector operations each.

A posterior's width obeys ``lower_a·q ≤ s_a ≤ upper_a·q`` with one number ``q = |R x|`` a row
(Loewner bounds, see `loewner`); ``slack_a·q`` covers the rounding of the float32 mean. An action
whose upper bound lies below the best lower bound is out; whoever is left is settled in float64.
Prices (``worth = value·score − cost``) are float32 too and get their own slack. Where a bound is
not finite, or might have overflowed beyond 1e30, every eligible action is a contender.

Each function takes a block of rows at once: its loops stay free of branches that depend on the
data, so that rows overlap in the pipeline, and array references are counted once a block.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit.kernels import keyed_random, simd
from bandit.kernels._compile import serial
from bandit.kernels.normal import normals_into
from bandit.types import Array

ROUNDING = np.float32(2.0**-20)
"""Relative slack of priced bounds: six roundings of 2⁻²⁴ each and the two conversions."""
UNDERFLOW = np.float32(1e-30)
"""Absolute slack: far above what gradual underflow of float32 can lose."""
OVERFLOW = np.float32(1e30)


class Bounds(NamedTuple):
    """What bounds a block's worths, float32.

    Factors of q: ``upper``, ``lower`` [w] of alpha times the width, ``slack`` [w] of the mean. A
    row's ``normals``, ``values`` and ``costs`` start at its number times their ``steps`` [3].
    """

    upper: Array
    lower: Array
    slack: Array
    normals: Array
    values: Array
    costs: Array
    steps: Array


@serial
def eligible_into(eligible, packing, first, rows, k, words):
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
                if eligible[first + r, action] != 0:
                    words[at + (action >> 6)] |= np.int64(1) << (action & 63)
        words[at + size - 1] &= last


@serial
def prices_into(table, first, rows, out, step):
    """Convert rows of values or costs (or the one row for all) to float32."""
    k = table.shape[1]
    whole = k - k % simd.LANES
    for r in range(rows if table.shape[0] > 1 else 1):
        line = first + r if table.shape[0] > 1 else 0
        for a in range(0, whole, simd.LANES):
            simd.store(out, r * step + a, simd.narrow(table, line * k + a))
        for a in range(whole, k):
            out[r * step + a] = np.float32(table[line, a])


@serial
def draws_into(stream, keys, first, rows, bits, logs, out, step):
    """Fill ``out`` float32[rows, step] with the keyed normals of a block."""
    for r in range(rows):
        normals_into(keyed_random.row_key(stream, keys[first + r]), bits, logs, out, r * step)


@serial
def upper_bounds_into(table, rows, q, bounds, words, thompson, priced, out, threshold):
    """Bound every worth: ``out`` float32[rows, w] from the means in ``table``, of the same shape.

    ``threshold`` float32[rows] receives the best lower bound among the eligible actions.
    """
    upper, lower, slack, normals, values, costs, steps = bounds
    lanes, width = simd.LANES, slack.size
    size = (width + 63) >> 6
    lowest = simd.splat(np.float32(-np.inf))
    tiny, rounding = simd.splat(UNDERFLOW), simd.splat(ROUNDING)
    for r in range(rows):
        best, scale, at = lowest, simd.splat(q[r]), r * width
        draws_at, values_at, costs_at = r * steps[0], r * steps[1], r * steps[2]
        for place in range(0, width, lanes):
            bits = words[r * size + (place >> 6)] >> (place & 63)
            mean, error = simd.load(table, at + place), simd.load(slack, place)
            top, bottom = simd.load(upper, place), simd.load(lower, place)
            if thompson:
                z = simd.load(normals, draws_at + place)
                one, other = simd.mul(top, z), simd.mul(bottom, z)
                top, bottom = simd.maximum(one, other), simd.minimum(one, other)
            high = simd.add(simd.fma(simd.add(top, error), scale, mean), tiny)
            low = simd.sub(simd.fma(simd.sub(bottom, error), scale, mean), tiny)
            if priced:
                factor = simd.load(values, values_at + place)
                price = simd.load(costs, costs_at + place)
                one, other = simd.mul(factor, high), simd.mul(factor, low)
                reach = simd.maximum(simd.absolute(one), simd.absolute(other))
                error = simd.fma(simd.add(reach, simd.absolute(price)), rounding, tiny)
                high = simd.add(simd.sub(simd.maximum(one, other), price), error)
                low = simd.sub(simd.sub(simd.minimum(one, other), price), error)
            best = simd.maximum(simd.pick(bits, low, lowest), best)
            simd.store(out, at + place, high)
        threshold[r] = simd.reduce_max(best)


@serial
def reach_bounds_into(table, rows, q, bounds, reach, words, priced, out, threshold):
    """Bound what a sampled worth can reach: ``v·(μ ± reach·alpha·s) − c``, as `upper_bounds_into`.

    ``threshold`` receives the largest lower end.
    """
    upper, _, slack, _, values, costs, steps = bounds
    lanes, width = simd.LANES, slack.size
    size = (width + 63) >> 6
    lowest = simd.splat(np.float32(-np.inf))
    far = simd.splat(np.float32(reach))
    tiny, rounding = simd.splat(UNDERFLOW), simd.splat(ROUNDING)
    for r in range(rows):
        best, scale, at = lowest, simd.splat(q[r]), r * width
        values_at, costs_at = r * steps[1], r * steps[2]
        for place in range(0, width, lanes):
            bits = words[r * size + (place >> 6)] >> (place & 63)
            mean, error = simd.load(table, at + place), simd.load(slack, place)
            half = simd.fma(simd.fma(simd.load(upper, place), far, error), scale, tiny)
            high, low = simd.add(mean, half), simd.sub(mean, half)
            if priced:
                factor = simd.load(values, values_at + place)
                price = simd.load(costs, costs_at + place)
                one, other = simd.mul(factor, high), simd.mul(factor, low)
                size_of = simd.maximum(simd.absolute(one), simd.absolute(other))
                error = simd.fma(simd.add(size_of, simd.absolute(price)), rounding, tiny)
                high = simd.add(simd.sub(simd.maximum(one, other), price), error)
                low = simd.sub(simd.sub(simd.minimum(one, other), price), error)
            best = simd.maximum(simd.pick(bits, low, lowest), best)
            simd.store(out, at + place, high)
        threshold[r] = simd.reduce_max(best)


@serial
def survivors_into(bounds, rows, width, threshold, words, alive):
    """Write the bits of the eligible actions whose bound is not below the row's threshold.

    ``bounds`` float32[rows, width]; ``words`` the eligible bits, ``alive`` of the same shape. A
    threshold that is not finite lets everyone through.
    """
    lanes = simd.LANES
    size = (width + 63) >> 6
    for r in range(rows):
        everyone = np.int64(0) if abs(threshold[r]) < OVERFLOW else np.int64(-1)
        level = simd.splat(threshold[r])
        for left in range(0, width, 64):
            found = everyone
            for place in range(left, min(left + 64, width), lanes):
                bits = simd.bits_not_below(simd.load(bounds, r * width + place), level)
                found |= bits << (place & 63)
            word = r * size + (left >> 6)
            alive[word] = words[word] & found


@serial
def append_into(
    bounds, rows, width, threshold, alive, top, base, first, count, pairs, draws, step, lone
):
    """Append the surviving actions of a block to ``pairs``; return the new count.

    ``top`` is the block's first row, ``base`` the row of ``first[0]``: ``first[i + 1]`` receives
    where row ``base + i`` ends. ``draws`` float32[rows, step] are the actions' normals. With
    ``lone`` int32[rows from base] not empty, a row's only survivor goes there instead (-1 else).
    """
    row_of, action_of, high_of, draw_of = pairs
    size = (width + 63) >> 6
    apart = lone.size > 0
    for r in range(rows):
        if apart:
            number, action = 0, 0
            for word in range(size):
                bits = alive[r * size + word]
                number += simd.count_bits(bits)
                action = word * 64 + simd.lowest_bit(bits) if bits != 0 else action
            lone[top + r - base] = action if number == 1 else -1
            if number == 1:
                first[top + r - base + 1] = count
                continue
        certain = abs(threshold[r]) < OVERFLOW
        for word in range(size):
            bits = alive[r * size + word]
            while bits != 0:
                action = word * 64 + simd.lowest_bit(bits)
                bits &= bits - 1
                row_of[count] = top + r
                action_of[count] = action
                high_of[count] = bounds[r * width + action] if certain else np.float32(np.inf)
                draw_of[count] = draws[r * step + action]
                count += 1
        first[top + r - base + 1] = count
    return count
