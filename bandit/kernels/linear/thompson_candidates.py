"""Contenders of Thompson sampling: draws only for whoever could win with some draw.

A keyed normal comes from 32 bits, so it is never beyond `MOST`. Whoever could not win with every
draw in its favour needs none; the others get theirs, and then bounds as tight as LinUCB's. For
propensities whoever may win within `REACH` deviations counts too (beyond lies less than 1e-8).
"""

from __future__ import annotations

import numpy as np

from bandit.core.types import Float32, Int32, Int64, Integer
from bandit.kernels import simd
from bandit.kernels._compile import inline, natural, within
from bandit.kernels.linear.contenders import (
    OVERFLOW,
    ROUNDING,
    UNDERFLOW,
    Bounds,
    priced_ends,
)
from bandit.kernels.linear.draws import Draws
from bandit.kernels.linear.int16_bounds import Rounded
from bandit.kernels.linear.situation import Pairs
from bandit.kernels.linear.win_probability import REACH

MOST = np.float32(6.36)
"""No keyed normal lies beyond: the outermost quantile is that of 2⁻³³, 6.338."""
_REACH = np.float32(REACH)
_NOWHERE = np.float32(-np.inf)
_CROWD = 4
"""Where more than one of so many columns is a candidate, all columns side by side cost less than
looking up what belongs to each candidate."""


@inline
def _ends(
    mean: np.float32, slack: np.float32, above: np.float32, below: np.float32, priced: bool,
    value: np.float32, price: np.float32,
) -> tuple[np.float32, np.float32]:  # fmt: skip
    """Ends of ``value·score − price`` for a score between mean + below and mean + above."""
    high, low = mean + above + slack, mean + below - slack
    if priced:
        one, other = value * high, value * low
        slack = (max(abs(one), abs(other)) + abs(price)) * ROUNDING + UNDERFLOW
        high, low = max(one, other) - price + slack, min(one, other) - price - slack
    return high, low


@inline
def _narrow(
    table: Float32, line: int, rounded: Rounded, r: int, bounds: Bounds, priced: bool,
    normal: Float32, high: Float32, reach: Float32, begin: Integer, number: int, whose: int,
    alive: Int64, word: int,
) -> np.float32:  # fmt: skip
    """`winners_into` of a row, sixteen of its first ``number`` columns at once.

    Of column a, ``normal``, ``high`` and ``reach`` stand at begin + a; what is written beyond the
    last is written over by the next row. Return the best lower end with the draws.
    """
    error, upper, lower, steps = bounds.error, bounds.upper, bounds.lower, bounds.steps
    values_at, costs_at = r * steps[0], r * steps[1]
    most, least = simd.splat(rounded.most[r]), simd.splat(rounded.least[r])
    length, beyond = simd.splat(rounded.length[r]), simd.splat(_REACH)
    tiny = simd.splat(np.float32(bounds.ground))
    nowhere = simd.splat(_NOWHERE)
    best, best_reach = nowhere, nowhere
    for a in range(0, number, simd.LANES):
        listed = alive[word + (a >> 6)] >> np.int64(a & 63)
        mean, z = simd.load(table, line + a), simd.load(normal, begin + a)
        slack = simd.add(simd.mul(simd.load(error, a), length), tiny)
        wide = simd.mul(simd.load(upper, a), most)
        narrow = simd.mul(simd.load(lower, a), least)
        one, other = simd.mul(wide, z), simd.mul(narrow, z)
        top = simd.add(simd.add(mean, simd.maximum(one, other)), slack)
        low = simd.sub(simd.add(mean, simd.minimum(one, other)), slack)
        if priced:
            top, low = priced_ends(top, low, bounds, values_at, costs_at, a)
        simd.store(high, begin + a, top)
        best = simd.maximum(simd.pick(listed, low, nowhere), best)
        if whose > 0:
            far = simd.mul(wide, beyond)
            top, low = simd.add(simd.add(mean, far), slack), simd.sub(simd.sub(mean, far), slack)
            if priced:
                top, low = priced_ends(top, low, bounds, values_at, costs_at, a)
            simd.store(reach, begin + a, top)
            best_reach = simd.maximum(simd.pick(listed, low, nowhere), best_reach)
    level, level_reach = simd.reduce_max(best), simd.reduce_max(best_reach)
    if not abs(level) < OVERFLOW or (whose > 0 and not abs(level_reach) < OVERFLOW):
        return level
    limit, limit_reach = simd.splat(level), simd.splat(level_reach)
    for first in range(0, number, 64):
        kept = np.int64(0)
        for a in range(first, min(first + 64, number), simd.LANES):
            bits = np.int64(0)
            if whose < 2:
                bits |= simd.bits_not_below(simd.load(high, begin + a), limit)
            if whose > 0:
                bits |= simd.bits_not_below(simd.load(reach, begin + a), limit_reach)
            kept |= bits << np.int64(a & 63)
        alive[word + (first >> 6)] &= kept
    return level


@within
def _narrow_crowd(
    table: Float32, line: int, rounded: Rounded, r: int, bounds: Bounds, priced: bool,
    draws: Draws, whose: int, alive: Int64, word: int,
) -> np.float32:  # fmt: skip
    """`_narrow` of a row whose candidates lie anywhere: every column."""
    normal_of, high_of = draws.normal_of, draws.high_of
    begin, end = draws.first[r], draws.first[r + 1]
    for each in range(begin, end):
        p = natural(each)
        normal_of[natural(draws.action[p])] = draws.normal[p]
    level = _narrow(
        table, line, rounded, r, bounds, priced, normal_of, high_of, draws.reach_of, np.int64(0),
        normal_of.size, whose, alive, word,
    )  # fmt: skip
    for each in range(begin, end):
        p = natural(each)
        draws.high[p] = high_of[natural(draws.action[p])]
    return level


