"""Single moves that mend or improve an assignment: drop an action, add one, or swap two.

Usage comes as one sparse list an action (start int64[k + 1], resource int32, amount float64).
The violation of an assignment is Σ_j over_j·max(0, used_j − limit_j) + under_j·max(0, minimum_j −
used_j) for weights over, under float64[m]; a mending move lowers it, an improving one adds value
and leaves it as it is.
"""

from __future__ import annotations

import numpy as np

from bandit.core.types import Array, Float64, Int32, Int64
from bandit.kernels._compile import serial, within

MEND = 0
IMPROVE = 1
SLACK = 1e-9
"""Change of violation, in units of its weights, that counts as none."""


@within
def _shift(a: int, sign: float, start: Int64, resource: Int32, amount: Float64, d: Float64) -> None:
    if a >= 0:
        for u in range(start[a], start[a + 1]):
            d[resource[u]] += sign * amount[u]


@within
def _settle(
    a: int,
    start: Int64,
    resource: Int32,
    used: Float64,
    bounds: Float64,
    weights: Float64,
    d: Float64,
) -> float:
    """Violation change over the resources of one action; clears what it has counted."""
    change = 0.0
    if a >= 0:
        for u in range(start[a], start[a + 1]):
            j = resource[u]
            if d[j] != 0.0:
                after = used[j] + d[j]
                change += weights[0, j] * (
                    max(0.0, after - bounds[0, j]) - max(0.0, used[j] - bounds[0, j])
                )
                change += weights[1, j] * (
                    max(0.0, bounds[1, j] - after) - max(0.0, bounds[1, j] - used[j])
                )
                d[j] = 0.0
    return change


@within
def violation_change(
    out: int,
    come: int,
    start: Int64,
    resource: Int32,
    amount: Float64,
    used: Float64,
    bounds: Float64,
    weights: Float64,
    d: Float64,
) -> float:
    """What taking `come` for `out` (−1 for none) does to the violation; d float64[m] is zero."""
    _shift(out, -1.0, start, resource, amount, d)
    _shift(come, 1.0, start, resource, amount, d)
    return _settle(out, start, resource, used, bounds, weights, d) + _settle(
        come, start, resource, used, bounds, weights, d
    )


def best_moves_into(
    first: int,
    last: int,
    mode: int,
    offsets: Int64,
    action: Int32,
    value: Float64,
    costs: Float64,
    groups: Int32,
    chosen: Int32,
    start: Int64,
    resource: Int32,
    amount: Float64,
    used: Float64,
    bounds: Float64,
    weights: Float64,
    score: Float64,
    slot: Int32,
    entry: Int32,
) -> None:
    """Each customer's move of least loss of worth (MEND: a unit of violation that it removes).

    offsets int64[r + 1], action, value[e] the contenders; chosen int32[r, slots] places in them;
    costs float64[k] at the prices; used float64[m]; bounds, weights float64[2, m], limits first.
    Writes score float64[r] (infinite where there is no move), slot int32[r] (−1: an empty one),
    entry int32[r] (−1: leave the slot empty).
    """
    _best_moves_into(
        first, last, mode, offsets, action, value, costs, groups, chosen, start, resource, amount,
        used, bounds, weights, score, slot, entry, np.zeros(used.shape[0]),
    )  # fmt: skip


@serial
def _best_moves_into(
    first: int, last: int, mode: int, offsets: Int64, action: Int32, value: Float64, costs: Float64,
    groups: Int32, chosen: Int32, start: Int64, resource: Int32, amount: Float64, used: Float64,
    bounds: Float64, weights: Float64, score: Float64, slot: Int32, entry: Int32, d: Float64,
) -> None:  # fmt: skip
    slots = chosen.shape[1]
    for i in range(first, last):  # axis: customers
        best, best_slot, best_entry = np.inf, -1, -1
        for e in range(offsets[i] - 1, offsets[i + 1]):
            entering = e >= offsets[i]
            come = action[e] if entering else -1
            held, taken, empty = -1, False, False
            for s in range(slots):
                c = chosen[i, s]
                if c < 0:
                    empty = True
                elif c == e:
                    taken = True
                elif entering and groups[action[c]] == groups[come]:
                    held = s
            if taken:
                continue
            gain_worth = value[e] - costs[come] if entering else 0.0
            gain_value = value[e] if entering else 0.0
            for s in range(-1, slots):
                if held >= 0 and s != held:
                    continue
                if s < 0 and not (entering and empty):
                    continue
                c = chosen[i, s] if s >= 0 else -1
                if s >= 0 and c < 0:
                    continue
                out = action[c] if s >= 0 else -1
                loss = -gain_worth
                more = gain_value
                if s >= 0:
                    loss += value[c] - costs[out]
                    more -= value[c]
                if mode == IMPROVE and (more <= 0.0 or loss >= best):
                    continue
                change = violation_change(
                    out, come, start, resource, amount, used, bounds, weights, d
                )
                if mode == MEND:
                    if change >= -SLACK:
                        continue
                    loss = loss / -change
                elif change > SLACK:
                    continue
                if loss < best:
                    best, best_slot, best_entry = loss, s, e if entering else -1
        score[i], slot[i], entry[i] = best, best_slot, best_entry


def apply_moves_into(
    mode: int,
    order: Array,
    action: Int32,
    slot: Int32,
    entry: Int32,
    start: Int64,
    resource: Int32,
    amount: Float64,
    bounds: Float64,
    weights: Float64,
    chosen: Int32,
    used: Float64,
) -> int:
    """Make the moves of the customers in `order` that still do what they promised; counts them.

    Changes chosen int32[r, slots] and used float64[m].
    """
    made: int = _apply_moves_into(
        mode, order, action, slot, entry, start, resource, amount, bounds, weights, chosen, used,
        np.zeros(used.shape[0]),
    )  # fmt: skip
    return made


@serial
def _apply_moves_into(
    mode: int, order: Array, action: Int32, slot: Int32, entry: Int32, start: Int64,
    resource: Int32, amount: Float64, bounds: Float64, weights: Float64, chosen: Int32,
    used: Float64, d: Float64,
) -> int:  # fmt: skip
    made = 0
    for i in order:
        s, e = slot[i], entry[i]
        out = action[chosen[i, s]] if s >= 0 else -1
        come = action[e] if e >= 0 else -1
        change = violation_change(out, come, start, resource, amount, used, bounds, weights, d)
        if change > SLACK or (mode == MEND and change >= -SLACK):
            continue
        _shift(out, -1.0, start, resource, amount, used)
        _shift(come, 1.0, start, resource, amount, used)
        if s < 0:
            s = 0
            while chosen[i, s] >= 0:
                s += 1
        chosen[i, s] = e
        made += 1
    return made
