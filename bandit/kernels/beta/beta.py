"""Beta distribution: density, cumulative probability, and a table of quantiles that is fast.

The regularised incomplete beta function comes from its continued fraction (DLMF 8.17.22), evaluated
with Lentz's method on the side of the mean where it converges fast. The table holds each action's
quantiles ``Q(Φ(z))`` and their slopes on an even grid of z: a cubic between nodes is off by less
than 1e-8, which makes a draw one lookup of a keyed normal z. `beta_below` is the other way round.
"""

from __future__ import annotations

import math

import numpy as np

from bandit.core.types import Float64, Integer, UInt64
from bandit.kernels import keyed_random as kr
from bandit.kernels._compile import inline, serial, within
from bandit.kernels.stats.normal import cumulative, density, normal

LIMIT = 6.5
"""The grid spans [−LIMIT, LIMIT]: every draw lies within 6.34."""
NODES = 261
STEP = 2.0 * LIMIT / (NODES - 1)
_TINY = 1e-300
_PRECISION = 1e-15
_STEPS = 5000


@within
def _fraction(a: float, b: float, x: float) -> float:
    c = 1.0
    d = 1.0 - (a + b) * x / (a + 1.0)
    d = 1.0 / (d if abs(d) > _TINY else _TINY)
    h = d
    for m in range(1, _STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        d = 1.0 + even * d
        d = 1.0 / (d if abs(d) > _TINY else _TINY)
        c = 1.0 + even / c
        c = c if abs(c) > _TINY else _TINY
        h *= d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        d = 1.0 + odd * d
        d = 1.0 / (d if abs(d) > _TINY else _TINY)
        c = 1.0 + odd / c
        c = c if abs(c) > _TINY else _TINY
        h *= d * c
        if abs(d * c - 1.0) < _PRECISION:
            break
    return h


@within
def _log_front(a: float, b: float, x: float) -> float:
    return (
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
        + a * math.log(x) + b * math.log1p(-x)
    )  # fmt: skip


@serial
def beta_density(a: float, b: float, x: float) -> float:
    """Density of Beta(a, b) at x, zero outside (0, 1)."""
    if x <= 0.0 or x >= 1.0:
        return 0.0
    return math.exp(_log_front(a, b, x)) / (x * (1.0 - x))


@serial
def beta_cumulative(a: float, b: float, x: float) -> float:
    """I_x(a, b), clipped to 0 and 1 outside the unit interval."""
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    front = math.exp(_log_front(a, b, x))
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _fraction(a, b, x) / a
    return 1.0 - front * _fraction(b, a, 1.0 - x) / b


@serial
def beta_quantile(a: float, b: float, p: float) -> float:
    """Solve I_x(a, b) = p for x: Newton's steps kept inside a shrinking bracket."""
    low, high = 0.0, 1.0
    x = a / (a + b)
    for _ in range(200):
        gap = beta_cumulative(a, b, x) - p
        if gap > 0.0:
            high = x
        else:
            low = x
        slope = beta_density(a, b, x)
        step = x - gap / slope if slope > 0.0 else -1.0
        new = step if low < step < high else 0.5 * (low + high)
        if abs(new - x) <= 1e-14 * x or high - low < 1e-300:
            return new
        x = new
    return x


@serial
def table_into(
    begin: int, end: int, first: Float64, second: Float64, quantiles: Float64, slopes: Float64
) -> None:
    """``quantiles``, ``slopes`` float64[k, NODES] of Beta(first[a], second[a]) for some actions.

    Above the median the quantile is taken as one minus that of the mirrored Beta, whose small
    probabilities keep their digits.
    """
    for a in range(begin, end):
        for node in range(NODES):
            z = -LIMIT + node * STEP
            if z <= 0.0:
                x = beta_quantile(first[a], second[a], cumulative(z))
            else:
                x = 1.0 - beta_quantile(second[a], first[a], cumulative(-z))
            height = beta_density(first[a], second[a], x)
            quantiles[a, node] = x
            slopes[a, node] = STEP * density(z) / height if height > 0.0 else 0.0


@inline
def cubic(left: float, right: float, left_slope: float, right_slope: float, t: float) -> float:
    """Hermite's cubic at t in [0, 1]."""
    chord = right - left
    bend = left_slope + right_slope - 2.0 * chord
    return left + t * (left_slope + t * (chord - left_slope - bend + t * bend))


@serial
def quantile_at(quantiles: Float64, slopes: Float64, a: Integer, z: float) -> float:
    """Q(Φ(z)) of action a from the table."""
    place = min(max((z + LIMIT) / STEP, 0.0), NODES - 1.0000001)
    node = int(place)
    return cubic(
        quantiles[a, node], quantiles[a, node + 1], slopes[a, node], slopes[a, node + 1],
        place - node,
    )  # fmt: skip


@within
def place_in(left: float, right: float, rise: float, last: float, x: float, enough: float) -> float:
    """Solve `cubic` for its place in [0, 1], where it is x: Newton's steps in a bracket."""
    low, high = 0.0, 1.0
    t = (x - left) / (right - left) if right > left else 0.0
    for _ in range(40):
        gap = cubic(left, right, rise, last, t) - x
        if gap > 0.0:
            high = t
        else:
            low = t
        slope = rise + t * (last - rise)
        new = t - gap / slope if slope > 0.0 else -1.0
        new = new if low < new < high else 0.5 * (low + high)
        if abs(new - t) < enough:
            break
        t = new
    return t


@within
def cumulative_at(quantiles: Float64, slopes: Float64, a: Integer, x: float) -> float:
    """P(p ≤ x) for action a, by inverting the table: bisection to a cell, secants within it."""
    if x <= quantiles[a, 0]:
        return 0.0
    if x >= quantiles[a, NODES - 1]:
        return 1.0
    low, high = 0, NODES - 1
    while high - low > 1:
        middle = (low + high) >> 1
        if quantiles[a, middle] <= x:
            low = middle
        else:
            high = middle
    left, right = quantiles[a, low], quantiles[a, low + 1]
    t = place_in(left, right, slopes[a, low], slopes[a, low + 1], x, 1e-9)
    return cumulative(-LIMIT + (low + t) * STEP)


@serial
def beta_draws_into(
    begin: int, end: int, quantiles: Float64, slopes: Float64, stream: np.uint64, keys: UInt64,
    out: Float64,
) -> None:  # fmt: skip
    """``out`` float64[n, k]: a keyed draw a cell, the quantile that a keyed normal picks."""
    k = out.shape[1]
    for i in range(begin, end):
        row = kr.row_key(stream, keys[i])
        for a in range(k):
            z = np.float64(normal(kr.cell(row, np.uint64(a))))
            out[i, a] = quantile_at(quantiles, slopes, a, z)
