"""The choose loop where a link function lies between score and outcome: ``v·g(μ + alpha·s·z) − c``.

Slower than `linear_choice`, which bounds and prunes: every eligible action's moments are found. The
draws are the same, the propensities as exact.
"""

from __future__ import annotations

import numpy as np

from bandit.core.types import Float64, Int32, Int64
from bandit.kernels import keyed_random as kr
from bandit.kernels._compile import allocating, within
from bandit.kernels.linear import pair_moments
from bandit.kernels.linear.chances import TINY
from bandit.kernels.linear.decide import Model
from bandit.kernels.linear.linear_choice import GRAIN
from bandit.kernels.linear.link import response
from bandit.kernels.linear.linked_win_probability import (
    Contenders,
    empty_contenders,
    linked_winning_probability,
)
from bandit.kernels.linear.masked_choice import allowed
from bandit.kernels.linear.situation import Mode, Situation
from bandit.kernels.stats.normal import normal


@within
def _list_into(
    means: Float64, widths: Float64, r: int, situation: Situation, alpha: float, i: int,
    each: Contenders, actions: Int64,
) -> int:  # fmt: skip
    """List the eligible actions of row i, whose moments are in line r; return how many."""
    values, costs = situation.values, situation.costs
    value_line = i if values.shape[0] > 1 else 0
    cost_line = i if costs.shape[0] > 1 else 0
    count = 0
    for a in range(means.shape[1]):
        if allowed(situation.eligible, situation.packing, i, a):
            each.mean[count], each.width[count] = means[r, a], alpha * widths[r, a]
            each.value[count], each.cost[count] = values[value_line, a], costs[cost_line, a]
            actions[count] = a
            count += 1
    return count


@within
def _best(
    link: int, each: Contenders, actions: Int64, count: int, thompson: bool, row: np.uint64
) -> int:
    """Position of the largest sampled (or optimistic) worth, the first on ties."""
    best, taken = -np.inf, 0
    for c in range(count):
        z = np.float64(normal(kr.cell(row, actions[c]))) if thompson else 1.0
        worth = each.value[c] * response(link, each.mean[c] + each.width[c] * z) - each.cost[c]
        if worth > best:
            best, taken = worth, c
    return taken


@within
def _expectation(
    link: int, each: Contenders, actions: Int64, count: int, weights: Float64
) -> float:
    total = whole = 0.0
    for c in range(count):
        share = linked_winning_probability(link, count, c, each)
        whole += share
        total += share * weights[actions[c]]
    return total / whole


@allocating
def choose_into(
    first: int, last: int, model: Model, situation: Situation, mode: Mode, action: Int32,
    mean: Float64, width: Float64, propensity: Float64,
) -> None:  # fmt: skip
    """Decide rows first to last; arguments as of `linear_choice.choose_into`."""
    narrow, broad, k = situation.narrow, situation.broad, model.theta.shape[0]
    means, widths = np.empty((GRAIN, k)), np.empty((GRAIN, k))
    each, actions = empty_contenders(k), np.empty(k, np.int64)
    for top in range(first, last, GRAIN):
        rows = min(GRAIN, last - top)
        pair_moments.block_moments_into(
            narrow[top:], broad[top:], 0, rows, model.theta, model.inverse, means, widths
        )
        for r in range(rows):
            i = top + r
            count = _list_into(means, widths, r, situation, mode.alpha, i, each, actions)
            if mode.propensity == 3:
                propensity[i] = _expectation(model.link, each, actions, count, mode.weights)
                continue
            own = -1
            if mode.given.size > 0:
                for c in range(count):
                    own = c if actions[c] == mode.given[i] else own
            if mode.propensity != 2 and (mode.given.size == 0 or mode.given[i] < 0):
                row = kr.row_key(mode.stream, situation.keys[i]) if mode.thompson else np.uint64(0)
                own = _best(model.link, each, actions, count, mode.thompson, row)
            if mode.given.size > 0 and mode.given[i] >= 0:
                action[i] = mode.given[i]
            else:
                action[i] = actions[own]
            mean[i], width[i] = means[r, action[i]], widths[r, action[i]]
            if mode.propensity > 0:
                propensity[i] = 0.0
                if own >= 0:
                    propensity[i] = linked_winning_probability(model.link, count, own, each)
                if propensity[i] < TINY and (mode.given.size == 0 or mode.given[i] < 0):
                    propensity[i] = TINY


@allocating
def probabilities_into(
    first: int, last: int, link: int, means: Float64, widths: Float64, alpha: float,
    situation: Situation, out: Float64,
) -> None:  # fmt: skip
    """``out`` float64[n, k]: probability of every action, from moments float64[n, k]."""
    k = means.shape[1]
    each, actions = empty_contenders(k), np.empty(k, np.int64)
    for i in range(first, last):
        count = _list_into(means, widths, i, situation, alpha, i, each, actions)
        total = 0.0
        out[i, :] = 0.0
        for c in range(count):
            out[i, actions[c]] = linked_winning_probability(link, count, c, each)
            total += out[i, actions[c]]
        for c in range(count):
            out[i, actions[c]] /= total
