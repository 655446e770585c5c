"""Beta–Bernoulli Thompson sampling by rows: probability of the action taken, or of every one."""

from __future__ import annotations

import numpy as np

from bandit.core.types import Float64, Int32, Int64, UInt8
from bandit.kernels._compile import allocating, inline
from bandit.kernels.beta.beta_below import Tables
from bandit.kernels.beta.beta_win_probability import empty_scratch, winning_probability
from bandit.kernels.linear.masked_choice import allowed


@inline
def _list_eligible(eligible: UInt8, packing: int, row: int, k: int, actions: Int64) -> int:
    number = 0
    for a in range(k):
        if allowed(eligible, packing, row, a):
            actions[number] = a
            number += 1
    return number


@allocating
def taken_probability_into(
    begin: int, end: int, tables: Tables, eligible: UInt8, packing: int, values: Float64,
    costs: Float64, taken: Int32, out: Float64,
) -> None:  # fmt: skip
    """``out`` float64[n]: probability of the action ``taken`` int32[n], rows begin to end."""
    k = tables.quantiles.shape[0]
    value_step = 0 if values.shape[0] == 1 else 1
    cost_step = 0 if costs.shape[0] == 1 else 1
    actions, scratch = np.empty(k, np.int64), empty_scratch(k)
    for i in range(begin, end):
        number = _list_eligible(eligible, packing, i, k, actions)
        out[i] = 0.0
        if allowed(eligible, packing, i, taken[i]):
            out[i] = winning_probability(
                tables, values[i * value_step], costs[i * cost_step], np.int64(taken[i]), actions,
                number, scratch,
            )  # fmt: skip


@allocating
def all_probabilities_into(
    begin: int, end: int, tables: Tables, eligible: UInt8, packing: int, values: Float64,
    costs: Float64, out: Float64,
) -> None:  # fmt: skip
    """``out`` float64[n, k]: probability of every action, rows made to sum to one."""
    k = tables.quantiles.shape[0]
    value_step = 0 if values.shape[0] == 1 else 1
    cost_step = 0 if costs.shape[0] == 1 else 1
    actions, scratch = np.empty(k, np.int64), empty_scratch(k)
    for i in range(begin, end):
        number = _list_eligible(eligible, packing, i, k, actions)
        total = 0.0
        for a in range(k):
            out[i, a] = 0.0
        for c in range(number):
            a = actions[c]
            out[i, a] = winning_probability(
                tables, values[i * value_step], costs[i * cost_step], a, actions, number, scratch
            )
            total += out[i, a]
        for c in range(number):
            out[i, actions[c]] /= total
