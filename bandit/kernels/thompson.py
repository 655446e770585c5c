"""Probability that one action's sampled worth is the largest, by quadrature over the contenders.

``P(a) = ∫ f_a(t) Π_{b≠a} F_b(t) dt`` where f, F are density and distribution of the sampled worth
``v·θ − c``: normal for linear Thompson sampling (Agrawal, Goyal 2013), scaled Beta for
Beta–Bernoulli (Chapelle, Li 2011). Adaptive Gauss–Kronrod (7, 15) panels (Piessens and others 1983,
QUADPACK), error below 1e-8 by its own estimate; contenders that lose with probability 1 − 1e-10
are left out.
"""

from __future__ import annotations

import math

import numpy as np
from numba import prange

from bandit.kernels._compile import inline, parallel, serial
from bandit.kernels.beta import beta_cumulative, beta_density
from bandit.kernels.normal import cumulative, density
from bandit.kernels.worth import allowed

NORMAL, BETA = range(2)
REACH = 6.5
"""Standard deviations beyond which a normal's tail (4e-11) is not looked at."""
_TOLERANCE = 1e-9
_DEPTH = 60

_NODES = np.array([
    0.991455371120812639206854697526329, 0.949107912342758524526189684047851,
    0.864864423359769072789712788640926, 0.741531185599394439863864773280788,
    0.586087235467691130294144691258080, 0.405845151377397166906606412076961,
    0.207784955007898467600689403773245, 0.0,
])  # fmt: skip
_KRONROD = np.array([
    0.022935322010529224963732008058970, 0.063092092629978553290700663189204,
    0.104790010322250183839876322541518, 0.140653259715525918745189590510238,
    0.169004726639267902826583426598550, 0.190350578064785409913256402421014,
    0.204432940075298892414161999234649, 0.209482141084727828012999174891714,
])  # fmt: skip
_GAUSS = np.array([
    0.0, 0.129484966168869693270611432679082, 0.0, 0.279705391489276667901467771423780,
    0.0, 0.381830050505118944950369775488975, 0.0, 0.417959183673469387755102040816327,
])  # fmt: skip


@inline
def _below(kind, first, second, value, cost, t):
    """Distribution of the worth at t: P(value·θ − cost ≤ t)."""
    if value == 0.0 or (kind == 0 and second == 0.0):
        return 1.0 if value * first - cost <= t else 0.0
    if kind == 0:
        return cumulative((t + cost - value * first) / (abs(value) * second))
    level = beta_cumulative(first, second, (t + cost) / value)
    return level if value > 0.0 else 1.0 - level


@inline
def _density(kind, first, second, value, cost, t):
    if kind == 0:
        scale = abs(value) * second
        return density((t + cost - value * first) / scale) / scale
    return beta_density(first, second, (t + cost) / value) / abs(value)


@inline
def _ends(kind, first, second, value, cost):
    """Where practically all of the worth's probability lies."""
    if kind == 0:
        centre = value * first - cost
        reach = abs(value) * second * REACH
        return centre - reach, centre + reach
    mean = first / (first + second)
    spread = math.sqrt(mean * (1.0 - mean) / (first + second + 1.0))
    # A Beta's tail is no heavier than a Gamma's: 30 standard deviations leave less than 1e-11.
    low, high = max(0.0, mean - 30.0 * spread), min(1.0, mean + 30.0 * spread)
    if value < 0.0:
        low, high = high, low
    return value * low - cost, value * high - cost


@serial
def _panel(kind, first, second, value, cost, a, rivals, number, low, high):
    """Kronrod's and Gauss's estimate on one panel."""
    centre, half = 0.5 * (low + high), 0.5 * (high - low)
    kronrod = gauss = 0.0
    for node in range(15):
        place = node if node < 8 else 14 - node
        sign = -1.0 if node < 8 else 1.0
        t = centre + sign * half * _NODES[place]
        level = _density(kind, first[a], second[a], value[a], cost[a], t)
        for c in range(number):
            if level <= 0.0:
                break
            b = rivals[c]
            level *= _below(kind, first[b], second[b], value[b], cost[b], t)
        kronrod += _KRONROD[place] * level
        gauss += _GAUSS[place] * level
    return kronrod * half, gauss * half


