"""Which actions can still win while the prices stay in a box, and passes over only these.

With low_a ≤ c_a ≤ high_a for the cost of each action, v_a − low_a is the most and v_a − high_a the
least that action a can be worth. Let t be the `slots`-th best of the groups' best least worths
(zero where there are fewer). An action can be in the best set at some price in the box only if
its most is at least t, and at least the best least of its own group. Everything else is dropped,
with that inequality as the certificate. A customer whose contenders are all surely above zero, no
more than `slots` and of different groups, takes exactly these at every price in the box: decided.
"""

from __future__ import annotations

import numpy as np

from bandit.core.types import Array, Bool, Float64, Int32, Int64, UInt8
from bandit.kernels._compile import serial, within, within_fast
from bandit.kernels.allocation.passes import (
    EVERYONE,
    empty_lists,
    insert,
    row_best,
    row_select,
)

UNDECIDED = 1
DECIDED = 2


# Fast-math: as `row_best`, neither NaN nor infinity reaches it.
@within_fast
def _count(values: Array, eligible: Bool, masked: bool, low: Float64, floor: float) -> int:
    """How many actions of one row can be worth `floor` and more than nothing."""
    count = 0
    for a in range(values.shape[0]):
        most = values[a] - low[a]
        here = 0
        if most >= floor and most > 0.0:
            here = 1
        if masked and not eligible[a]:
            here = 0
        count += here
    return count


@within_fast
def _only(values: Array, eligible: Bool, masked: bool, low: Float64, floor: float) -> int:
    """The first such action."""
    first: int = values.shape[0]
    for a in range(values.shape[0]):
        most = values[a] - low[a]
        here = first
        if most >= floor and most > 0.0:
            here = a
        if masked and not eligible[a]:
            here = first
        first = min(first, here)
    return first


@within
def _family_floor(worths: Float64, families: Int32, size: int, family: int, floor: float) -> float:
    for s in range(size):
        if families[s] == family:
            return float(max(floor, worths[s]))
    return floor


@within
def _clashes(families: Int32, size: int, family: int) -> bool:
    for s in range(size):  # noqa: SIM110 - compiled: a generator is slower here
        if families[s] == family:
            return True
    return False


def classify_into(
    first: int,
    last: int,
    values: Array,
    eligible: Bool,
    low: Float64,
    high: Float64,
    groups: Int32,
    slots: int,
    block: int,
    status: UInt8,
    size: Int32,
    value: Float64,
    counts: Int64,
) -> None:
    """Status and number of contenders of each customer; sums of the decided ones.

    values[n, k], eligible bool[n, k] or bool[0, 0]; low, high float64[k] action costs at the two
    ends of the box; groups int32[k]. Writes status uint8[n] (0 never takes anything, UNDECIDED,
    DECIDED), size int32[n], value float64[blocks] and counts int64[blocks, k] of the decided.
    """
    taken, family = np.empty(slots, np.int32), np.empty(slots, np.int32)
    _classify_into(
        first, last, values, eligible, low, high, groups, slots, block, status, size, value, counts,
        *empty_lists(slots), taken, family, EVERYONE,
    )  # fmt: skip


@serial
def _classify_into(
    first: int, last: int, values: Array, eligible: Bool, low: Float64, high: Float64,
    groups: Int32, slots: int, block: int, status: UInt8, size: Int32, value: Float64,
    counts: Int64, worths: Float64, items: Int32, families: Int32, taken: Int32,
    taken_family: Int32, everyone: Bool,
) -> None:  # fmt: skip
    n, k = values.shape
    masked = eligible.shape[0] > 0
    for b in range(first, last):  # axis: blocks of customers
        total = 0.0
        for i in range(b * block, min(n, (b + 1) * block)):
            row = values[i]
            mask = eligible[i] if masked else everyone
            if slots == 1:
                floor = row_best(row, mask, masked, high)
                size[i] = _count(row, mask, masked, low, floor)
                status[i] = UNDECIDED if size[i] > 0 else 0
                if size[i] == 1 and floor > 0.0:
                    only = _only(row, mask, masked, low, floor)
                    status[i] = DECIDED
                    total += row[only]
                    counts[b, only] += 1
                continue
            found = row_select(row, mask, masked, high, groups, worths, items, families)
            floor = worths[slots - 1] if found == slots else 0.0
            count = 0
            sure = True
            for a in range(k):
                most = row[a] - low[a]
                if most < floor or most <= 0.0 or (masked and not mask[a]):
                    continue
                if most < _family_floor(worths, families, found, groups[a], floor):
                    continue
                if count == slots or row[a] - high[a] <= 0.0:
                    sure = False
                elif sure:
                    if _clashes(taken_family, count, groups[a]):
                        sure = False
                    taken[count] = a
                    taken_family[count] = groups[a]
                count += 1
            size[i] = count
            status[i] = 0
            if count > 0:
                status[i] = DECIDED if sure else UNDECIDED
                if sure:
                    for s in range(count):
                        total += row[taken[s]]
                        counts[b, taken[s]] += 1
        value[b] = total


def gather_into(
    first: int,
    last: int,
    values: Array,
    eligible: Bool,
    low: Float64,
    high: Float64,
    groups: Int32,
    slots: int,
    rows: Int64,
    offsets: Int64,
    action: Int32,
    value: Float64,
) -> None:
    """Contenders of the customers `rows`, ascending, in the places that `offsets` reserves.

    The rule is `classify_into`'s; offsets int64[r + 1] come from its sizes. Writes action
    int32[e], value float64[e].
    """
    _gather_into(
        first, last, values, eligible, low, high, groups, slots, rows, offsets, action, value,
        *empty_lists(slots), EVERYONE,
    )  # fmt: skip


