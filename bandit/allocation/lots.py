"""Lots: keyed random numbers of the allocation, apart from those of any policy's draws."""

from __future__ import annotations

import numpy as np

from bandit.checks.arrays import laid
from bandit.core.types import Float64, UInt64
from bandit.kernels import keyed_random

PRICE_SAMPLE = 101
THINNING = 102


def uniforms(seed: int, purpose: int, keys: UInt64, *, wave: int = 0, draw: int = 0) -> Float64:
    """One number in (0, 1) a customer, float64[n]."""
    stream = keyed_random.stream_key(
        np.uint64(seed), np.uint64(wave), np.uint64(draw), np.uint64(purpose)
    )
    out = np.empty(keys.shape[0])
    keyed_random.uniforms_into(np.uint64(stream), laid(keys), out)
    return out


def hashes(seed: int, wave: int, draw: int, keys: UInt64) -> UInt64:
    """The lots of planned contacts, uint64[n]: those with the smallest are kept."""
    lots = uniforms(seed, THINNING, keys, wave=wave, draw=draw)
    return (lots * 2.0**53).astype(np.uint64)
