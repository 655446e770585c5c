"""Contenders of Thompson sampling: draws only for whoever could win with some draw.

A keyed normal comes from 32 bits, so it is never beyond `MOST`. Whoever could not win with every
draw in its favour needs none; the others get theirs, and then bounds as tight as LinUCB's. For
propensities whoever may win within `REACH` deviations counts too (beyond lies less than 1e-8).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bandit.core.types import Float32, Int32, Int64, UInt64
from bandit.kernels import keyed_random as kr
from bandit.kernels import simd
from bandit.kernels._compile import inline, natural, within
from bandit.kernels.linear.contenders import OVERFLOW, ROUNDING, UNDERFLOW, Bounds
from bandit.kernels.linear.int16_bounds import Rounded
from bandit.kernels.linear.situation import Pairs
from bandit.kernels.linear.win_probability import REACH
from bandit.kernels.stats.normal import log_tail, quantile

MOST = np.float32(6.36)
"""No keyed normal lies beyond: the outermost quantile is that of 2⁻³³, 6.338."""
_REACH = np.float32(REACH)
_NOWHERE = np.float32(-np.inf)
_CROWD = 4
"""Where more than one of so many columns is a candidate, all columns side by side cost less than
looking up what belongs to each candidate."""
_S32 = np.uint64(32)


class Draws(NamedTuple):
    """A block's candidates, one after the other: action, bits, logarithms, normals, ends of worth.

    ``first`` int64[rows + 1] tells where a row's begin. ``reach`` is the worth's upper end within
    `REACH` deviations. Of a crowded row, by action, float32[w]: ``normal_of``, ``high_of``,
    ``reach_of`` the same.
    """

    first: Int64
    action: Int32
    bits: npt.NDArray[np.uint32]
    logs: Float32
    normal: Float32
    high: Float32
    reach: Float32
    normal_of: Float32
    high_of: Float32
    reach_of: Float32


def empty_draws(rows: int, k: int) -> Draws:
    """Make room for every action of so many rows."""
    room = rows * k + simd.LANES
    normal_of, high_of, reach_of = np.zeros((3, -(-k // simd.LANES) * simd.LANES), np.float32)
    return Draws(
        np.zeros(rows + 1, np.int64), np.empty(room, np.int32), np.empty(room, np.uint32),
        np.empty(room, np.float32), np.empty(room, np.float32), np.empty(room, np.float32),
        np.empty(room, np.float32), normal_of, high_of, reach_of,
    )  # fmt: skip


@within
def draw_into(
    stream: np.uint64, keys: UInt64, top: int, rows: int, size: int, alive: Int64, draws: Draws
) -> None:
    """List the actions ``alive`` int64[rows, size], then draw their normals, a loop a step."""
    first, action_of, bits_of, logs, normal = (
        draws.first, draws.action, draws.bits, draws.logs, draws.normal
    )  # fmt: skip
    count = 0
    for r in range(rows):
        row = kr.row_key(stream, keys[top + r])
        number = 0
        for word in range(size):
            number += simd.count_bits(alive[r * size + word])
        last = alive[r * size + size - 1]
        if number == 64 * (size - 1) + simd.count_bits(last) and last & (last + 1) == 0:
            # All of them: no bit need be looked for.
            for each in range(number):
                to = natural(count + each)
                action_of[to] = each
                bits_of[to] = np.uint32(kr.cell(row, natural(each)) >> _S32)
            count += number
            first[r + 1] = count
            continue
        for word in range(size):
            bits = alive[r * size + word]
            while bits != 0:
                action, to = word * 64 + simd.lowest_bit(bits), natural(count)
                bits &= bits - 1
                action_of[to] = action
                bits_of[to] = np.uint32(kr.cell(row, action) >> _S32)
                count += 1
        first[r + 1] = count
    for p in range(count):
        logs[p] = log_tail(bits_of[p])
    for p in range(count):
        normal[p] = quantile(bits_of[p], logs[p])


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
def _ends_16(
    mean: simd.Vector32, slack: simd.Vector32, above: simd.Vector32, below: simd.Vector32,
    priced: bool, value: simd.Vector32, price: simd.Vector32,
) -> tuple[simd.Vector32, simd.Vector32]:  # fmt: skip
    """`_ends`, sixteen at once."""
    high = simd.add(simd.add(mean, above), slack)
    low = simd.sub(simd.add(mean, below), slack)
    if priced:
        one, other = simd.mul(value, high), simd.mul(value, low)
        most = simd.maximum(simd.absolute(one), simd.absolute(other))
        slack = simd.mul(simd.add(most, simd.absolute(price)), simd.splat(ROUNDING))
        slack = simd.add(slack, simd.splat(UNDERFLOW))
        high = simd.add(simd.sub(simd.maximum(one, other), price), slack)
        low = simd.sub(simd.sub(simd.minimum(one, other), price), slack)
    return high, low


@within
def _enclose_all(
    table: Float32, line: int, rounded: Rounded, r: int, bounds: Bounds, priced: bool,
    draws: Draws, begin: int, number: int, whose: int,
) -> tuple[np.float32, np.float32]:  # fmt: skip
    """Ends of the worths of a row whose candidates are the first ``number`` actions.

    Return the best lower end with the draws and within reach. What is written beyond the last is
    written over by the next row.
    """
    error, upper, lower, values, costs = (
        bounds.error, bounds.upper, bounds.lower, bounds.values, bounds.costs
    )  # fmt: skip
    values_at, costs_at = r * bounds.steps[0], r * bounds.steps[1]
    most, least = simd.splat(rounded.most[r]), simd.splat(rounded.least[r])
    length, tiny, reach = simd.splat(rounded.length[r]), simd.splat(UNDERFLOW), simd.splat(_REACH)
    nowhere = simd.splat(_NOWHERE)
    best, best_reach = nowhere, nowhere
    for a in range(0, number, simd.LANES):
        left = number - a
        inside = (np.int64(1) << np.int64(min(left, simd.LANES))) - 1
        mean, z = simd.load(table, line + a), simd.load(draws.normal, begin + a)
        slack = simd.add(simd.mul(simd.load(error, a), length), tiny)
        wide = simd.mul(simd.load(upper, a), most)
        narrow = simd.mul(simd.load(lower, a), least)
        value, price = simd.load(values, values_at + a), simd.load(costs, costs_at + a)
        one, other = simd.mul(wide, z), simd.mul(narrow, z)
        above, below = simd.maximum(one, other), simd.minimum(one, other)
        high, low = _ends_16(mean, slack, above, below, priced, value, price)
        simd.store(draws.high, begin + a, high)
        best = simd.maximum(simd.pick(inside, low, nowhere), best)
        if whose > 0:
            one = simd.mul(wide, reach)
            other = simd.sub(simd.splat(np.float32(0.0)), one)
            high, low = _ends_16(mean, slack, one, other, priced, value, price)
            simd.store(draws.reach, begin + a, high)
            best_reach = simd.maximum(simd.pick(inside, low, nowhere), best_reach)
    return simd.reduce_max(best), simd.reduce_max(best_reach)


@within
def _keep_all(
    draws: Draws, begin: int, number: int, whose: int, best: np.float32, best_reach: np.float32,
    everyone: bool, alive: Int64, word: int,
) -> None:  # fmt: skip
    """Set the bits of who may win of the first ``number`` actions."""
    limit, limit_reach = simd.splat(best), simd.splat(best_reach)
    for a in range(0, number, simd.LANES):
        bits = np.int64(-1) if everyone else np.int64(0)
        if whose < 2:
            bits |= simd.bits_not_below(simd.load(draws.high, begin + a), limit)
        if whose > 0:
            bits |= simd.bits_not_below(simd.load(draws.reach, begin + a), limit_reach)
        left = min(number - a, simd.LANES)
        bits &= (np.int64(1) << np.int64(left)) - 1
        alive[word + (a >> 6)] |= bits << np.int64(a & 63)


@within
def _narrow_crowd(
    table: Float32, line: int, rounded: Rounded, r: int, bounds: Bounds, priced: bool,
    draws: Draws, whose: int, threshold: Float32, alive: Int64, word: int,
) -> None:  # fmt: skip
    """`winners_into` of a row whose candidates lie anywhere: every column, sixteen at once."""
    error, upper, lower, values, costs = (
        bounds.error, bounds.upper, bounds.lower, bounds.values, bounds.costs
    )  # fmt: skip
    normal_of, high_of, reach_of = draws.normal_of, draws.high_of, draws.reach_of
    columns, begin, end = normal_of.size, draws.first[r], draws.first[r + 1]
    for each in range(begin, end):
        p = natural(each)
        normal_of[natural(draws.action[p])] = draws.normal[p]
    values_at, costs_at = r * bounds.steps[0], r * bounds.steps[1]
    most, least = simd.splat(rounded.most[r]), simd.splat(rounded.least[r])
    length, tiny, reach = simd.splat(rounded.length[r]), simd.splat(UNDERFLOW), simd.splat(_REACH)
    nowhere = simd.splat(_NOWHERE)
    best, best_reach = nowhere, nowhere
    for a in range(0, columns, simd.LANES):
        listed = alive[word + (a >> 6)] >> np.int64(a & 63)
        mean, z = simd.load(table, line + a), simd.load(normal_of, a)
        slack = simd.add(simd.mul(simd.load(error, a), length), tiny)
        wide = simd.mul(simd.load(upper, a), most)
        narrow = simd.mul(simd.load(lower, a), least)
        value, price = simd.load(values, values_at + a), simd.load(costs, costs_at + a)
        one, other = simd.mul(wide, z), simd.mul(narrow, z)
        above, below = simd.maximum(one, other), simd.minimum(one, other)
        high, low = _ends_16(mean, slack, above, below, priced, value, price)
        simd.store(high_of, a, high)
        best = simd.maximum(simd.pick(listed, low, nowhere), best)
        if whose > 0:
            one = simd.mul(wide, reach)
            other = simd.sub(simd.splat(np.float32(0.0)), one)
            high, low = _ends_16(mean, slack, one, other, priced, value, price)
            simd.store(reach_of, a, high)
            best_reach = simd.maximum(simd.pick(listed, low, nowhere), best_reach)
    level, level_reach = simd.reduce_max(best), simd.reduce_max(best_reach)
    threshold[r] = level
    limit, limit_reach = simd.splat(level), simd.splat(level_reach)
    for each in range(begin, end):
        p = natural(each)
        draws.high[p] = high_of[natural(draws.action[p])]
    if not abs(level) < OVERFLOW or (whose > 0 and not abs(level_reach) < OVERFLOW):
        return
    for first in range(0, columns, 64):
        kept = np.int64(0)
        for a in range(first, min(first + 64, columns), simd.LANES):
            bits = np.int64(0)
            if whose < 2:
                bits |= simd.bits_not_below(simd.load(high_of, a), limit)
            if whose > 0:
                bits |= simd.bits_not_below(simd.load(reach_of, a), limit_reach)
            kept |= bits << np.int64(a & 63)
        alive[word + (first >> 6)] &= kept


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
    for r in range(rows):
        best, best_reach = _NOWHERE, _NOWHERE
        begin, number = first[r], first[r + 1] - first[r]
        # All of the first so many actions.
        dense = number > 0 and action_of[natural(begin + number - 1)] == number - 1
        if dense:
            best, best_reach = _enclose_all(
                table, r * width, rounded, r, bounds, priced, draws, begin, number, whose
            )
        elif _CROWD * number > width:
            _narrow_crowd(
                table, r * width, rounded, r, bounds, priced, draws, whose, threshold, alive,
                r * size,
            )  # fmt: skip
            continue
        most, least, length = mosts[r], leasts[r], lengths[r]
        line, values_at, costs_at = (
            natural(r * width), natural(r * value_step), natural(r * cost_step)
        )  # fmt: skip
        for each in range(begin + number if dense else begin, begin + number):
            p = natural(each)
            a = natural(action_of[p])
            mean, z = table[line + a], normal[p]
            slack = error[a] * length + UNDERFLOW
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
        if dense:
            for word in range(size):
                alive[r * size + word] = 0
            _keep_all(
                draws, begin, number, whose, best, best_reach, everyone, alive, r * size
            )  # fmt: skip
            continue
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
