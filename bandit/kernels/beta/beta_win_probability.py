"""Beta–Bernoulli Thompson sampling: probability that one action's sampled worth is the largest.

``P(a) = ∫ φ(z) Π_{b≠a} F_b((v_a Q_a(Φ(z)) − c_a + c_b)/v_b) dz``, the Beta posteriors' quantiles
and distributions (Chapelle, Li 2011), by adaptive quadrature on their tables (see `beta`).
"""

from __future__ import annotations

import numpy as np

from bandit.core.types import Float64, Int32, Int64, Integer, UInt8
from bandit.kernels._compile import allocating, inline, serial, within, within_allocating
from bandit.kernels.beta.beta import NODES, cumulative_at, quantile_at
from bandit.kernels.linear.masked_choice import allowed
from bandit.kernels.stats import quadrature
from bandit.kernels.stats.normal import density

TOLERANCE = 5e-8
"""A panel is split until its two estimates differ by less: the tables are good to about 1e-8."""
REACH = 6.0
"""Beyond ±REACH the sampled quantile's z has a probability of 2e-9."""


@inline
def _ends(quantiles: Float64, a: Integer, value: float, cost: float) -> tuple[float, float]:
    """Where practically all of a worth's probability lies."""
    low, high = value * quantiles[a, 0] - cost, value * quantiles[a, NODES - 1] - cost
    return min(low, high), max(low, high)


@within
def _panel(
    quantiles: Float64, slopes: Float64, value: Float64, cost: Float64, a: Integer, rivals: Int64,
    count: int, low: float, high: float,
) -> tuple[float, float]:  # fmt: skip
    """Kronrod's and Gauss's estimate on one panel of a's z."""
    centre, half = 0.5 * (low + high), 0.5 * (high - low)
    kronrod = gauss = 0.0
    for node in range(15):
        place = node if node < 8 else 14 - node
        z = centre + (-half if node < 8 else half) * quadrature.NODES[place]
        t = value[a] * quantile_at(quantiles, slopes, a, z) - cost[a]
        level = density(z)
        for c in range(count):
            if level < 1e-12:
                break
            b = rivals[c]
            if value[b] == 0.0:
                level = level if -cost[b] <= t else 0.0
                continue
            below = cumulative_at(quantiles, slopes, b, (t + cost[b]) / value[b])
            level *= below if value[b] > 0.0 else 1.0 - below
        kronrod += quadrature.KRONROD[place] * level
        gauss += quadrature.GAUSS[place] * level
    return kronrod * half, gauss * half


@within_allocating
def _integrate(
    quantiles: Float64, slopes: Float64, value: Float64, cost: Float64, a: Integer, rivals: Int64,
    count: int,
) -> float:  # fmt: skip
    """Integrate over a's z, panels on an explicit stack."""
    stack = np.empty((quadrature.DEPTH + 8, 2))
    for c in range(8):
        stack[c, 0] = -REACH + REACH * c / 4.0
        stack[c, 1] = -REACH + REACH * (c + 1) / 4.0
    height, total = 8, 0.0
    while height > 0:
        height -= 1
        left, right = stack[height, 0], stack[height, 1]
        kronrod, gauss = _panel(quantiles, slopes, value, cost, a, rivals, count, left, right)
        middle = 0.5 * (left + right)
        small = abs(kronrod - gauss) < TOLERANCE
        if small or height + 2 > quadrature.DEPTH or not left < middle < right:
            total += kronrod
        else:
            stack[height, 0], stack[height, 1] = left, middle
            stack[height + 1, 0], stack[height + 1, 1] = middle, right
            height += 2
    return total


@serial
def winning_probability(
    quantiles: Float64, slopes: Float64, value: Float64, cost: Float64, a: Integer, actions: Int64,
    number: int, rivals: Int64,
) -> float:  # fmt: skip
    """P(action a wins) among ``actions[:number]``, a included; ties go to the lowest index.

    ``quantiles``, ``slopes`` float64[k, NODES]; ``rivals`` int64[k] is scratch.
    """
    low, high = _ends(quantiles, a, value[a], cost[a])
    certain = value[a] == 0.0
    count = 0
    for c in range(number):
        b = actions[c]
        if b == a:
            continue
        lower, upper = _ends(quantiles, b, value[b], cost[b])
        if lower > high:
            return 0.0
        if certain and value[b] == 0.0:
            if lower > low or (lower == low and b < a):
                return 0.0
        elif upper >= low:
            rivals[count] = b
            count += 1
    if not certain:
        return _integrate(quantiles, slopes, value, cost, a, rivals, count)
    level = 1.0
    for c in range(count):
        b = rivals[c]
        below = cumulative_at(quantiles, slopes, b, (low + cost[b]) / value[b])
        level *= below if value[b] > 0.0 else 1.0 - below
    return level


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
    begin: int, end: int, quantiles: Float64, slopes: Float64, eligible: UInt8, packing: int,
    values: Float64, costs: Float64, taken: Int32, out: Float64,
) -> None:  # fmt: skip
    """``out`` float64[n]: probability of the action ``taken`` int32[n], rows begin to end."""
    k = quantiles.shape[0]
    value_step = 0 if values.shape[0] == 1 else 1
    cost_step = 0 if costs.shape[0] == 1 else 1
    actions, rivals = np.empty(k, np.int64), np.empty(k, np.int64)
    for i in range(begin, end):
        number = _list_eligible(eligible, packing, i, k, actions)
        out[i] = 0.0
        if allowed(eligible, packing, i, taken[i]):
            out[i] = winning_probability(
                quantiles, slopes, values[i * value_step], costs[i * cost_step],
                np.int64(taken[i]), actions, number, rivals,
            )  # fmt: skip


@allocating
def all_probabilities_into(
    begin: int, end: int, quantiles: Float64, slopes: Float64, eligible: UInt8, packing: int,
    values: Float64, costs: Float64, out: Float64,
) -> None:  # fmt: skip
    """``out`` float64[n, k]: probability of every action, rows made to sum to one."""
    k = quantiles.shape[0]
    value_step = 0 if values.shape[0] == 1 else 1
    cost_step = 0 if costs.shape[0] == 1 else 1
    actions, rivals = np.empty(k, np.int64), np.empty(k, np.int64)
    for i in range(begin, end):
        number = _list_eligible(eligible, packing, i, k, actions)
        total = 0.0
        for a in range(k):
            out[i, a] = 0.0
        for c in range(number):
            a = actions[c]
            out[i, a] = winning_probability(
                quantiles, slopes, values[i * value_step], costs[i * cost_step], a, actions,
                number, rivals,
            )  # fmt: skip
            total += out[i, a]
        for c in range(number):
            out[i, actions[c]] /= total