@serial
def _gather_into(
    first: int, last: int, values: Array, eligible: Bool, low: Float64, high: Float64,
    groups: Int32, slots: int, rows: Int64, offsets: Int64, action: Int32, value: Float64,
    worths: Float64, items: Int32, families: Int32, everyone: Bool,
) -> None:  # fmt: skip
    k = values.shape[1]
    masked = eligible.shape[0] > 0
    for r in range(first, last):  # axis: undecided customers
        row = values[rows[r]]
        mask = eligible[rows[r]] if masked else everyone
        found = 0
        if slots == 1:
            floor = row_best(row, mask, masked, high)
        else:
            found = row_select(row, mask, masked, high, groups, worths, items, families)
            floor = worths[slots - 1] if found == slots else 0.0
        at = offsets[r]
        for a in range(k):
            most = row[a] - low[a]
            if most < floor or most <= 0.0 or (masked and not mask[a]):
                continue
            if slots > 1 and most < _family_floor(worths, families, found, groups[a], floor):
                continue
            action[at] = a
            value[at] = row[a]
            at += 1


@within
def contender_select(
    action: Int32,
    value: Float64,
    start: int,
    stop: int,
    costs: Float64,
    groups: Int32,
    worths: Float64,
    items: Int32,
    families: Int32,
) -> int:
    """Best set of one customer over its contenders; `items` are places in `action`."""
    size = 0
    slots = worths.shape[0]
    for e in range(start, stop):
        worth = value[e] - costs[action[e]]
        if worth > 0.0 and (size < slots or worth > worths[slots - 1]):
            size = insert(worths, items, families, size, worth, e, groups[action[e]])
    return size


def contender_pass_into(
    first: int,
    last: int,
    offsets: Int64,
    action: Int32,
    value: Float64,
    costs: Float64,
    groups: Int32,
    block: int,
    chosen: Int32,
    worth: Float64,
    total: Float64,
    counts: Int64,
) -> None:
    """`pass_into` over contenders: chosen int32[r, slots] holds places in `action`, −1 if empty.

    offsets int64[r + 1]; worth, total float64[blocks]; counts int64[blocks, k].
    """
    _contender_pass_into(
        first, last, offsets, action, value, costs, groups, block, chosen, worth, total, counts,
        *empty_lists(chosen.shape[1]),
    )  # fmt: skip


@serial
def _contender_pass_into(
    first: int, last: int, offsets: Int64, action: Int32, value: Float64, costs: Float64,
    groups: Int32, block: int, chosen: Int32, worth: Float64, total: Float64, counts: Int64,
    worths: Float64, items: Int32, families: Int32,
) -> None:  # fmt: skip
    r = offsets.shape[0] - 1
    slots = chosen.shape[1]
    for b in range(first, last):  # axis: blocks of customers
        worth_sum = 0.0
        value_sum = 0.0
        for i in range(b * block, min(r, (b + 1) * block)):
            size = contender_select(
                action, value, offsets[i], offsets[i + 1], costs, groups, worths, items, families
            )
            for s in range(slots):
                chosen[i, s] = items[s] if s < size else -1
            for s in range(size):
                worth_sum += worths[s]
                value_sum += value[items[s]]
                counts[b, action[items[s]]] += 1
        worth[b] = worth_sum
        total[b] = value_sum


def contender_moves_into(
    first: int,
    last: int,
    offsets: Int64,
    action: Int32,
    value: Float64,
    costs: Float64,
    groups: Int32,
    slots: int,
    margin: Float64,
    leaves: Int32,
    enters: Int32,
) -> None:
    """The cheapest change of each customer's best set, the raw material of the dual's curvature.

    Writes margin float64[r], what the change would lose (infinite where there is none), and the
    actions that would leave and enter, int32[r], −1 for none.
    """
    _contender_moves_into(
        first, last, offsets, action, value, costs, groups, slots, margin, leaves, enters,
        *empty_lists(slots),
    )  # fmt: skip


@serial
def _contender_moves_into(
    first: int, last: int, offsets: Int64, action: Int32, value: Float64, costs: Float64,
    groups: Int32, slots: int, margin: Float64, leaves: Int32, enters: Int32, worths: Float64,
    items: Int32, families: Int32,
) -> None:  # fmt: skip
    for i in range(first, last):  # axis: customers
        size = contender_select(
            action, value, offsets[i], offsets[i + 1], costs, groups, worths, items, families
        )
        best, gone, come = np.inf, -1, -1
        if size > 0:
            best, gone = worths[size - 1], action[items[size - 1]]
        for e in range(offsets[i], offsets[i + 1]):
            a = action[e]
            worth = value[e] - costs[a]
            held = -1
            for s in range(size):
                if items[s] == e:
                    held = -2
                    break
                if families[s] == groups[a]:
                    held = s
            if held == -2:
                continue
            if held >= 0:
                loss, out = worths[held] - worth, action[items[held]]
            elif size < slots:
                loss, out = -worth, -1
            else:
                loss, out = worths[size - 1] - worth, action[items[size - 1]]
            if loss < best:
                best, gone, come = loss, out, a
        margin[i], leaves[i], enters[i] = best, gone, come
