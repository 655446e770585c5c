"""Rows with many contenders: their moments by dense products, near ties left for float64."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit.core.types import Float64, Int64
from bandit.kernels._compile import within
from bandit.kernels.linear import dense_widths
from bandit.kernels.linear.dense_widths import Dense, Room
from bandit.kernels.linear.situation import Pairs, Situation

FEWEST, PART = 12, 5
"""A row is dense if so many of its pairs are wanted, and more than one of so many columns: below,
moments of single pairs cost less. For a choice alone the most promising one is settled first, which
leaves few where offers differ, however wide the bounds."""


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
def _fill_row(
    dense: Dense, room: Room, r: int, alpha: float, situation: Situation, row: int, begin: int,
    end: int, pairs: Pairs, error: Float64,
) -> None:  # fmt: skip
    """Means, widths and worths of a row's pairs; ``error`` [p − begin] bounds those of worths."""
    values, costs = situation.values, situation.costs
    value_line = row if values.shape[0] > 1 else 0
    cost_line = row if costs.shape[0] > 1 else 0
    width, groups, square = dense.share.size, dense.theta.shape[0], room.length[r]
    for p in range(begin, end):
        a = pairs.action[p]
        column = dense.column[a]
        share = dense.share[column] + room.table[r * width + column]
        size = dense.size[column]
        pairs.mean[p] = room.means[r * groups * 8 + a]
        pairs.width[p] = np.sqrt(square * np.float64(max(share, np.float32(0.0))))
        pairs.wanted[p] = not size * dense_widths.TYPICAL < dense_widths.FINE * share
        pairs.settled[p] = True
        spread = alpha * pairs.width[p] * np.float64(pairs.draw[p])
        worth = values[value_line, a] * (pairs.mean[p] + spread) - costs[cost_line, a]
        pairs.worth[p] = worth
        # s is off by at most half of what s² is, of itself; the rest are float64's roundings.
        lost = np.float64(size * dense_widths.LOSS / share) + 2e-7
        loose = abs(spread) * lost + 1e-13 * (abs(pairs.mean[p]) + abs(spread))
        error[p - begin] = abs(values[value_line, a]) * loose + 1e-15 * abs(worth)


@within
def _want_near_ties(begin: int, end: int, pairs: Pairs, error: Float64) -> None:
    """Settle again whoever may be worth most, unless one stands alone."""
    level, candidates = -np.inf, 0
    for p in range(begin, end):
        if not pairs.wanted[p]:
            level = max(level, pairs.worth[p] - error[p - begin])
    for p in range(begin, end):
        candidates += pairs.wanted[p] or not pairs.worth[p] + error[p - begin] < level
    if candidates > 1:
        for p in range(begin, end):
            if not pairs.worth[p] + error[p - begin] < level:
                pairs.wanted[p] = True


@within
def fill_dense(
    dense: Dense, situation: Situation, alpha: float, pairs: Pairs, rows: int, base: int,
    decides: bool, scratch: Filling,
) -> None:  # fmt: skip
    """Moments and worths of all pairs of dense rows base to base + rows.

    What remains ``wanted`` is settled in float64: widths that float32 does not resolve and, where a
    choice hangs on it (``decides``), near ties.
    """
    narrow, broad, first = situation.narrow, situation.broad, pairs.first
    columns = dense.share.size
    chosen, error, room = scratch.chosen, scratch.error, scratch.room
    found = 0
    for i in range(rows):
        begin, end = first[i], first[i + 1]
        number = 0
        for p in range(begin, end):
            number += pairs.wanted[p]
        if is_dense(number, columns):
            chosen[found] = base + i
            found += 1
    if found == 0:
        return
    block = room.length.size
    for top in range(0, found, block):
        count = min(block, found - top)
        dense_widths.fill_rows(narrow, broad, chosen[top:], count, dense, room)
        for r in range(count):
            row = chosen[top + r]
            begin, end = first[row - base], first[row - base + 1]
            if not room.length[r] < np.inf:
                continue
            _fill_row(dense, room, r, alpha, situation, row, begin, end, pairs, error)
            if decides:
                _want_near_ties(begin, end, pairs, error)
