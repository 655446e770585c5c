"""Normal distribution: quantiles for draws, cumulative probabilities for propensities."""

from __future__ import annotations

import math

import numpy as np

from bandit.kernels._compile import inline

_ROOT_HALF = math.sqrt(0.5)
DENSITY_PEAK = 1.0 / math.sqrt(2.0 * math.pi)

# Giles (2010), "Approximating the erfinv function", GPU Computing Gems 2, table 5 (single
# precision): erfinv(x)/x as a polynomial in w - 2.5 for w < 5, in sqrt(w) - 3 beyond, where
# w = -log(1 - x²). The cumulative probability of what comes out is off by less than 1e-7.
_C0, _T0 = np.float32(2.81022636e-08), np.float32(-0.000200214257)
_C1, _T1 = np.float32(3.43273939e-07), np.float32(0.000100950558)
_C2, _T2 = np.float32(-3.5233877e-06), np.float32(0.00134934322)
_C3, _T3 = np.float32(-4.39150654e-06), np.float32(-0.00367342844)
_C4, _T4 = np.float32(0.00021858087), np.float32(0.00573950773)
_C5, _T5 = np.float32(-0.00125372503), np.float32(-0.0076224613)
_C6, _T6 = np.float32(-0.00417768164), np.float32(0.00943887047)
_C7, _T7 = np.float32(0.246640727), np.float32(1.00167406)
_C8, _T8 = np.float32(1.50140941), np.float32(2.83297682)
# log(1 + u) = u − u²/2 + u³·P(u) on [√½, √2): minimax coefficients of Cephes' logf.
_L0, _L1, _L2 = (
    np.float32(7.0376836292e-2),
    np.float32(-1.1514610310e-1),
    np.float32(1.1676998740e-1),
)
_L3, _L4, _L5 = (
    np.float32(-1.2420140846e-1),
    np.float32(1.4249322787e-1),
    np.float32(-1.6668057665e-1),
)
_L6, _L7, _L8 = (
    np.float32(2.0000714765e-1),
    np.float32(-2.4999993993e-1),
    np.float32(3.3333331174e-1),
)
_LN2 = np.float32(0.6931471805599453)
_HALF, _ONE, _TWO, _FOUR = np.float32(0.5), np.float32(1.0), np.float32(2.0), np.float32(4.0)
_FIVE, _MIDDLE, _THREE = np.float32(5.0), np.float32(2.5), np.float32(3.0)
_CELL = np.float32(2.0**-32)
_ROOT_2 = np.float32(math.sqrt(2.0))
_LOW_31 = np.uint32(0x7FFFFFFF)
_SIGN = np.uint32(0x80000000)
_SHIFT_23, _BIAS = np.int32(23), np.int32(0x3F3504F3)  # √½ in bits
_S32 = np.uint64(32)


@inline
def cumulative(z: float) -> float:
    """Φ(z) to full float64 precision, tails included."""
    return 0.5 * math.erfc(-z * _ROOT_HALF)


@inline
def density(z: float) -> float:
    """φ(z)."""
    return DENSITY_PEAK * math.exp(-0.5 * z * z)


@inline
def _log(x: np.float32) -> np.float32:
    """Natural logarithm of a positive normal float32, relative error below 2e-7, no branches."""
    bits = np.float32(x).view(np.int32)
    shifted = np.int32(bits - _BIAS)
    exponent = np.int32(shifted >> _SHIFT_23)
    u = np.int32(bits - np.int32(exponent << _SHIFT_23)).view(np.float32) - _ONE
    p = (
        (((((((_L0 * u + _L1) * u + _L2) * u + _L3) * u + _L4) * u + _L5) * u + _L6) * u + _L7) * u
    ) + _L8
    square = u * u
    return np.float32(exponent) * _LN2 + (u * square * p - _HALF * square + u)


@inline
def _tail(high: np.uint32) -> np.float32:
    """Tail probability ``(h + 1/2)/2³²`` from the 31 lower bits, full relative precision."""
    return (np.float32(np.int32(high & _LOW_31)) + _HALF) * _CELL


@inline
def log_tail(high: np.uint32) -> np.float32:
    """``−log(4·t·(1 − t))``, the polynomials' argument, from the upper 32 bits of a word."""
    tail = _tail(high)
    return -_log(_FOUR * tail * (_ONE - tail))


@inline
def quantile(high: np.uint32, w: np.float32) -> np.float32:
    """Giles's two polynomials, chosen without a branch; the sign is the top bit of ``high``."""
    tail = _tail(high)
    near = w < _FIVE
    root = np.sqrt(max(w, _FIVE))
    u = (w - _MIDDLE) if near else (root - _THREE)
    p = _C0 if near else _T0
    p = p * u + (_C1 if near else _T1)
    p = p * u + (_C2 if near else _T2)
    p = p * u + (_C3 if near else _T3)
    p = p * u + (_C4 if near else _T4)
    p = p * u + (_C5 if near else _T5)
    p = p * u + (_C6 if near else _T6)
    p = p * u + (_C7 if near else _T7)
    p = p * u + (_C8 if near else _T8)
    z = np.float32(p * (_ONE - _TWO * tail) * _ROOT_2)
    return np.uint32(np.float32(z).view(np.uint32) ^ (high & _SIGN)).view(np.float32)


@inline
def normal(word: np.uint64) -> np.float32:
    """Turn one word of random bits into a float32 standard normal by inversion.

    The upper 32 bits pick the quantile: the sign from the top bit, both tails to 6.3 standard
    deviations. `log_tail` and `quantile` are its two halves: in loops of their own over many words
    they keep the vector units busier than one long dependent chain.
    """
    high = np.uint32(word >> _S32)
    return quantile(high, log_tail(high))
