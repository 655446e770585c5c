"""Beta distribution: density, cumulative probability, quantile.

The regularised incomplete beta function by its continued fraction (DLMF 8.17.22), evaluated with
Lentz's method on the side of the mean where it converges fast.
"""

from __future__ import annotations

import math

import numpy as np

from bandit.kernels import keyed_random as kr
from bandit.kernels._compile import serial

_TINY = 1e-300
_PRECISION = 1e-15
_STEPS = 5000


@serial
def _fraction(a, b, x):
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


@serial
def _log_front(a, b, x):
    return (
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
        + a * math.log(x) + b * math.log1p(-x)
    )  # fmt: skip


@serial
def beta_density(a, b, x):
    """Density of Beta(a, b) at x, zero outside (0, 1)."""
    if x <= 0.0 or x >= 1.0:
        return 0.0
    return math.exp(_log_front(a, b, x)) / (x * (1.0 - x))


@serial
def beta_cumulative(a, b, x):
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
def beta_quantile(a, b, p):
    """Solve I_x(a, b) = p for x: Newton's steps kept inside a shrinking bracket."""
    low, high = 0.0, 1.0
    x = a / (a + b)
    for _ in range(100):
        gap = beta_cumulative(a, b, x) - p
        if gap > 0.0:
            high = x
        else:
            low = x
        slope = beta_density(a, b, x)
        step = x - gap / slope if slope > 0.0 else -1.0
        new = step if low < step < high else 0.5 * (low + high)
        if abs(new - x) <= 1e-14 * x or high - low < 1e-16:
            return new
        x = new
    return x


@serial
def beta_draws_into(begin, end, first, second, stream, keys, out):
    """``out`` float64[n, k]: a keyed draw of Beta(first[a], second[a]) a cell."""
    k = out.shape[1]
    for i in range(begin, end):
        row = kr.row_key(stream, keys[i])
        for a in range(k):
            out[i, a] = beta_quantile(first[a], second[a], kr.unit(kr.cell(row, np.uint64(a))))
