"""From contenders to the decision of each row: who is settled when, and who wins."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit.core.types import Bool, Float32, Float64, Int32, Int64
from bandit.kernels import simd
from bandit.kernels._compile import natural, within
from bandit.kernels.linear import chances, dense_widths
from bandit.kernels.linear import pair_moments as settle
from bandit.kernels.linear.chances import Chances
from bandit.kernels.linear.curved_pairs import Curves
from bandit.kernels.linear.dense_rows import (
    Filling,
    fill_dense,
    filled,
    is_surely_dense,
)
from bandit.kernels.linear.dense_widths import Dense
from bandit.kernels.linear.int16_bounds import Coarse
from bandit.kernels.linear.leading import Leading
from bandit.kernels.linear.situation import Mode, Pairs, Situation
from bandit.kernels.simd import product

FEW = 64
"""Features times contenders of a row that are settled at once: to settle one first and look who is
left takes longer."""
NONE, ALL = -1, -2
"""In place of a pilot: nobody is settled before all others, all are."""


class Model(NamedTuple):
    """What a posterior is turned into for choosing; k actions padded to w, a multiple of 16.

    ``coarse`` bounds means and ``q = |R x|``; ``upper``, ``lower`` float32[w] with ``lower·q ≤ s ≤
    upper·q``; ``theta`` float64[k, padded(d, 8)], ``inverse`` float64[k, triangle], ``single`` the
    same in float32 [k, triangle] or empty where an action is ill-conditioned; ``dense`` all of
    them side by side. ``link`` says what outcome a score stands for (`link.IDENTITY`,
    `link.LOGIT`); this loop knows the first only. From alpha = ``open`` on the bounds leave nobody
    out whose sampled worth is wanted.
    With ``curves`` means are moved: ``coarse`` bounds the means told beside the contexts.
    """

    coarse: Coarse
    upper: Float32
    lower: Float32
    theta: Float64
    inverse: Float64
    single: Float32
    dense: Dense
    link: int
    leading: Leading
    open: float
    curves: Curves


class Settling(NamedTuple):
    """Scratch of `rows_into`.

    ``x``, ``z`` float64[6·w], ``places`` int64[6], ``single`` float32[6·padded(d, 16)] of moments;
    ``filling`` of dense rows, ``chances`` of their contenders.
    """

    x: Float64
    z: Float64
    places: Int64
    single: Float32
    filling: Filling
    chances: Chances


def empty_settling(model: Model, d: int, rows: int, *, expects: bool) -> Settling:
    """Make scratch for up to so many rows."""
    k, width = model.theta.shape
    tiled = product.ROWS * width
    dense = model.dense
    return Settling(
        np.zeros(tiled), np.empty(tiled), np.zeros(product.ROWS, np.int64),
        np.empty(product.ROWS * -(-d // simd.LANES) * simd.LANES, np.float32),
        Filling(
            np.empty(rows, np.int64), np.empty(product.padded(k, simd.LANES_64)),
            dense_widths.empty_room(dense, d, rows if dense.panels.size > 0 else 0),
        ),
        chances.empty_chances(k, expects=expects),
    )  # fmt: skip


@within
def settle_wanted(
    theta: Float64, inverse: Float64, situation: Situation, alpha: float, pairs: Pairs, count: int,
    x: Float64, z: Float64,
) -> None:  # fmt: skip
    """Give every wanted pair its moments and worth ``v·(μ + alpha·s·z) − c``."""
    rows, actions, draws, means, widths, worths, wanted, settled, start, order = (
        pairs.row, pairs.action, pairs.draw, pairs.mean, pairs.width, pairs.worth, pairs.wanted,
        pairs.settled, pairs.start, pairs.order,
    )  # fmt: skip
    total = settle.list_wanted(wanted, count, pairs.listed)
    settle.order_by_action(actions, pairs.listed, total, start, order)
    settle.moments_into(
        situation.narrow, situation.broad, rows, actions, order, start,
        theta, inverse, means, widths, x, z,
    )  # fmt: skip
    values, costs = situation.values, situation.costs
    value_step = 1 if values.shape[0] > 1 else 0
    cost_step = 1 if costs.shape[0] > 1 else 0
    for each in range(total):
        p = natural(order[natural(each)])
        row, action = np.int64(rows[p]), natural(actions[p])
        score = means[p] + alpha * widths[p] * np.float64(draws[p])
        price = costs[natural(row * cost_step), action]
        worths[p] = values[natural(row * value_step), action] * score - price
        settled[p] = True
        wanted[p] = False


@within
def pilots_into(pairs: Pairs, rows: int, everyone: bool, columns: int, few: int) -> None:
    """Want the most promising contender of each row, its ``pilot``, or everyone.

    Everyone too of a row of at most ``few``, whose pilot is `ALL`, and nobody of a row that is
    surely dense, where ``columns`` are more than none: its pilot is `NONE`.
    """
    first, high, wanted, settled, pilots = (
        pairs.first, pairs.high, pairs.wanted, pairs.settled, pairs.pilot
    )  # fmt: skip
    for each in range(first[rows]):
        p = natural(each)
        wanted[p] = everyone
        settled[p] = False
    if everyone:
        return
    for i in range(rows):
        begin, number = first[i], first[i + 1] - first[i]
        if number <= few:
            for each in range(begin, begin + number):
                wanted[natural(each)] = True
            pilots[i] = ALL
            continue
        pilot = NONE
        if not (columns > 0 and is_surely_dense(number, columns)):
            pilot, most = begin, high[natural(begin)]
            for each in range(begin + 1, begin + number):
                bound = high[natural(each)]
                pilot = each if bound > most else pilot
                most = bound if bound > most else most
            wanted[natural(pilot)] = True
        pilots[i] = pilot


@within
def _best_of(worth: Float64, settled: Bool, begin: int, end: int) -> int:
    """Lowest place of the largest settled worth from begin to end, of which there is one.

    Eight at a time also of few: which of two or three is best no branch could guess.
    """
    nothing = simd.splat(-np.inf)
    most = nothing
    for p in range(begin, end, 8):
        able = simd.nonzero_bits(settled, p) & filled(end - p)
        most = simd.maximum(simd.pick(able, simd.load(worth, p), nothing), most)
    level = simd.splat(simd.reduce_max(most))
    for p in range(begin, end, 8):
        able = simd.nonzero_bits(settled, p) & filled(end - p)
        bits = simd.bits_not_below(simd.load(worth, p), level) & able
        if bits != 0:
            return p + simd.lowest_bit(bits)
    return begin


@within
def challengers_into(pairs: Pairs, rows: int) -> None:
    """Want whoever might still beat his row's pilot, who alone is settled."""
    first, high, worth, wanted, pilots = (
        pairs.first, pairs.high, pairs.worth, pairs.wanted, pairs.pilot
    )  # fmt: skip
    for i in range(rows):
        begin, end, pilot = first[i], first[i + 1], pilots[i]
        if pilot == ALL:
            continue
        level = worth[natural(pilot)] if pilot >= 0 else -np.inf
        for each in range(begin, end):
            p = natural(each)
            wanted[p] = not np.float64(high[p]) < level
        if pilot >= 0:
            wanted[natural(pilot)] = False


