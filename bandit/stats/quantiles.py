"""Quantiles and tails of the normal, of Student's t and of chi-square, without SciPy."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from bandit.core.types import Float64

_TINY = 1e-300
_MANY = 1000.0
"""Degrees of freedom from which the expansion's next term, about z¹¹/ν⁵, is below rounding."""
_NORMAL = NormalDist()


def normal_quantile(probability: float) -> float:
    """Solve Φ(z) = probability."""
    return _NORMAL.inv_cdf(probability)


def normal_tail(z: float) -> float:
    """Two-sided p-value P(|Z| > |z|)."""
    return math.erfc(abs(z) / math.sqrt(2.0))


def student_t_tail(t: float, freedom: float) -> float:
    """Two-sided p-value P(|T| > |t|) with ``freedom`` degrees of freedom."""
    return 2.0 * _student_t_tail(abs(t), freedom)


def bennett_tail(excess: Float64, variance: Float64 | float, largest: Float64 | float) -> Float64:
    """Bound of P(sum ≥ ``excess``), float64[m], of independent terms with mean 0 and sums apart.

    ``variance`` is that of the sum, ``largest`` what no term exceeds. Of rows drawn without
    replacement too (Hoeffding 1963, section 6). Where terms are many and none is large it is little
    above a normal's tail; where few can move the sum it stays true and a normal's does not.
    Bennett (1962), Probability inequalities for the sum of independent random variables.
    """
    t, v = np.broadcast_arrays(np.maximum(excess, 0.0), variance)
    b = np.broadcast_to(largest, t.shape)
    moving = (v > 0.0) & (b > 0.0) & (t > 0.0)
    t, v, b = t[moving], v[moving], b[moving]
    u = b * t / v
    height = np.where(u > 1e-4, ((1.0 + u) * np.log1p(u) - u) / np.square(u), 0.5 - u / 6.0)
    out = np.ones(moving.shape)
    out[moving] = np.exp(-t * t / v * height)
    return out


def chi_square_tail(x: float, freedom: int) -> float:
    """P(X > x) of chi-square with a whole number of degrees of ``freedom``.

    Q(ν/2, x/2) by the recurrence Q(a + 1, y) = Q(a, y) + y^a e^-y / Γ(a + 1), from erfc(√y) or e^-y
    (Abramowitz, Stegun 26.4.4, 26.4.5).
    """
    if x <= 0.0:
        return 1.0
    y, odd = 0.5 * x, freedom % 2 == 1
    tail, a = (math.erfc(math.sqrt(y)), 0.5) if odd else (math.exp(-y), 1.0)
    while a < 0.5 * freedom:
        tail += math.exp(a * math.log(y) - y - math.lgamma(a + 1.0))
        a += 1.0
    return min(tail, 1.0)


def student_t_quantile(probability: float, freedom: float) -> float:
    """Solve P(T ≤ t) = probability with ``freedom`` degrees of freedom, to about 1e-12.

    Newton steps on the distribution function, started at the normal quantile and kept in a bracket;
    from 1000 degrees of freedom on Fisher's expansion (Abramowitz, Stegun 26.7.5).
    """
    if freedom >= _MANY:
        return _expansion(normal_quantile(probability), freedom)
    if probability < 0.5:
        return -student_t_quantile(1.0 - probability, freedom)
    if probability == 0.5:
        return 0.0
    low, high = 0.0, 1.0
    while _student_t_tail(high, freedom) > 1.0 - probability:
        low, high = high, 2.0 * high
    t = min(max(normal_quantile(probability), low), high)
    for _ in range(200):
        excess = 1.0 - probability - _student_t_tail(t, freedom)
        low, high = (t, high) if excess < 0.0 else (low, t)
        step = t - excess / _student_t_density(t, freedom)
        following = step if low < step < high else 0.5 * (low + high)
        if abs(following - t) <= 1e-15 * t:
            return following
        t = following
    return t


def _expansion(z: float, freedom: float) -> float:
    q = z * z
    terms = (
        z * (q + 1) / 4,
        z * ((5 * q + 16) * q + 3) / 96,
        z * (((3 * q + 19) * q + 17) * q - 15) / 384,
        z * ((((79 * q + 776) * q + 1482) * q - 1920) * q - 945) / 92160,
    )
    return z + sum(term / freedom ** (i + 1) for i, term in enumerate(terms))


def _student_t_density(t: float, freedom: float) -> float:
    half = 0.5 * (freedom + 1.0)
    log_scale = math.lgamma(half) - math.lgamma(0.5 * freedom) - 0.5 * math.log(freedom * math.pi)
    return math.exp(log_scale - half * math.log1p(t * t / freedom))


def _student_t_tail(t: float, freedom: float) -> float:
    """P(T > t) for t ≥ 0: half the regularised incomplete beta function."""
    return 0.5 * _incomplete_beta(
        0.5 * freedom, 0.5, freedom / (freedom + t * t), t * t / (freedom + t * t)
    )


def _incomplete_beta(a: float, b: float, x: float, y: float) -> float:
    """I_x(a, b) with y = 1 - x; Lentz's continued fraction (Abramowitz, Stegun 26.5.8)."""
    if y <= 0.0:
        return 1.0
    if x <= 0.0:
        return 0.0
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * _log(x, y) + b * _log(y, x)
    )
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _fraction(a, b, x) / a
    return 1.0 - front * _fraction(b, a, y) / b


def _log(x: float, complement: float) -> float:
    """Logarithm of x, exact also where x is next to one."""
    return math.log1p(-complement) if complement < 0.5 else math.log(x)


def _fraction(a: float, b: float, x: float) -> float:
    c, d = 1.0, 1.0 / _away_from_zero(1.0 - (a + b) * x / (a + 1.0))
    result = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        for term in (even, odd):
            d = 1.0 / _away_from_zero(1.0 + term * d)
            c = _away_from_zero(1.0 + term / c)
            result *= c * d
        if abs(c * d - 1.0) < 1e-16:
            break
    return result


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