@within
def winners_into(
    table: Float32, width: int, rows: int, rounded: Rounded, bounds: Bounds, priced: bool,
    draws: Draws, whose: int, threshold: Float32, alive: Int64,
) -> None:  # fmt: skip
    """Narrow ``alive``, those that were listed, to whoever may win with the draws, or within reach.

    ``whose`` 0: with the draws; 1: with them or within reach; 2: within reach. ``table``
    float32[rows, width] are the means; ``draws.high`` and ``threshold`` float32[rows]
    receive the upper end of each sampled worth and the best lower end of a row.
    """
    first, action_of, normal, high_of, reach_of = (
        draws.first, draws.action, draws.normal, draws.high, draws.reach
    )  # fmt: skip
    mosts, leasts, lengths = rounded.most, rounded.least, rounded.length
    size = (width + 63) >> 6
    error, upper, lower, values, costs = (
        bounds.error, bounds.upper, bounds.lower, bounds.values, bounds.costs
    )  # fmt: skip
    value_step, cost_step = bounds.steps[0], bounds.steps[1]
    ground = np.float32(bounds.ground)
    for r in range(rows):
        begin, number = first[r], first[r + 1] - first[r]
        if number > 0 and action_of[natural(begin + number - 1)] == number - 1:
            # All of the first so many actions.
            threshold[r] = _narrow(
                table, r * width, rounded, r, bounds, priced, normal, high_of, reach_of, begin,
                number, whose, alive, r * size,
            )  # fmt: skip
            continue
        if _CROWD * number > width:
            threshold[r] = _narrow_crowd(
                table, r * width, rounded, r, bounds, priced, draws, whose, alive, r * size
            )  # fmt: skip
            continue
        best, best_reach = _NOWHERE, _NOWHERE
        most, least, length = mosts[r], leasts[r], lengths[r]
        line, values_at, costs_at = (
            natural(r * width), natural(r * value_step), natural(r * cost_step)
        )  # fmt: skip
        for each in range(begin, begin + number):
            p = natural(each)
            a = natural(action_of[p])
            mean, z = table[line + a], normal[p]
            slack = error[a] * length + ground
            wide, narrow = upper[a] * most, lower[a] * least
            value = values[values_at + a]
            price = costs[costs_at + a]
            one, other = wide * z, narrow * z
            high, low = _ends(mean, slack, max(one, other), min(one, other), priced, value, price)
            high_of[p] = high
            best = low if low > best else best
            if whose > 0:
                one = wide * _REACH
                high, low = _ends(mean, slack, one, -one, priced, value, price)
                reach_of[p] = high
                best_reach = low if low > best_reach else best_reach
        threshold[r] = best
        everyone = not abs(best) < OVERFLOW or (whose > 0 and not abs(best_reach) < OVERFLOW)
        at = begin
        for word in range(size):
            left = alive[r * size + word]
            kept = np.int64(0)
            while left != 0:
                p = natural(at)
                keep = everyone or (whose < 2 and not high_of[p] < best)
                if whose > 0:
                    keep = keep or not reach_of[p] < best_reach
                kept |= left & -left if keep else np.int64(0)
                left &= left - 1
                at += 1
            alive[r * size + word] = kept


@within
def append_into(
    draws: Draws, rows: int, size: int, threshold: Float32, alive: Int64, top: int, base: int,
    first: Int64, count: np.int64, pairs: Pairs, lone: Int32,
) -> np.int64:  # fmt: skip
    """Append the survivors with their draws, as `contenders.append_into`."""
    row_of, action_of, high_of, draw_of = pairs.row, pairs.action, pairs.high, pairs.draw
    begins, listed, highs, normals = draws.first, draws.action, draws.high, draws.normal
    apart = lone.size > 0
    for r in range(rows):
        number, only = 0, np.int64(-1)
        certain = abs(threshold[r]) < OVERFLOW
        begin, length = count, begins[r + 1] - begins[r]
        for word in range(size):
            number += simd.count_bits(alive[r * size + word])
        if number == length and number > 1:
            # What is written beyond the last is written over by the next row.
            row, infinite = simd.splat(np.int32(top + r)), simd.splat(np.float32(np.inf))
            for at in range(0, length, simd.LANES):
                source, target = begins[r] + at, count + at
                simd.store(row_of, target, row)
                simd.store(action_of, target, simd.load(listed, source))
                simd.store(high_of, target, simd.load(highs, source) if certain else infinite)
                simd.store(draw_of, target, simd.load(normals, source))
            count += length
            if apart:
                lone[top + r - base] = -1
            first[top + r - base + 1] = count
            continue
        number = 0
        for each in range(begins[r], begins[r + 1]):
            p, to = natural(each), natural(count)
            a = np.int64(listed[p])
            if (alive[natural(r * size + (a >> 6))] >> (a & 63)) & 1:
                row_of[to] = top + r
                action_of[to] = a
                high_of[to] = highs[p] if certain else np.float32(np.inf)
                draw_of[to] = normals[p]
                count += 1
                number += 1
                only = a
        if apart:
            lone[top + r - base] = only if number == 1 else -1
            if number == 1:
                count = begin
        first[top + r - base + 1] = count
    return count