@within
def winners_into(
    pairs: Pairs, rows: int, base: int, action: Int32, mean: Float64, width: Float64
) -> None:
    """Take each row's largest settled worth, the lowest action on ties."""
    first, lone, action_of, mean_of, width_of, worth, settled = (
        pairs.first, pairs.lone, pairs.action, pairs.mean, pairs.width, pairs.worth, pairs.settled
    )  # fmt: skip
    for i in range(rows):
        if first[i + 1] == first[i]:
            action[base + i] = lone[i]
            continue
        best = natural(_best_of(worth, settled, first[i], first[i + 1]))
        action[base + i] = action_of[best]
        mean[base + i], width[base + i] = mean_of[best], width_of[best]


@within
def rows_into(
    model: Model, situation: Situation, mode: Mode, pairs: Pairs, base: int, end: int,
    scratch: Settling, action: Int32, mean: Float64, width: Float64, propensity: Float64,
) -> None:  # fmt: skip
    """Decide rows base to end from their contenders: the most promising first, then challengers."""
    firsts, lone, start, order = pairs.first, pairs.lone, pairs.start, pairs.order
    theta, inverse, dense = model.theta, model.inverse, model.dense
    alpha, asked, given = mode.alpha, mode.propensity, mode.given
    rows = end - base
    count = firsts[rows]
    if lone.size > 0 and mode.scored:
        settle.order_lone(lone, rows, start, order)
        settle.single_moments_into(
            situation.narrow, base, order, start, theta, model.single, mean, width,
            scratch.places, scratch.single,
        )  # fmt: skip
    pilots_into(
        pairs, rows, asked > 0, dense.share.size if dense.panels.size > 0 else 0,
        max(1, FEW // situation.narrow.shape[1]),
    )  # fmt: skip
    if asked == 3:
        chances.alike_out(pairs, rows, mode.weights)
    if count > 0:
        if asked == 0:
            settle_wanted(theta, inverse, situation, alpha, pairs, count, scratch.x, scratch.z)
            challengers_into(pairs, rows)
        if dense.panels.size > 0:
            decides = asked in (0, 1, 4)
            fill_dense(
                dense, situation, alpha, pairs, rows, base, decides, asked == 0, mode.thompson,
                scratch.filling,
            )  # fmt: skip
        settle_wanted(theta, inverse, situation, alpha, pairs, count, scratch.x, scratch.z)
    if asked in (0, 1, 4):
        winners_into(pairs, rows, base, action, mean, width)
    if asked == 4:
        for row in range(base, end):
            if given[row] >= 0:
                action[row] = given[row]
    if asked == 3:
        chances.expectations_into(situation, mode, pairs, rows, base, scratch.chances, propensity)
    elif asked > 0:
        taken = given if asked == 2 else action
        chances.propensities_into(
            situation, mode, pairs, rows, base, taken, dense.kinds, scratch.chances, propensity
        )
    if asked == 4:
        settle.means_of_rows(
            base, end, situation.narrow, situation.broad, action, theta, mean, scratch.x
        )
