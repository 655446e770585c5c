"""One pass over a block of a log: sums per unit for every target policy and estimator.

A row adds to two units: its random group (for intervals that want exchangeable units) and its tick
(for those that want the order of time). Per target Σ ŵ... are as in `bandit.stats.units`.
"""

from __future__ import annotations

import numpy as np

from bandit.core.types import Array, Bool, Float64, Int64
from bandit.kernels._compile import inline, serial

CLIP, SWITCH, OPTIMISTIC, SMOOTH = range(4)
"""Rules that shrink a weight: min(w, λ), w 1[w ≤ λ], λw/(w² + λ), w/(1 - λ + λw)."""


@inline
def shrink(rule: int, parameter: float, weight: float) -> float:
    """ŵ of one weight."""
    if rule == CLIP:
        return min(weight, parameter)
    if rule == SWITCH:
        return weight if weight <= parameter else 0.0
    if rule == OPTIMISTIC:
        if parameter == np.inf:
            return weight
        return parameter * weight / (weight * weight + parameter)
    below = 1.0 - parameter + parameter * weight
    return weight / below if below > 0.0 else 0.0


@serial
def accumulate_into(
    first: int,
    last: int,
    rewards: Float64,
    weights: Float64,
    q_logged: Float64,
    q_target: Float64,
    group: Int64,
    tick: Int64,
    rules: Int64,
    parameters: Float64,
    modelled: Bool,
    reward_range: Float64,
    group_sums: Array,
    tick_sums: Array,
    weight_sums: Array,
    extremes: Array,
) -> None:
    """Add n rows to the sums of T targets and E estimators; targets first to last.

    ``rewards``, ``q_logged`` [n]; ``weights``, ``q_target`` [n, T] (one row of zeros where there
    is no model); ``group``, ``tick`` [n]; ``rules``, ``parameters``, ``modelled`` [E];
    ``reward_range`` [2]. ``group_sums`` [G, T, 2 + 2E] and ``tick_sums`` [m, T, 2 + 2E] take
    Σ w, Σ q̂π, then Σ ŵ(r - q̂), Σ ŵ of each estimator. ``weight_sums`` [T, 2 + E] takes Σ w²,
    max w, and the shrunk rows. ``extremes`` [T, E, 2] takes the least and largest possible term
    (less the least reward) given context and action.
    """
    low, high = reward_range
    with_model = q_target.shape[0] == rewards.size
    for t in range(first, last):
        for i in range(rewards.size):
            w, r = weights[i, t], rewards[i]
            into_group, into_tick = group_sums[group[i], t], tick_sums[tick[i], t]
            base, q = (q_target[i, t], q_logged[i]) if with_model else (0.0, 0.0)
            into_group[0] += w
            into_tick[0] += w
            into_group[1] += base
            into_tick[1] += base
            weight_sums[t, 0] += w * w
            weight_sums[t, 1] = max(weight_sums[t, 1], w)
            for e in range(rules.size):
                shrunk = shrink(rules[e], parameters[e], w)
                if modelled[e]:
                    residual = shrunk * (r - q)
                    offset = base - low - shrunk * q
                    least, most = offset + shrunk * low, offset + shrunk * high
                else:
                    residual = shrunk * r
                    least, most = 0.0, shrunk * (high - low)
                into_group[2 + 2 * e] += residual
                into_tick[2 + 2 * e] += residual
                into_group[3 + 2 * e] += shrunk
                into_tick[3 + 2 * e] += shrunk
                extremes[t, e, 0] = min(extremes[t, e, 0], least)
                extremes[t, e, 1] = max(extremes[t, e, 1], most)
                if shrunk != w:
                    weight_sums[t, 2 + e] += 1.0
