"""Rows with many contenders: their moments by dense products, near ties left for float64."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit.core.types import Float64, Int32, Int64
from bandit.kernels import simd
from bandit.kernels._compile import inline, natural, within
from bandit.kernels.linear import dense_bounds, dense_widths
from bandit.kernels.linear.dense_widths import Dense, Room
from bandit.kernels.linear.situation import Pairs, Situation
from bandit.kernels.simd import product

FEWEST, PART = 12, 5
"""A row is dense if so many of its pairs are wanted, and more than one of so many columns: below,
moments of single pairs cost less. For a choice alone the most promising one is settled first, which
leaves few where offers differ, however wide the bounds."""
SURE = 2
"""Where the bounds leave more than one of so many columns, the most promising one seldom leaves
few: it is not settled first."""


class Filling(NamedTuple):
    """Scratch of `fill_dense`: rows int64[rows], errors float64[k], room for a block of rows."""

    chosen: Int64
    error: Float64
    room: dense_widths.Room


@within
def is_dense(number: int, columns: int) -> bool:
    """Whether a row of so many wanted pairs is worth a product."""
    return number >= FEWEST and number * PART > columns


@within
def is_surely_dense(number: int, columns: int) -> bool:
    """Whether a row of so many contenders is taken for dense before its pilot is known."""
    return number >= FEWEST and number * SURE > columns


@inline
def filled(number: int) -> np.int64:
    """Bits of a vector of eight's lanes that the first of so many elements lie in."""
    return np.int64(255) if number >= 8 else (np.int64(1) << np.int64(max(number, 0))) - 1


@within
def whole_lanes(actions: Int32, begin: int, end: int) -> int:
    """How many of a row's pairs lie eight side by side as their actions do: none, if one is out."""
    number = end - begin
    return number & ~7 if number > 0 and actions[natural(end - 1)] == number - 1 else 0


@within
def _each_its_column(columns: Int32) -> bool:
    """Whether no two actions have the same covariance."""
    others = 0
    for a in range(columns.size):
        others += columns[natural(a)] != a
    return others == 0


@within
def _fill_lanes(
    dense: Dense, room: Room, r: int, alpha: float, situation: Situation, row: int, begin: int,
    number: int, pairs: Pairs, error: Float64,
) -> None:  # fmt: skip
    """`_fill_row` of the first ``number`` pairs, which are all actions'.

    A multiple of eight with prices; without, more is written to whole vectors.
    """
    values, costs = situation.values, situation.costs
    value_at = (row if values.shape[0] > 1 else 0) * values.shape[1]
    cost_at = (row if costs.shape[0] > 1 else 0) * costs.shape[1]
    draws, means, widths, worths, wanted, settled = (
        pairs.draw, pairs.mean, pairs.width, pairs.worth, pairs.wanted, pairs.settled
    )  # fmt: skip
    mean_of, width_of, lost_of = room.means, room.widths, room.lost
    line = r * dense.theta.shape[0] * 8
    strength, least = simd.splat(alpha), simd.splat(2e-7)
    rounding, last, one = simd.splat(1e-13), simd.splat(1e-15), simd.splat(1.0)
    typical, fine = simd.splat(dense_widths.TYPICAL), simd.splat(dense_widths.FINE)
    rough = np.int64(0)
    for b in range(0, number, simd.LANES):
        size = simd.mul(simd.load(dense.size, b), typical)
        bits = simd.bits_not_below(size, simd.mul(simd.load(room.shares, b), fine))
        rough |= bits & (filled(number - b) | filled(number - b - 8) << 8)
    for each in range(begin, begin + number):
        wanted[natural(each)] = False
        settled[natural(each)] = True
    if rough != 0:
        for b in range(number):
            size = dense.size[natural(b)] * dense_widths.TYPICAL
            wanted[natural(begin + b)] = not size < dense_widths.FINE * room.shares[natural(b)]
    for b in range(0, number, simd.LANES_64):
        p = begin + b
        mean, width = simd.load(mean_of, line + b), simd.load(width_of, b)
        spread = simd.mul(simd.mul(strength, width), simd.widen(draws, p))
        worth = simd.add(mean, spread)
        value = one
        if situation.priced:
            value = simd.load(values, value_at + b)
            worth = simd.sub(simd.mul(value, worth), simd.load(costs, cost_at + b))
        lost = simd.add(simd.widen(lost_of, b), least)
        reach = simd.absolute(spread)
        most = simd.add(simd.absolute(mean), reach)
        loose = simd.add(simd.mul(reach, lost), simd.mul(rounding, most))
        loose = simd.mul(simd.absolute(value), loose)
        simd.store(error, b, simd.add(loose, simd.mul(last, simd.absolute(worth))))
        simd.store(means, p, mean)
        simd.store(widths, p, width)
        simd.store(worths, p, worth)


