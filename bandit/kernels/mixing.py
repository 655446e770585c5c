"""What a mixture does row by row beside its components: groups, the coin, the joint propensity."""

from __future__ import annotations

import numpy as np

from bandit.core.types import (
    EXPLORATION,
    HOLDOUT,
    NO_CONTACT,
    Float64,
    Int16,
    Int32,
    Int64,
    UInt8,
    UInt64,
)
from bandit.kernels import keyed_random as kr
from bandit.kernels._compile import inline, serial
from bandit.kernels.linear.masked_choice import allowed, first_allowed, uniform_pick


@inline
def _unit(stream: np.uint64, key: np.uint64) -> float:
    return kr.unit(kr.cell(kr.row_key(stream, key), 0))


@serial
def groups_into(
    first: int, last: int, lasting: np.uint64, drawn: np.uint64, keys: UInt64, holdout: float,
    edges: Float64, group: Int16,
) -> None:  # fmt: skip
    """``group`` int16[n]: HOLDOUT, or the component between whose ``edges`` the draw falls.

    ``edges`` float64[p - 1], ascending; ``lasting``, ``drawn`` are the streams of the two draws.
    """
    for i in range(first, last):
        group[i] = _group(lasting, drawn, keys[i], holdout, edges)


@inline
def _group(
    lasting: np.uint64, drawn: np.uint64, key: np.uint64, holdout: float, edges: Float64
) -> int:
    component = 0
    if _unit(lasting, key) < holdout:
        component = HOLDOUT
    else:
        where = _unit(drawn, key)
        while component < edges.size and edges[component] <= where:
            component += 1
    return component


@serial
def begin_into(
    first: int, last: int, lasting: np.uint64, drawn: np.uint64, coin: np.uint64, pick: np.uint64,
    keys: UInt64, holdout: float, edges: Float64, exploration: float, eligible: UInt8, packing: int,
    orders: Int64, whose: Int64, group: Int16, action: Int32, count: Int64, listed: Int32,
) -> None:  # fmt: skip
    """`groups_into`, then `explore_into`: a row alone is called for once."""
    for i in range(first, last):
        group[i] = _group(lasting, drawn, keys[i], holdout, edges)
        _explore(
            i, eligible, packing, coin, pick, keys[i], exploration, orders, whose, group, action,
            count, listed,
        )  # fmt: skip


@serial
def explore_into(
    first: int, last: int, eligible: UInt8, packing: int, coin: np.uint64, pick: np.uint64,
    keys: UInt64, exploration: float, orders: Int64, whose: Int64, group: Int16, action: Int32,
    count: Int64, listed: Int32,
) -> None:  # fmt: skip
    """What needs no model: ``action`` int32[n] of who is held out, explores or goes by a list.

    Elsewhere it is -1. ``count`` int64[n] actions are eligible; who explores gets that for a group.
    Component ``whose[m]`` takes the first eligible action of its list, ``orders`` int64[m, k]:
    ``listed`` int32[m, n].
    """
    for i in range(first, last):
        _explore(
            i, eligible, packing, coin, pick, keys[i], exploration, orders, whose, group, action,
            count, listed,
        )  # fmt: skip


@inline
def _explore(
    i: int, eligible: UInt8, packing: int, coin: np.uint64, pick: np.uint64, key: np.uint64,
    exploration: float, orders: Int64, whose: Int64, group: Int16, action: Int32, count: Int64,
    listed: Int32,
) -> None:  # fmt: skip
    number, k = 0, orders.shape[1]
    for a in range(k):
        number += allowed(eligible, packing, i, a)
    count[i] = number
    action[i] = -1
    if group[i] == HOLDOUT:
        action[i] = NO_CONTACT
    elif _unit(coin, key) < exploration:
        action[i] = uniform_pick(eligible, packing, k, pick, key, i, number)
        group[i] = EXPLORATION
    for m in range(whose.size):
        listed[m, i] = first_allowed(eligible, packing, i, orders[m])
        if group[i] == whose[m]:
            action[i] = listed[m, i]


@serial
def take_into(
    first: int, last: int, group: Int16, component: int, decided: Int32, action: Int32
) -> None:
    """``action`` int32[n] of a component's own rows is what it ``decided`` int32[n]."""
    for i in range(first, last):
        if group[i] == component:
            action[i] = decided[i]


@serial
def agree_into(first: int, last: int, action: Int32, decided: Int32, chance: Float64) -> None:
    """``chance`` float64[n]: one where ``action`` int32[n] is what was ``decided``, else zero."""
    for i in range(first, last):
        chance[i] = 1.0 if action[i] == decided[i] else 0.0


@serial
def join_into(
    first: int, last: int, eligible: UInt8, packing: int, exploration: float, count: Int64,
    action: Int32, whose: Int64, listed: Int32, chances: Float64, prior: Float64, joint: Float64,
    propensity: Float64,
) -> None:  # fmt: skip
    """``joint`` float64[n, p + 1] of (component, action), the holdout last; ``propensity``.

    ``joint[p] = prior[p]·((1 − ε) chance_p + ε [eligible] / count)``, ``chances`` float64[p, n];
    ``propensity`` float64[n] is ``Σ joint / Σ prior``. The chances of who goes by a list, ``whose``
    int64[m], are filled in: one where the action is what is ``listed`` int32[m, n], else zero.
    """
    parts = chances.shape[0]
    for i in range(first, last):
        for m in range(whose.size):
            chances[whose[m], i] = 1.0 if action[i] == listed[m, i] else 0.0
        floor = exploration * (allowed(eligible, packing, i, action[i]) / count[i])
        total, before = 0.0, 0.0
        for p in range(parts):
            chance = (1.0 - exploration) * chances[p, i] + floor
            joint[i, p] = prior[i, p] * chance
            total += joint[i, p]
            before += prior[i, p]
        joint[i, parts] = prior[i, parts] if action[i] == NO_CONTACT else 0.0
        propensity[i] = min((total + joint[i, parts]) / (before + prior[i, parts]), 1.0)
