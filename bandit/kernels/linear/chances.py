"""Probabilities of a row's actions from its settled contenders, where worths are sampled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit.core.types import Float64, Int32, Int64
from bandit.kernels import simd
from bandit.kernels._compile import inline, natural, within
from bandit.kernels.linear import (
    alike_rivals,
    mean_weight,
    win_probability,
    win_probability_table,
)
from bandit.kernels.linear.alike import alike_into, table_size
from bandit.kernels.linear.dense_rows import whole_lanes
from bandit.kernels.linear.situation import Mode, Pairs, Situation

ALONE = 4
"""Shares of so many contenders cost no more one by one than all of a row's at once."""
TINY = float(np.finfo(np.float64).tiny)
"""Smallest probability reported for an action that was drawn."""


class Chances(NamedTuple):
    """Scratch: ``wins`` of integrals, ``alike`` and ``table`` as `alike_into` has them.

    ``weights``, ``shares`` float64[k], ``below``, ``heights`` float64[8·(k + 1)] are of all of a
    row's at once, the last two empty unless an expectation is asked.
    """

    wins: alike_rivals.Scratch
    weights: Float64
    shares: Float64
    below: Float64
    heights: Float64
    alike: Int64
    table: Int64


def empty_chances(k: int, *, expects: bool) -> Chances:
    """Make scratch for k actions."""
    lines = 8 * (k + 1) if expects else 0
    return Chances(
        alike_rivals.empty_scratch(k), np.empty(k), np.empty(k), np.empty(lines), np.empty(lines),
        np.zeros(k, np.int64), np.empty(table_size(k), np.int64),
    )  # fmt: skip


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
    kinds: Int32, chances: Chances, out: Float64,
) -> None:  # fmt: skip
    """Probability that the taken action samples the largest worth, from settled contenders.

    Those of the same kind, value and cost count as one (``kinds`` as `alike_into` has them, or
    empty where all differ), be prices everybody's or each customer's: a customer who is asked for
    alone has the bytes of a batch.
    """
    alpha, given = mode.alpha, mode.given
    first, action_of = pairs.first, pairs.action
    scratch, alike, table = chances.wins, chances.alike, chances.table
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
def _one_by_one(number: int, weights: Float64, above: int, chances: Chances) -> float:
    """``Σ_a π(a)·weight_a`` by each one's probability; ``above`` weights are more than none."""
    scratch, shares = chances.wins, chances.shares
    total = 0.0
    together = above > ALONE
    if together:
        win_probability_table.shares_into(
            scratch.centres, scratch.scales, number, shares, scratch.bending, chances.below,
            chances.heights,
        )  # fmt: skip
    for b in range(number):
        if weights[b] > 0.0:
            share = shares[b]
            if not together:
                # Nothing is folded; a bare False would be a type of its own.
                share = win_probability.winning_probability(number, b, scratch, together)
            total += weights[b] * share
    return total


@within
def expectations_into(
    situation: Situation, mode: Mode, pairs: Pairs, rows: int, base: int, chances: Chances,
    out: Float64,
) -> None:  # fmt: skip
    """``Σ_a π(a)·weight_a`` with π(a) that a samples the largest worth, from settled contenders."""
    first, action_of, weights = pairs.first, pairs.action, mode.weights
    scratch, own = chances.wins, chances.weights
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
            for b in range(number):
                own[b] = weights[action_of[begin + b]] - least
            gained = mean_weight.expected_weight(number, own, most - least, scratch)
            if gained < 0.0:
                gained = _one_by_one(number, own, above, chances)
            total += gained
        out[row] = min(total, most)
