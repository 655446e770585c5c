"""Bounds of all actions' widths as one product of 16-bit integers, for a choice alone.

Where a choice alone is asked, a width need not be known but bounded: ``⟨vech E, vech u uᵀ⟩`` of
`dense_widths` in int16, with 32-bit sums, is made at twice the rate of float32. Both are rounded to
whole steps, |vech E|/L and 1/L long (|vech u uᵀ| ≤ 1), L below 2¹⁵, so that sums stay below 2³¹
(Cauchy, Schwarz). An element is off by half a step at most, hence the product of n elements by

    (½√n/L)·|E| + |rounding of vech E|:

about a thousandth of |E|, which is half a percent of a width after 200 rows at d = 64. Whoever may
be worth most within that is settled in float64, so a choice is that of the float64 twin.
"""

from __future__ import annotations

import numpy as np

from bandit.core.types import Float32, Float64, Int16, Int64
from bandit.kernels import simd
from bandit.kernels._compile import natural, within
from bandit.kernels.linear import dense_widths, int16_bounds
from bandit.kernels.linear.dense_widths import Dense, Room
from bandit.kernels.linear.situation import Pairs, Situation
from bandit.kernels.simd import product

FEWEST = 4
"""Rows that share a product of integers; of fewer, which a tile would be padded for, the product in
float32 takes no longer. Nothing that is told of a row hangs on it: either way its winner is settled
in float64."""


@within
def _squares_into(
    turned: Float32, stride: int, rows: int, d: int, limit: np.float32, ones: Float32, y: Int16
) -> None:
    """``vech u uᵀ`` of each row in whole steps; a vector's overhang is written over."""
    depth = dense_widths.dense_depth(d)
    for r in range(rows):
        at = r * depth
        for i in range(d):
            factor = turned[r * stride + i] * limit
            for j in range(0, i + 1, simd.LANES):
                simd.quantise(turned, r * stride + j, ones, 0, factor, y, at + j)
            at += i + 1


@within
def fill_rows(
    narrow: Float32, broad: Float64, rows_of: Int64, count: int, dense: Dense, room: Room
) -> None:  # fmt: skip
    """Means and bounds of the widths of ``count`` rows, numbered in ``rows_of``, in ``room``."""
    d = narrow.shape[1]
    dense_widths.turn_rows(narrow, broad, rows_of, count, dense, room)
    limit = np.float32(1.0) / room.unit[0]
    _squares_into(
        room.turned, product.padded(d, simd.LANES), count, d, limit, room.ones, room.short
    )
    depth = dense_widths.dense_depth(d)
    int16_bounds.products_into(
        room.short, depth, room.unit, product.padded(count, product.ROWS), depth >> 1, dense.short,
        dense.short_step, room.table, dense.column.size,
    )  # fmt: skip


@within
def enclose_widths(r: int, dense: Dense, room: Room) -> None:
    """Enclose each column's width in row r between ``room.floors`` and ``room.widths``."""
    width, shares, lost = dense.share.size, room.shares, room.lost
    none = simd.splat(np.float32(0.0))
    for c in range(0, width, simd.LANES):
        share = simd.add(simd.load(dense.share, c), simd.load(room.table, r * width + c))
        error = simd.load(dense.short_error, c)
        simd.store(shares, c, simd.maximum(simd.add(share, error), none))
        simd.store(lost, c, simd.maximum(simd.sub(share, error), none))
    square = simd.splat(room.length[r])
    for c in range(0, width, simd.LANES_64):
        simd.store(room.widths, c, simd.root(simd.mul(square, simd.widen(shares, c))))
        simd.store(room.floors, c, simd.root(simd.mul(square, simd.widen(lost, c))))


@within
def _enclose_worths(
    room: Room, line: int, alpha: float, situation: Situation, row: int, whole: int
) -> None:
    """Turn ``widths`` and ``floors`` of the first ``whole`` actions into ends of their worths."""
    values, costs = situation.values, situation.costs
    value_at = (row if values.shape[0] > 1 else 0) * values.shape[1]
    cost_at = (row if costs.shape[0] > 1 else 0) * costs.shape[1]
    strength, rounding = simd.splat(alpha), simd.splat(1e-12)
    for a in range(0, whole, simd.LANES_64):
        mean = simd.load(room.means, line + a)
        value, price = simd.load(values, value_at + a), simd.load(costs, cost_at + a)
        most = simd.mul(strength, simd.load(room.widths, a))
        least = simd.mul(strength, simd.load(room.floors, a))
        one = simd.sub(simd.mul(value, simd.add(mean, most)), price)
        other = simd.sub(simd.mul(value, simd.add(mean, least)), price)
        size = simd.add(simd.absolute(mean), simd.absolute(most))
        size = simd.add(simd.mul(simd.absolute(value), size), simd.absolute(price))
        slack = simd.mul(rounding, size)
        simd.store(room.widths, a, simd.add(simd.maximum(one, other), slack))
        simd.store(room.floors, a, simd.sub(simd.minimum(one, other), slack))


@within
def want_candidates(
    dense: Dense, room: Room, r: int, alpha: float, situation: Situation, row: int, begin: int,
    end: int, pairs: Pairs, apart: bool, high: Float64,
) -> None:  # fmt: skip
    """Want whoever of a row's pairs may be worth most; ``high`` [p − begin] is scratch.

    ``apart``: each action has a column of its own, and nothing is drawn.
    """
    values, costs = situation.values, situation.costs
    value_line = natural(row if values.shape[0] > 1 else 0)
    cost_line = natural(row if costs.shape[0] > 1 else 0)
    actions, draws, bounds, worths, wanted, settled = (
        pairs.action, pairs.draw, pairs.high, pairs.worth, pairs.wanted, pairs.settled
    )  # fmt: skip
    columns, mean_of, width_of, floor_of = dense.column, room.means, room.widths, room.floors
    line = natural(r * dense.theta.shape[0] * 8)
    enclose_widths(r, dense, room)
    level = -np.inf
    whole = values.shape[1] & ~7 if apart else 0
    if whole > 0:
        _enclose_worths(room, r * dense.theta.shape[0] * 8, alpha, situation, row, whole)
    for each in range(begin, end):
        p = natural(each)
        if settled[p]:
            level = max(level, worths[p])
            continue
        a = natural(actions[p])
        if a < whole:
            high[natural(each - begin)] = width_of[a]
            level = max(level, floor_of[a])
            continue
        column = natural(columns[a])
        mean, value, price = mean_of[line + a], values[value_line, a], costs[cost_line, a]
        reach = alpha * np.float64(draws[p])
        most, least = reach * width_of[column], reach * floor_of[column]
        one, other = value * (mean + most) - price, value * (mean + least) - price
        # What float64 may have rounded away.
        slack = 1e-12 * (abs(value) * (abs(mean) + abs(most)) + abs(price))
        high[natural(each - begin)] = max(one, other) + slack
        level = max(level, min(one, other) - slack)
    for each in range(begin, end):
        p = natural(each)
        if not settled[p]:
            out = high[natural(each - begin)] < level
            wanted[p] = not out
            if out:
                bounds[p] = np.float32(-np.inf)
