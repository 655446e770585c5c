"""Multinomial bootstrap over units (rows, clusters or groups of clusters).

Efron, Tibshirani (1993), An Introduction to the Bootstrap, chapter 6; resampling whole clusters
keeps what is dependent inside a cluster together. Replicate b is a function of (seed, b) alone.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import prange

from bandit.core.types import Float64, UInt64
from bandit.kernels._compile import parallel, serial
from bandit.kernels.keyed_random import GOLDEN, mix

_HALF = np.uint64(32)


@parallel
def resampled_totals_into(sums: Float64, seed: np.uint64, out: Float64) -> None:
    """Fill ``out`` [B, j] with column totals of u units of ``sums`` [u, j], drawn with replacement.

    ``seed`` uint64. prange over replicates; the draws of one are SplitMix64's stream.
    """
    units, columns = sums.shape
    for b in prange(out.shape[0]):
        stream = mix(mix(seed + GOLDEN) ^ (np.uint64(b) + GOLDEN))
        times = np.zeros(units, np.int32)
        for i in range(units):
            word = mix(stream + (np.uint64(i) + np.uint64(1)) * GOLDEN)
            times[np.int64(((word >> _HALF) * np.uint64(units)) >> _HALF)] += 1
        for j in range(columns):
            out[b, j] = 0.0
        for u in range(units):
            if times[u] > 0:
                for j in range(columns):
                    out[b, j] += times[u] * sums[u, j]


@serial
def hashed_groups_into(
    keys: UInt64, groups: int, seed: np.uint64, out: npt.NDArray[np.int64]
) -> None:
    """Fill ``out`` int64[n] with a group in [0, groups) for each of ``keys`` uint64[n]."""
    stream = mix(seed + GOLDEN)
    for i in range(keys.size):
        word = mix(stream ^ mix(keys[i] + GOLDEN))
        out[i] = np.int64(((word >> _HALF) * np.uint64(groups)) >> _HALF)
