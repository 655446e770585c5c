"""Normal distribution: quantiles for draws, cumulative probabilities for propensities."""

from __future__ import annotations

import math

import numpy as np

from bandit.kernels._compile import inline

_ROOT_HALF = math.sqrt(0.5)
DENSITY_PEAK = 1.0 / math.sqrt(2.0 * math.pi)

# Giles (2010), "Approximating the erfinv function", GPU Computing Gems 2, table 5 (single
# precision): erfinv(x)/x as a polynomial in w - 2.5 for w < 5, in sqrt(w) - 3 beyond, where
# w = -log(1 - x²). Relative error below 4e-7.
_CENTRE = (
    2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
    -0.00125372503, -0.00417768164, 0.246640727, 1.50140941,
)  # fmt: skip
_TAIL = (
    -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773,
    -0.0076224613, 0.00943887047, 1.00167406, 2.83297682,
)  # fmt: skip
_LOW_31 = np.uint64(0x7FFFFFFF)
_S32, _S63 = np.uint64(32), np.uint64(63)


@inline
def cumulative(z):
    """Φ(z) to full float64 precision, tails included."""
    return 0.5 * math.erfc(-z * _ROOT_HALF)


@inline
def density(z):
    """φ(z)."""
    return DENSITY_PEAK * math.exp(-0.5 * z * z)


@inline
def normal(word):
    """Turn 64 random bits into a standard normal: the upper 32 pick the quantile.

    Sign from the top bit, tail probability ``t = (h + 1/2)/2³²`` from the 31 bits below it, so
    that both tails reach 6.3 standard deviations with full relative precision.
    """
    tail = (np.float64((word >> _S32) & _LOW_31) + 0.5) * 2.0**-32
    w = -math.log(4.0 * tail * (1.0 - tail))
    near = w < 5.0
    u = w - 2.5 if near else math.sqrt(w) - 3.0
    p = _CENTRE[0] if near else _TAIL[0]
    for c in range(1, 9):
        p = p * u + (_CENTRE[c] if near else _TAIL[c])
    z = p * (1.0 - 2.0 * tail) * math.sqrt(2.0)
    return -z if (word >> _S63) != 0 else z
