"""Random numbers that are a function of what they are for, not of when they are drawn.

A draw is keyed on (seed, wave, customer, action, draw, purpose): a row key is mixed from all but
the action, and the actions' numbers are the SplitMix64 stream that starts at the row key (Steele,
Lea, Flood 2014, "Fast splittable pseudorandom number generators", OOPSLA). Integer work only, no
branches, no state: the same number comes out in any order, on any number of threads.
"""

from __future__ import annotations

import numpy as np

from bandit.core.types import Float64, UInt64
from bandit.kernels._compile import anywhere, inline, serial

# The golden ratio in 64 bits, and the finaliser of SplitMix64 (variant 13 of Stafford's mixers).
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_UNIT = 2.0**-53

HOLDOUT, SHARE, EXPLORE, EXPLORE_PICK, UNIFORM_PICK, EPSILON, EPSILON_PICK, SAMPLE = range(1, 9)
LAYER, ARM = 9, 10
"""Purposes: draws for different purposes never meet."""


@anywhere
def mix(word: np.uint64) -> np.uint64:
    """Scatter 64 bits (a bijection): SplitMix64's finaliser."""
    word = (word ^ (word >> _S30)) * _MIX_1
    word = (word ^ (word >> _S27)) * _MIX_2
    return word ^ (word >> _S31)


def stream_key(seed: np.uint64, wave: np.uint64, draw: np.uint64, purpose: np.uint64) -> np.uint64:
    """Mix what all rows of a call share into one word."""
    with np.errstate(over="ignore"):
        word = mix(np.uint64(seed) + GOLDEN)
        word = mix(word ^ (np.uint64(wave) + GOLDEN))
        word = mix(word ^ (np.uint64(draw) + GOLDEN))
        return mix(word ^ (np.uint64(purpose) + GOLDEN))


@inline
def row_key(stream: np.uint64, customer: np.uint64) -> np.uint64:
    """Mix a customer's key into the stream."""
    return mix(stream ^ mix(customer + GOLDEN))


@inline
def cell(row: np.uint64, action: int | np.uint64) -> np.uint64:
    """64 random bits for one action of a row."""
    return mix(row + (np.uint64(action) + np.uint64(1)) * GOLDEN)


@inline
def unit(word: np.uint64) -> float:
    """Uniform on the open interval (0, 1): the upper 53 bits, at the middle of their cell."""
    return (np.float64(word >> _S11) + 0.5) * _UNIT


@serial
def uniforms_into(stream: np.uint64, keys: UInt64, out: Float64) -> None:
    """One uniform a row: ``out`` float64[n] from ``keys`` uint64[n]."""
    for i in range(keys.size):
        out[i] = unit(cell(row_key(stream, keys[i]), 0))
