"""Twins of the keyed draws, in Python's integers and SciPy's quantiles."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

_WORD = 0xFFFFFFFFFFFFFFFF
_GOLDEN = 0x9E3779B97F4A7C15


def mix(word: int) -> int:
    """SplitMix64's finaliser (Steele, Lea, Flood 2014, figure 16)."""
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 & _WORD
    word = (word ^ (word >> 27)) * 0x94D049BB133111EB & _WORD
    return word ^ (word >> 31)


def cell(seed: int, wave: int, key: int, action: int, draw: int, purpose: int) -> int:
    """64 bits of (seed, wave, customer, action, draw, purpose)."""
    stream = mix((seed + _GOLDEN) & _WORD)
    for part in (wave, draw, purpose):
        stream = mix(stream ^ ((part + _GOLDEN) & _WORD))
    row = mix(stream ^ mix((key + _GOLDEN) & _WORD))
    return mix((row + (action + 1) * _GOLDEN) & _WORD)


def normal(word: int) -> float:
    """The quantile that the upper 32 bits pick."""
    high = word >> 32
    tail = ((high & 0x7FFFFFFF) + 0.5) / 2.0**32
    return float(ndtri(tail)) * (1.0 if high >> 31 else -1.0)


def normals(seed, wave, keys, n_actions, draw, purpose):
    """float64[n, k]."""
    return np.array([
        [normal(cell(seed, wave, int(key), a, draw, purpose)) for a in range(n_actions)]
        for key in keys
    ])  # fmt: skip
