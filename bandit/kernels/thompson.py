"""Beta–Bernoulli Thompson sampling: probability that one action's sampled worth is the largest.

``P(a) = ∫ f_a(p) Π_{b≠a} F_b((v_a p − c_a + c_b)/v_b) dp`` with Beta densities and distributions
(Chapelle, Li 2011), by adaptive quadrature to about 1e-9.
"""

from __future__ import annotations

import math

import numpy as np

from bandit.kernels._compile import inline, serial
from bandit.kernels.beta import beta_cumulative, beta_density
from bandit.kernels.quadrature import DEPTH, GAUSS, KRONROD, NODES, TOLERANCE
from bandit.kernels.worth import allowed


@inline
def _below(first, second, value, cost, t):
    """P(value·p − cost ≤ t)."""
    if value == 0.0:
        return 1.0 if -cost <= t else 0.0
    level = beta_cumulative(first, second, (t + cost) / value)
    return level if value > 0.0 else 1.0 - level


@inline
def _range(first, second):
    """Where practically all of a rate's probability lies: 30 deviations leave less than 1e-11."""
    mean = first / (first + second)
    spread = 30.0 * math.sqrt(mean * (1.0 - mean) / (first + second + 1.0))
    return max(0.0, mean - spread), min(1.0, mean + spread)


@inline
def _ends(first, second, value, cost):
    """Where practically all of a worth's probability lies."""
    low, high = _range(first, second)
    if value < 0.0:
        low, high = high, low
    return value * low - cost, value * high - cost


@serial
def _panel(first, second, value, cost, a, rivals, count, low, high):
    """Kronrod's and Gauss's estimate on one panel of a's rate."""
    centre, half = 0.5 * (low + high), 0.5 * (high - low)
    kronrod = gauss = 0.0
    for node in range(15):
        place = node if node < 8 else 14 - node
        p = centre + (-half if node < 8 else half) * NODES[place]
        level = beta_density(first[a], second[a], p)
        t = value[a] * p - cost[a]
        for c in range(count):
            if level <= 0.0:
                break
            b = rivals[c]
            level *= _below(first[b], second[b], value[b], cost[b], t)
        kronrod += KRONROD[place] * level
        gauss += GAUSS[place] * level
    return kronrod * half, gauss * half


@serial
def _integrate(first, second, value, cost, a, rivals, count):
    """Integrate over a's rate, panels on an explicit stack."""
    low, high = _range(first[a], second[a])
    stack = np.empty((DEPTH + 8, 2))
    for c in range(8):
        stack[c, 0] = low + (high - low) * c / 8.0
        stack[c, 1] = low + (high - low) * (c + 1) / 8.0
    height, total = 8, 0.0
    while height > 0:
        height -= 1
        left, right = stack[height, 0], stack[height, 1]
        kronrod, gauss = _panel(first, second, value, cost, a, rivals, count, left, right)
        middle = 0.5 * (left + right)
        if abs(kronrod - gauss) < TOLERANCE or height + 2 > DEPTH or not left < middle < right:
            total += kronrod
        else:
            stack[height, 0], stack[height, 1] = left, middle
            stack[height + 1, 0], stack[height + 1, 1] = middle, right
            height += 2
    return total


@serial
def winning_probability(first, second, value, cost, a, actions, number, rivals):
    """P(action a wins) among ``actions[:number]``, a included; ties go to the lowest index.

    ``first``, ``second`` float64[k] are the shapes; ``rivals`` int64[k] is scratch.
    """
    low, high = _ends(first[a], second[a], value[a], cost[a])
    count = 0
    for c in range(number):
        b = actions[c]
        if b == a:
            continue
        lower, upper = _ends(first[b], second[b], value[b], cost[b])
        if lower > high:
            return 0.0
        if low == high and lower == upper and (lower > low or (lower == low and b < a)):
            return 0.0
        if upper >= low and not low == high == lower == upper:
            rivals[count] = b
            count += 1
    if low < high:
        return _integrate(first, second, value, cost, a, rivals, count)
    level = 1.0
    for c in range(count):
        b = rivals[c]
        level *= _below(first[b], second[b], value[b], cost[b], low)
    return level


@serial
def taken_probability_into(begin, end, first, second, eligible, packing, values, costs, taken, out):
    """``out`` float64[n]: probability of the action ``taken`` int32[n], rows begin to end."""
    k = first.size
    value_step = 0 if values.shape[0] == 1 else 1
    cost_step = 0 if costs.shape[0] == 1 else 1
    actions, rivals = np.empty(k, np.int64), np.empty(k, np.int64)
    for i in range(begin, end):
        number = 0
        for a in range(k):
            if allowed(eligible, packing, i, a):
                actions[number] = a
                number += 1
        out[i] = 0.0
        if allowed(eligible, packing, i, taken[i]):
            out[i] = winning_probability(
                first, second, values[i * value_step], costs[i * cost_step], np.int64(taken[i]),
                actions, number, rivals,
            )  # fmt: skip


@serial
def all_probabilities_into(begin, end, first, second, eligible, packing, values, costs, out):
    """``out`` float64[n, k]: probability of every action, rows made to sum to one."""
    k = first.size
    value_step = 0 if values.shape[0] == 1 else 1
    cost_step = 0 if costs.shape[0] == 1 else 1
    actions, rivals = np.empty(k, np.int64), np.empty(k, np.int64)
    for i in range(begin, end):
        number = 0
        for a in range(k):
            out[i, a] = 0.0
            if allowed(eligible, packing, i, a):
                actions[number] = a
                number += 1
        total = 0.0
        for c in range(number):
            a = actions[c]
            out[i, a] = winning_probability(
                first, second, values[i * value_step], costs[i * cost_step], a, actions, number,
                rivals,
            )  # fmt: skip
            total += out[i, a]
        for c in range(number):
            out[i, actions[c]] /= total
