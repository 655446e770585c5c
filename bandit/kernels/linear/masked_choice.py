"""Decisions that need no bounds: best of a table of scores, uniform draw, list of priorities."""

from __future__ import annotations

import numpy as np

from bandit.core.types import Bool, Float64, Int32, Int64, UInt8, UInt64
from bandit.kernels import keyed_random as kr
from bandit.kernels._compile import inline, serial

EVERYTHING, DENSE, PACKED = range(3)
"""How ``eligible`` is written: not at all, uint8[n, k] of 0 and 1, bits (little order)."""


@inline
def allowed(eligible: UInt8, packing: int, row: int, action: int) -> bool:
    """Tell whether the action may be taken for the row."""
    if packing == 0:
        return True
    if packing == 1:
        return bool(eligible[row, action] != 0)
    return bool((eligible[row, action >> 3] >> (action & 7)) & 1 != 0)


@serial
def rows_without_action_into(
    first: int, last: int, eligible: UInt8, packing: int, k: int, grain: int, out: Int64
) -> None:
    """``out[first / grain]`` = the first row in [first, last) where nothing is eligible, if any."""
    for i in range(first, last):
        found = False
        for a in range(k):
            if allowed(eligible, packing, i, a):
                found = True
                break
        if not found:
            out[first // grain] = i
            return


@serial
def best_into(
    first: int, last: int, scores: Float64, eligible: UInt8, packing: int, values: Float64,
    costs: Float64, action: Int32,
) -> None:  # fmt: skip
    """``action`` int32[n]: the eligible action of the largest worth, the lowest index on ties.

    ``scores`` float64[n, k]; ``values``, ``costs`` float64[1 or n, k]; rows first to last.
    """
    k = scores.shape[1]
    value_step = 0 if values.shape[0] == 1 else 1
    cost_step = 0 if costs.shape[0] == 1 else 1
    for i in range(first, last):
        best = -np.inf
        taken = -1
        for a in range(k):
            if allowed(eligible, packing, i, a):
                worth = values[i * value_step, a] * scores[i, a] - costs[i * cost_step, a]
                if taken < 0 or worth > best:
                    best = worth
                    taken = a
        action[i] = taken


@serial
def count_eligible_into(
    first: int, last: int, eligible: UInt8, packing: int, k: int, action: Int32, count: Int64,
    included: Bool,
) -> None:  # fmt: skip
    """``count`` int64[n] eligible actions, ``included`` bool[n] whether ``action`` is one."""
    for i in range(first, last):
        number = 0
        for a in range(k):
            if allowed(eligible, packing, i, a):
                number += 1
        count[i] = number
        included[i] = allowed(eligible, packing, i, action[i])


@serial
def mean_weight_into(
    first: int, last: int, eligible: UInt8, packing: int, weights: Float64, out: Float64
) -> None:
    """``out`` float64[n]: the mean of ``weights`` float64[k] over the eligible actions."""
    for i in range(first, last):
        number, total = 0, 0.0
        for a in range(weights.shape[0]):
            if allowed(eligible, packing, i, a):
                number += 1
                total += weights[a]
        out[i] = total / number


@inline
def uniform_pick(
    eligible: UInt8, packing: int, k: int, stream: np.uint64, key: np.uint64, row: int, number: int
) -> int:
    """One of a row's ``number`` eligible actions, each as probable as the others."""
    rank = np.int64(kr.unit(kr.cell(kr.row_key(stream, key), 0)) * number)
    taken = 0
    for a in range(k):
        if allowed(eligible, packing, row, a):
            taken = a
            if rank == 0:
                break
            rank -= 1
    return taken


@serial
def pick_uniform_into(
    first: int, last: int, eligible: UInt8, packing: int, k: int, stream: np.uint64, keys: UInt64,
    action: Int32, count: Int64,
) -> None:  # fmt: skip
    """``action`` int32[n] uniform over the eligible ones, ``count`` int64[n] how many they are."""
    for i in range(first, last):
        number = 0
        for a in range(k):
            if allowed(eligible, packing, i, a):
                number += 1
        count[i] = number
        action[i] = uniform_pick(eligible, packing, k, stream, keys[i], i, number)


@serial
def first_by_priority_into(
    first: int, last: int, eligible: UInt8, packing: int, order: Int64, action: Int32
) -> None:
    """``action`` int32[n]: the first eligible action in ``order`` int64[k]."""
    for i in range(first, last):
        action[i] = first_allowed(eligible, packing, i, order)


@inline
def first_allowed(eligible: UInt8, packing: int, row: int, order: Int64) -> np.int64:
    """The first action in ``order`` int64[k] that is eligible for the row; 0 if none is."""
    found = np.int64(0)
    for a in order:
        if allowed(eligible, packing, row, a):
            found = np.int64(a)
            break
    return found
