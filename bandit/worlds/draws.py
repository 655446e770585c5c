"""Counter-based draws: a number depends on the seed, a stream's name and the keys, on nothing else.

SplitMix64's finaliser (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators")
is applied once a key, so that customer 17 has the same age whether ten customers are generated or
ten million, and answers the same offer in the same wave alike whichever policy made it.
"""

from __future__ import annotations

import zlib

import numpy as np

from bandit.core.types import Array, Float64, UInt64

_GOLDEN = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1


def _mix(z: UInt64) -> UInt64:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def bits(seed: int, stream: str, *keys: Array) -> UInt64:
    """64 random bits for each element of the broadcast integer `keys`."""
    start = (seed * _GOLDEN + zlib.crc32(stream.encode())) & _MASK
    state = _mix(np.array([start], dtype=np.uint64))
    for key in keys:
        state = _mix(
            (state + np.uint64(_GOLDEN)) ^ np.atleast_1d(key).astype(np.int64).view(np.uint64)
        )
    return state


def uniform(seed: int, stream: str, *keys: Array) -> Float64:
    """Uniform on the open interval (0, 1), 53 bits."""
    return ((bits(seed, stream, *keys) >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


def logistic(seed: int, stream: str, *keys: Array) -> Float64:
    """Bell-shaped with mean 0 and standard deviation 1: the logistic distribution, scaled."""
    u = uniform(seed, stream, *keys)
    return np.asarray(np.log(u / (1.0 - u)) * (np.sqrt(3.0) / np.pi), dtype=np.float64)
