"""From settled contenders to the decision of each row, and to its propensity."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit.core.types import Bool, Float32, Float64, Int32, Int64
from bandit.kernels import simd
from bandit.kernels._compile import inline, natural, within
from bandit.kernels.linear import (
    alike_rivals,
    dense_widths,
    win_probability,
    win_probability_table,
)
from bandit.kernels.linear import pair_moments as settle
from bandit.kernels.linear.alike import alike_into, table_size
from bandit.kernels.linear.curved_pairs import Curves
from bandit.kernels.linear.dense_rows import (
    Filling,
    fill_dense,
    filled,
    is_surely_dense,
    whole_lanes,
)
from bandit.kernels.linear.dense_widths import Dense
from bandit.kernels.linear.int16_bounds import Coarse
from bandit.kernels.linear.leading import Leading
from bandit.kernels.linear.situation import Mode, Pairs, Situation
from bandit.kernels.simd import product

ALONE = 4
"""Shares of so many contenders cost no more one by one than all of a row's at once."""
FEW = 64
"""Features times contenders of a row that are settled at once: to settle one first and look who is
left takes longer."""
NONE, ALL = -1, -2
"""In place of a pilot: nobody is settled before all others, all are."""
TINY = float(np.finfo(np.float64).tiny)
"""Smallest probability reported for an action that was drawn."""


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
    ``filling`` of dense rows, ``wins`` of integrals; ``shares`` float64[k], ``below``, ``heights``
    float64[8·(k + 1)] of all of a row's at once, empty unless an expectation is asked; ``alike``,
    ``table`` as `alike_into` has them.
    """

    x: Float64
    z: Float64
    places: Int64
    single: Float32
    filling: Filling
    wins: alike_rivals.Scratch
    shares: Float64
    below: Float64
    heights: Float64
    alike: Int64
    table: Int64


def empty_settling(model: Model, d: int, rows: int, *, expects: bool) -> Settling:
    """Make scratch for up to so many rows."""
    k, width = model.theta.shape
    tiled = product.ROWS * width
    dense = model.dense
    lines = 8 * (k + 1) if expects else 0
    return Settling(
        np.zeros(tiled), np.empty(tiled), np.zeros(product.ROWS, np.int64),
        np.empty(product.ROWS * -(-d // simd.LANES) * simd.LANES, np.float32),
        Filling(
            np.empty(rows, np.int64), np.empty(product.padded(k, simd.LANES_64)),
            dense_widths.empty_room(dense, d, rows if dense.panels.size > 0 else 0),
        ),
        alike_rivals.empty_scratch(k), np.empty(k), np.empty(lines), np.empty(lines),
        np.zeros(k, np.int64), np.empty(table_size(k), np.int64),
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
def alike_out(pairs: Pairs, rows: int, weights: Float64) -> None:
    """Settle nobody where all contenders weigh the same: who wins does not matter."""
    first, action_of, wanted = pairs.first, pairs.action, pairs.wanted
    for i in range(rows):
        alike = True
        for p in range(first[i] + 1, first[i + 1]):
            alike = alike and weights[action_of[p]] == weights[action_of[first[i]]]
        for p in range(first[i], first[i + 1]):
            wanted[p] = not alike


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


@inline
def _worths_into(
    situation: Situation, alpha: float, pairs: Pairs, row: int, begin: int, number: int,
    scratch: alike_rivals.Scratch,
) -> None:  # fmt: skip
    """Centre and scale of the sampled worth of a row's contenders."""
    values, costs = situation.values, situation.costs
    value_line = row if values.shape[0] > 1 else 0
    cost_line = row if costs.shape[0] > 1 else 0
    actions, means, widths, centres, scales = (
        pairs.action, pairs.mean, pairs.width, scratch.centres, scratch.scales
    )  # fmt: skip
    columns, whole = values.shape[1], whole_lanes(actions, begin, begin + number)
    strength = simd.splat(alpha)
    if whole > 0 and not situation.priced:
        # What is written beyond the last is filled up again.
        for at in range(0, number, 8):
            simd.store(centres, at, simd.load(means, begin + at))
            simd.store(scales, at, simd.mul(strength, simd.load(widths, begin + at)))
        return
    for at in range(0, whole, 8):
        factor = simd.load(values, value_line * columns + at)
        price = simd.load(costs, cost_line * columns + at)
        centre, scale = simd.load(means, begin + at), simd.load(widths, begin + at)
        simd.store(centres, at, simd.sub(simd.mul(factor, centre), price))
        simd.store(scales, at, simd.mul(simd.mul(simd.absolute(factor), strength), scale))
    for each in range(whole, number):
        b, p = natural(each), natural(begin + each)
        action = natural(actions[p])
        value = values[natural(value_line), action]
        centres[b] = value * means[p] - costs[natural(cost_line), action]
        scales[b] = abs(value) * alpha * widths[p]