@serial
def _integrate(kind, first, second, value, cost, a, rivals, number, low, high):
    """Integrate adaptively over [low, high], panels on an explicit stack."""
    stack = np.empty((_DEPTH + 4, 2))
    for c in range(4):
        stack[c, 0] = low + (high - low) * c / 4.0
        stack[c, 1] = low + (high - low) * (c + 1) / 4.0
    height, total = 4, 0.0
    while height > 0:
        height -= 1
        left, right = stack[height, 0], stack[height, 1]
        kronrod, gauss = _panel(kind, first, second, value, cost, a, rivals, number, left, right)
        middle = 0.5 * (left + right)
        if abs(kronrod - gauss) < _TOLERANCE or height + 2 > _DEPTH or not left < middle < right:
            total += kronrod
        else:
            stack[height, 0], stack[height, 1] = left, middle
            stack[height + 1, 0], stack[height + 1, 1] = middle, right
            height += 2
    return total


@serial
def winning_probability(kind, first, second, value, cost, a, actions, number):
    """P(action a wins) among ``actions[:number]``, a included; ties go to the lowest index.

    ``first``, ``second`` are mean and standard deviation (normal) or the two shapes (Beta).
    """
    low, high = _ends(kind, first[a], second[a], value[a], cost[a])
    rivals = np.empty(number, np.int64)
    count = 0
    floor = -np.inf
    for c in range(number):
        b = actions[c]
        if b != a:
            floor = max(floor, _ends(kind, first[b], second[b], value[b], cost[b])[0])
    for c in range(number):
        b = actions[c]
        lower, upper = _ends(kind, first[b], second[b], value[b], cost[b])
        if b == a or upper < max(floor, low):
            continue
        if lower == upper and low != high:
            # A certain rival: only what lies above it wins.
            low = max(low, lower)
            continue
        rivals[count] = b
        count += 1
    if low > high:
        return 0.0
    if low < high:
        low = max(low, floor)
        if low >= high:
            return 0.0
        return _integrate(kind, first, second, value, cost, a, rivals, count, low, high)
    level = 1.0
    for c in range(count):
        b = rivals[c]
        lower, upper = _ends(kind, first[b], second[b], value[b], cost[b])
        if lower == upper:
            if lower > low or (lower == low and b < a):
                return 0.0
        else:
            level *= _below(kind, first[b], second[b], value[b], cost[b], low)
    return level


@parallel
def taken_probability_into(kind, first, second, eligible, packing, values, costs, taken, out):
    """``out`` float64[n]: probability of the action ``taken`` int32[n]; prange over rows.

    ``first``, ``second`` float64[1 or n, k].
    """
    k = first.shape[1]
    step = 0 if first.shape[0] == 1 else 1
    value_step = 0 if values.shape[0] == 1 else 1
    cost_step = 0 if costs.shape[0] == 1 else 1
    for i in prange(taken.size):
        actions = np.empty(k, np.int64)
        number = 0
        for a in range(k):
            if allowed(eligible, packing, i, a):
                actions[number] = a
                number += 1
        out[i] = 0.0
        if allowed(eligible, packing, i, taken[i]):
            out[i] = winning_probability(
                kind, first[i * step], second[i * step], values[i * value_step],
                costs[i * cost_step], taken[i], actions, number,
            )  # fmt: skip


@parallel
def all_probabilities_into(kind, first, second, eligible, packing, values, costs, out):
    """``out`` float64[n, k]: probability of every action, rows made to sum to one."""
    n, k = out.shape
    step = 0 if first.shape[0] == 1 else 1
    value_step = 0 if values.shape[0] == 1 else 1
    cost_step = 0 if costs.shape[0] == 1 else 1
    for i in prange(n):
        actions = np.empty(k, np.int64)
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
                kind, first[i * step], second[i * step], values[i * value_step],
                costs[i * cost_step], a, actions, number,
            )  # fmt: skip
            total += out[i, a]
        for c in range(number):
            out[i, actions[c]] /= total
