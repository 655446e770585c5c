"""Who may win with the draws while prices stay in a box, and what each of them is worth there.

`linear_choice` decides, each action at its dearest price: whoever lies below the best by no more
than its price may still fall is kept. Worths of those are found once, and the decision at any
prices in the box is then the largest of a few numbers. They come as moments in float64, or as a
dense product's in float32 where many survive: enough to add up what a policy uses.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit.core.types import Bool, Float32, Float64, Int32, Int64
from bandit.kernels import simd
from bandit.kernels._compile import natural, within
from bandit.kernels.linear import decide
from bandit.kernels.linear.contenders import OVERFLOW
from bandit.kernels.linear.decide import Model
from bandit.kernels.linear.dense_rows import fill_dense
from bandit.kernels.linear.draws import Draws
from bandit.kernels.linear.situation import Mode, Pairs, Situation


class Reach(NamedTuple):
    """What is asked of a box of prices, and where the answer goes; all empty where nothing is.

    A situation's costs hold the dearest prices, ``dear`` float64[k]; ``drop`` float64[k] is by how
    much a price may be less, ``fall`` float32[w] no less than that. Only rows ``wanted`` bool[n]
    are asked. ``size`` int32[n] receives how many rivals a row has, 0 where prices decide nothing;
    these are written from place task·``room`` [1] on to ``rival`` int32 and ``worth`` float64, at
    no price. A task that needs more than ``room`` has -1 in its first row.
    """

    wanted: Bool
    dear: Float64
    drop: Float64
    fall: Float32
    room: Int64
    size: Int32
    rival: Int32
    worth: Float64


def nothing_asked() -> Reach:
    """Make the empty one."""
    return Reach(
        np.zeros(0, np.bool_), np.zeros(0), np.zeros(0), np.zeros(0, np.float32),
        np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0),
    )  # fmt: skip


@within
def only_wanted(wanted: Bool, top: int, rows: int, size: int, words: Int64) -> None:
    """Leave nothing eligible to rows that nobody asks about."""
    for r in range(rows):
        if not wanted[top + r]:
            for word in range(size):
                words[r * size + word] = 0


@within
def within_reach(
    highs: Float32, rows: int, width: int, fall: Float32, threshold: Float32, words: Int64,
    alive: Int64,
) -> None:  # fmt: skip
    """Mark of the eligible who is not below a row's threshold once its price has fallen."""
    size = (width + 63) >> 6
    for r in range(rows):
        level = threshold[r]
        everyone = np.int64(0) if abs(level) < OVERFLOW else np.int64(-1)
        limit = simd.splat(level)
        for left in range(0, width, 64):
            found = everyone
            for place in range(left, min(left + 64, width), simd.LANES):
                high = simd.add(simd.load(highs, r * width + place), simd.load(fall, place))
                found |= simd.bits_not_below(high, limit) << (place & 63)
            word = r * size + (left >> 6)
            alive[word] = words[word] & found


@within
def drawn_within_reach(
    draws: Draws, rows: int, size: int, fall: Float32, threshold: Float32, alive: Int64
) -> None:
    """As `within_reach` by the ends of sampled worths, of the candidates listed."""
    first, action_of, high_of = draws.first, draws.action, draws.high
    for r in range(rows):
        level = threshold[r]
        everyone = not abs(level) < OVERFLOW
        for word in range(size):
            alive[r * size + word] = 0
        for each in range(first[r], first[r + 1]):
            p = natural(each)
            a = np.int64(action_of[p])
            if everyone or not high_of[p] + fall[natural(a)] < level:
                alive[natural(r * size + (a >> 6))] |= np.int64(1) << (a & 63)


@within
def _want_rivals(pairs: Pairs, rows: int, fall: Float32) -> None:
    """Want whoever may beat what is settled in a row, or all where nobody is."""
    first, action_of, high, worth, wanted, settled = (
        pairs.first, pairs.action, pairs.high, pairs.worth, pairs.wanted, pairs.settled
    )  # fmt: skip
    for i in range(rows):
        level = -np.inf
        for each in range(first[i], first[i + 1]):
            p = natural(each)
            if settled[p]:
                level = max(level, worth[p])
        for each in range(first[i], first[i + 1]):
            p = natural(each)
            most = np.float64(high[p] + fall[natural(action_of[p])])
            wanted[p] = not settled[p] and not most < level


@within
def rivals_into(
    model: Model, situation: Situation, mode: Mode, pairs: Pairs, base: int, end: int,
    reach: Reach, place: np.int64, limit: np.int64, scratch: decide.Settling, taken: Int32,
) -> np.int64:  # fmt: skip
    """Find worths of whoever may win, the most promising of each row first, and list them.

    ``taken`` int32[n] receives what a row takes at all prices of the box, -1 where that hangs on
    them. Return the place after the last.
    """
    theta, inverse, dense, alpha = model.theta, model.inverse, model.dense, mode.alpha
    rows = end - base
    count = pairs.first[rows]
    whole = dense.panels.size > 0
    few = max(1, decide.FEW // situation.narrow.shape[1])
    # A bare False would be a type of its own, and what is called compiled twice.
    no = mode.propensity > 0
    decide.pilots_into(pairs, rows, no, dense.share.size if whole else 0, few)
    decide.settle_wanted(theta, inverse, situation, alpha, pairs, count, scratch.x, scratch.z)
    _want_rivals(pairs, rows, reach.fall)
    if whole and count > 0:
        fill_dense(
            dense, situation, alpha, pairs, rows, base, no, no, mode.thompson,
            scratch.filling,
        )  # fmt: skip
    decide.settle_wanted(theta, inverse, situation, alpha, pairs, count, scratch.x, scratch.z)
    first, lone, action_of, worth_of, settled = (
        pairs.first, pairs.lone, pairs.action, pairs.worth, pairs.settled
    )  # fmt: skip
    wanted, dear, drop, size, rival, worth = (
        reach.wanted, reach.dear, reach.drop, reach.size, reach.rival, reach.worth
    )  # fmt: skip
    for i in range(rows):
        row, begin, finish = base + i, first[i], first[i + 1]
        taken[row], size[row] = -1, 0
        if not wanted[row]:
            continue
        if begin == finish:
            taken[row] = lone[i]
            continue
        floor = -np.inf
        for each in range(begin, finish):
            p = natural(each)
            if settled[p]:
                floor = max(floor, worth_of[p])
        begun, only = place, np.int32(-1)
        for each in range(begin, finish):
            p = natural(each)
            a = natural(action_of[p])
            if settled[p] and not worth_of[p] + drop[a] < floor:
                if place < limit:
                    rival[place], worth[place] = action_of[p], worth_of[p] + dear[a]
                place += 1
                only = action_of[p]
        if place - begun == 1:
            taken[row], place = only, begun
        else:
            size[row] = place - begun
    return place