@within
def propensities_into(
    situation: Situation, mode: Mode, pairs: Pairs, rows: int, base: int, taken: Int32,
    kinds: Int32, settling: Settling, out: Float64,
) -> None:  # fmt: skip
    """Probability that the taken action samples the largest worth, from settled contenders.

    Those of the same kind, value and cost count as one (``kinds`` as `alike_into` has them, or
    empty where all differ), be prices everybody's or each customer's: a customer who is asked for
    alone has the bytes of a batch.
    """
    alpha, given = mode.alpha, mode.given
    first, action_of = pairs.first, pairs.action
    scratch, alike, table = settling.wins, settling.alike, settling.table
    values, costs = situation.values, situation.costs
    apart = values.shape[0] > 1 or costs.shape[0] > 1
    if kinds.size > 0 and not apart:
        alike_into(kinds, values, costs, 0, alike, table)
    for i in range(rows):
        row, begin, number = base + i, first[i], first[i + 1] - first[i]
        own = np.int64(taken[row])
        if not (0 <= own < number and action_of[natural(begin + own)] == own):
            own = np.int64(-1)
            for b in range(number):
                if action_of[natural(begin + b)] == taken[row]:
                    own = np.int64(b)
        out[row] = 0.0
        if own >= 0:
            _worths_into(situation, alpha, pairs, row, begin, number, scratch)
            folds = kinds.size > 0 and number >= alike_rivals.FOLDED
            if folds:
                if apart:
                    alike_into(kinds, values, costs, row, alike, table)
                for each in range(number):
                    action = natural(action_of[natural(begin + each)])
                    scratch.like[natural(each)] = alike[action]
            out[row] = win_probability.winning_probability(number, own, scratch, folds)
        if out[row] < TINY and (given.size == 0 or given[row] < 0):
            out[row] = TINY


@within
def expectations_into(
    situation: Situation, mode: Mode, pairs: Pairs, rows: int, base: int, settling: Settling,
    out: Float64,
) -> None:  # fmt: skip
    """``Σ_a π(a)·weight_a`` with π(a) that a samples the largest worth, from settled contenders."""
    first, action_of, weights = pairs.first, pairs.action, mode.weights
    scratch, shares = settling.wins, settling.shares
    for i in range(rows):
        row, begin, number = base + i, first[i], first[i + 1] - first[i]
        least = most = weights[action_of[begin]]
        above = 0
        for b in range(number):
            least = min(least, weights[action_of[begin + b]])
            most = max(most, weights[action_of[begin + b]])
        for b in range(number):
            above += weights[action_of[begin + b]] > least
        total = least
        if above > 0:
            _worths_into(situation, mode.alpha, pairs, row, begin, number, scratch)
            together = above > ALONE
            if together:
                win_probability_table.shares_into(
                    scratch.centres, scratch.scales, number, shares, scratch.bending,
                    settling.below, settling.heights,
                )  # fmt: skip
            for b in range(number):
                weight = weights[action_of[begin + b]] - least
                if weight > 0.0:
                    share = shares[b]
                    if not together:
                        # Nothing is folded; a bare False would be a type of its own.
                        share = win_probability.winning_probability(number, b, scratch, together)
                    total += weight * share
        out[row] = min(total, most)


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
        alike_out(pairs, rows, mode.weights)
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
        expectations_into(situation, mode, pairs, rows, base, scratch, propensity)
    elif asked > 0:
        taken = given if asked == 2 else action
        propensities_into(
            situation, mode, pairs, rows, base, taken, dense.kinds, scratch, propensity
        )
    if asked == 4:
        settle.means_of_rows(
            base, end, situation.narrow, situation.broad, action, theta, mean, scratch.x
        )