@within
def _fill_row(
    dense: Dense, room: Room, r: int, alpha: float, situation: Situation, row: int, begin: int,
    end: int, pairs: Pairs, apart: bool, over: bool, error: Float64,
) -> None:  # fmt: skip
    """Means, widths and worths of a row's pairs; ``error`` [p − begin] bounds those of worths.

    ``apart`` tells whether each action has a column of its own, ``over`` whether what lies after
    the row's pairs may be written over.
    """
    values, costs, sizes, columns = situation.values, situation.costs, dense.size, dense.column
    value_line = natural(row if values.shape[0] > 1 else 0)
    cost_line = natural(row if costs.shape[0] > 1 else 0)
    actions, draws, means, widths, worths, wanted, settled = (
        pairs.action, pairs.draw, pairs.mean, pairs.width, pairs.worth, pairs.wanted, pairs.settled
    )  # fmt: skip
    mean_of, width_of, share_of, lost_of = room.means, room.widths, room.shares, room.lost
    line = natural(r * dense.theta.shape[0] * 8)
    dense_widths.widths_into(r, dense, room)
    whole = whole_lanes(actions, begin, end) if apart else 0
    if whole > 0 and over and not situation.priced:
        whole = end - begin
    if whole > 0:
        _fill_lanes(dense, room, r, alpha, situation, row, begin, whole, pairs, error)
    for each in range(begin + whole, end):
        p = natural(each)
        a = natural(actions[p])
        column = natural(columns[a])
        mean, width, value = mean_of[line + a], width_of[column], values[value_line, a]
        means[p], widths[p], settled[p] = mean, width, True
        fine = sizes[column] * dense_widths.TYPICAL < dense_widths.FINE * share_of[column]
        wanted[p] = not fine
        spread = alpha * width * np.float64(draws[p])
        worth = value * (mean + spread) - costs[cost_line, a]
        worths[p] = worth
        # s is off by at most half of what s² is, of itself; the rest are float64's roundings.
        lost = np.float64(lost_of[column]) + 2e-7
        loose = abs(spread) * lost + 1e-13 * (abs(mean) + abs(spread))
        error[natural(each - begin)] = abs(value) * loose + 1e-15 * abs(worth)


@within
def _want_near_ties(begin: int, end: int, pairs: Pairs, error: Float64, alone: bool) -> None:
    """Settle again whoever may be worth most, unless one stands alone and that is not told."""
    wanted, worths = pairs.wanted, pairs.worth
    number, candidates = end - begin, 0
    nothing = simd.splat(-np.inf)
    most = nothing
    for b in range(0, number, simd.LANES_64):
        low = simd.sub(simd.load(worths, begin + b), simd.load(error, b))
        known = ~simd.nonzero_bits(wanted, begin + b) & filled(number - b)
        most = simd.maximum(simd.pick(known, low, nothing), most)
    level = simd.reduce_max(most)
    limit = simd.splat(level)
    for b in range(0, number, simd.LANES_64):
        high = simd.add(simd.load(worths, begin + b), simd.load(error, b))
        able = simd.bits_not_below(high, limit) | simd.nonzero_bits(wanted, begin + b)
        candidates += simd.count_bits(able & filled(number - b))
    if candidates > 1 or alone:
        for each in range(begin, end):
            p = natural(each)
            if not worths[p] + error[natural(each - begin)] < level:
                wanted[p] = True


@within
def _need_panels(
    dense: Dense, some: product.Some, r: int, actions: Int32, begin: int, end: int
) -> None:
    """Tell which panels a row's pairs lie in."""
    columns, needs = dense.column, some.needs
    number = product.padded(dense.share.size, product.PANEL) // product.PANEL
    for panel in range(number):
        needs[natural(r * number + panel)] = 0
    for p in range(begin, end):
        panel = columns[natural(actions[natural(p)])] // product.PANEL
        needs[natural(r * number + panel)] = 1


@within
def fill_dense(
    dense: Dense, situation: Situation, alpha: float, pairs: Pairs, rows: int, base: int,
    decides: bool, bounds: bool, drawn: bool, scratch: Filling,
) -> None:  # fmt: skip
    """Moments and worths of all pairs of dense rows base to base + rows.

    What remains ``wanted`` is settled in float64: widths that float32 does not resolve and, where a
    choice hangs on it (``decides``), near ties. With ``bounds`` the choice is all that is asked:
    whoever may be worth most is wanted; ``drawn`` whether draws differ.
    """
    narrow, broad, first = situation.narrow, situation.broad, pairs.first
    columns, apart = dense.share.size, _each_its_column(dense.column)
    chosen, error, room = scratch.chosen, scratch.error, scratch.room
    found = 0
    for i in range(rows):
        begin, end = first[i], first[i + 1]
        if end - begin < FEWEST:
            continue
        number = 0
        for p in range(begin, end, 8):
            number += simd.count_bits(simd.nonzero_bits(pairs.wanted, p) & filled(end - p))
        if is_dense(number, columns):
            chosen[found] = base + i
            found += 1
    if found == 0:
        return
    block = room.length.size
    for top in range(0, found, block):
        count = min(block, found - top)
        if dense.sorted:
            for r in range(count):
                row = chosen[top + r] - base
                _need_panels(dense, room.some, r, pairs.action, first[row], first[row + 1])
        short = bounds and not dense.sorted and count >= dense_bounds.FEWEST
        if short:
            dense_bounds.fill_rows(narrow, broad, chosen[top:], count, dense, room)
        else:
            dense_widths.fill_rows(narrow, broad, chosen[top:], count, dense, room)
        for r in range(count):
            row = chosen[top + r]
            begin, end = first[row - base], first[row - base + 1]
            if not room.length[r] < np.inf:
                continue
            if short:
                dense_bounds.want_candidates(
                    dense, room, r, alpha, situation, row, begin, end, pairs,
                    apart and not drawn, error,
                )  # fmt: skip
                continue
            _fill_row(
                dense, room, r, alpha, situation, row, begin, end, pairs, apart, not bounds, error
            )
            if decides:
                _want_near_ties(begin, end, pairs, error, bounds)
