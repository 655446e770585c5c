"""One pass over customers at given prices: what each would take, and what that adds up to.

For customer i with values v_ia and action costs c_a (prices times usage), the inner problem of
the Lagrangian is h_i(c) = max over sets S of at most `slots` actions, no two of one group, of
Σ_{a in S} (v_ia − c_a). Greedy is optimal (the sets are independent in a truncated partition
matroid): the best action of each group, then the best `slots` of these that are above zero.

Ties go to the lowest action; an action worth exactly zero is not taken.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit.core.types import Array, Bool, Float64, Int32, Int64
from bandit.kernels._compile import serial, within, within_fast

NEVER = -1e300
"""Worth of an action that is not eligible: finite, so that fast-math may assume no infinity."""


# Fast-math: the caller has refused NaN and infinity, and NEVER is finite. Only the order of a
# maximum changes, which has no rounding.
@within_fast
def row_best(values: Array, eligible: Bool, masked: bool, costs: Float64) -> float:
    """max(0, max_a values[a] − costs[a]) over the eligible actions of one row."""
    best = 0.0
    k = values.shape[0]
    if masked:
        for a in range(k):
            worth = values[a] - costs[a]
            if not eligible[a]:
                worth = NEVER
            best = max(best, worth)
        return best
    # Four running maxima: one alone waits for itself at every step.
    second, third, fourth = 0.0, 0.0, 0.0
    for a in range(0, k - 3, 4):
        best = max(best, values[a] - costs[a])
        second = max(second, values[a + 1] - costs[a + 1])
        third = max(third, values[a + 2] - costs[a + 2])
        fourth = max(fourth, values[a + 3] - costs[a + 3])
    for a in range(k - k % 4, k):
        best = max(best, values[a] - costs[a])
    return max(best, second, third, fourth)


@within_fast
def row_first(values: Array, eligible: Bool, masked: bool, costs: Float64, worth: float) -> int:
    """Lowest eligible action with values[a] − costs[a] equal to `worth`."""
    k = values.shape[0]
    first: int = k
    for a in range(k):
        here = a
        if values[a] - costs[a] != worth:
            here = k
        if masked and not eligible[a]:
            here = k
        first = min(first, here)
    return first


@within
def insert(
    worths: Float64, items: Int32, families: Int32, size: int, worth: float, item: int, family: int
) -> int:
    """Keep the best of each family, best first, in lists of fixed length; returns the new size.

    Called with items in ascending order and `worth` above the floor; a tie leaves what is there.
    """
    at = size
    for s in range(size):
        if families[s] == family:
            if worth <= worths[s]:
                return size
            at = s
            break
    if at == size:
        if size < worths.shape[0]:
            size += 1
        elif worth <= worths[size - 1]:
            return size
        else:
            at = size - 1
    while at > 0 and worths[at - 1] < worth:
        worths[at], items[at], families[at] = worths[at - 1], items[at - 1], families[at - 1]
        at -= 1
    worths[at], items[at], families[at] = worth, item, family
    return size


@within
def row_select(
    values: Array,
    eligible: Bool,
    masked: bool,
    costs: Float64,
    groups: Int32,
    worths: Float64,
    items: Int32,
    families: Int32,
) -> int:
    """Fill the lists with the best set of one row; returns how many it has."""
    size = 0
    slots = worths.shape[0]
    for a in range(values.shape[0]):
        worth = values[a] - costs[a]
        if worth > 0.0 and (size < slots or worth > worths[slots - 1]):
            if masked and not eligible[a]:
                continue
            size = insert(worths, items, families, size, worth, a, groups[a])
    return size


class Lists(NamedTuple):
    """Scratch for the best set of a row, one place a slot."""

    worths: Float64
    items: Int32
    families: Int32


def empty_lists(slots: int) -> Lists:
    """Make room for so many slots."""
    return Lists(np.empty(slots), np.empty(slots, np.int32), np.empty(slots, np.int32))


EVERYONE: Bool = np.empty(0, np.bool_)


def pass_into(
    first: int,
    last: int,
    values: Array,
    eligible: Bool,
    costs: Float64,
    groups: Int32,
    block: int,
    chosen: Int32,
    worth: Float64,
    value: Float64,
    counts: Int64,
) -> None:
    """What every customer takes at `costs`, and the sums over fixed blocks of rows.

    values float32 or float64[n, k], finite where eligible; eligible bool[n, k], or bool[0, 0] for
    all; costs float64[k]; groups int32[k]; `block` rows a block, so the sums depend on nothing
    else. Writes chosen int32[n, slots] (−1 where empty; int32[0, slots] when not wanted),
    worth float64[blocks] = Σ h_i, value float64[blocks] = Σ v of what is taken, counts
    int64[blocks, k].
    """
    lists = empty_lists(chosen.shape[1])
    _pass_into(
        first, last, values, eligible, costs, groups, block, chosen, worth, value, counts,
        *lists, EVERYONE,
    )  # fmt: skip


@serial
def _pass_into(
    first: int, last: int, values: Array, eligible: Bool, costs: Float64, groups: Int32, block: int,
    chosen: Int32, worth: Float64, value: Float64, counts: Int64, worths: Float64, items: Int32,
    families: Int32, everyone: Bool,
) -> None:  # fmt: skip
    n = values.shape[0]
    slots = chosen.shape[1]
    masked = eligible.shape[0] > 0
    keep = chosen.shape[0] > 0
    for b in range(first, last):  # axis: blocks of customers
        worth_sum = 0.0
        value_sum = 0.0
        for i in range(b * block, min(n, (b + 1) * block)):
            row = values[i]
            mask = eligible[i] if masked else everyone
            if slots == 1:
                best = row_best(row, mask, masked, costs)
                size = 0
                if best > 0.0:
                    worths[0] = best
                    items[0] = row_first(row, mask, masked, costs, best)
                    size = 1
            else:
                size = row_select(row, mask, masked, costs, groups, worths, items, families)
            for s in range(size):
                worth_sum += worths[s]
                value_sum += row[items[s]]
                counts[b, items[s]] += 1
            if keep:
                for s in range(slots):
                    chosen[i, s] = items[s] if s < size else -1
        worth[b] = worth_sum
        value[b] = value_sum
