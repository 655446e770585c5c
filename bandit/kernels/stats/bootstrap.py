"""Studentised multinomial bootstrap over units (rows, clusters or groups of clusters).

Efron, Tibshirani (1993), An Introduction to the Bootstrap, chapters 6 and 12; resampling whole
clusters keeps what is dependent inside a cluster together. Replicate b is a function of (seed, b)
alone.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bandit.core.types import Array, Bool, Float64, UInt64
from bandit.kernels._compile import allocating, serial
from bandit.kernels.keyed_random import GOLDEN, mix

_HALF = np.uint64(32)


@allocating
def studentised_into(
    first: int,
    last: int,
    sums: Array,
    ratio: Bool,
    contrasts: npt.NDArray[np.int64],
    values: Float64,
    seed: np.uint64,
    out: Float64,
) -> None:
    """Fill ``out`` [B, C] with t* = (θ* - θ)/se* of C values or paired differences.

    ``sums`` [u, P, 4] of u units: Σ q̂π, Σ ŵ(r - q̂), Σ ŵ and rows of P policies; ``ratio`` [P]
    whether a policy divides by Σ ŵ. Contrast c is policy ``contrasts`` [c, 0] less [c, 1], or
    alone where that is -1; ``values`` [C] is θ. se* is the delta method's on the replicate itself,
    √(u/(u-1) Σ m ψ*²); t* is ±infinity where nothing varies in it. Replicates first to last; the
    draws of one are SplitMix64's stream. Efron, Tibshirani (1993), section 12.5.
    """
    units, policies = sums.shape[:2]
    many = contrasts.shape[0]
    for b in range(first, last):
        stream = mix(mix(seed + GOLDEN) ^ (np.uint64(b) + GOLDEN))
        times = np.zeros(units, np.int32)
        for i in range(units):
            word = mix(stream + (np.uint64(i) + np.uint64(1)) * GOLDEN)
            times[np.int64(((word >> _HALF) * np.uint64(units)) >> _HALF)] += 1
        total = np.zeros((policies, 4))
        for u in range(units):
            if times[u] > 0:
                for p in range(policies):
                    for j in range(4):
                        total[p, j] += times[u] * sums[u, p, j]
        each, rho, below = np.empty(policies), np.empty(policies), np.empty(policies)
        for p in range(policies):
            below[p] = total[p, 2] if ratio[p] else total[p, 3]
            rho[p] = total[p, 1] / below[p] if below[p] > 0.0 else np.nan
            each[p] = total[p, 0] / total[p, 3] + rho[p]
        squares, effect = np.zeros(many), np.empty(policies)
        for u in range(units):
            if times[u] > 0:
                for p in range(policies):
                    size = sums[u, p, 2] if ratio[p] else sums[u, p, 3]
                    centred = sums[u, p, 0] - total[p, 0] / total[p, 3] * sums[u, p, 3]
                    effect[p] = centred / total[p, 3] + (sums[u, p, 1] - rho[p] * size) / below[p]
                for c in range(many):
                    one, other = contrasts[c]
                    gap = effect[one] - effect[other] if other >= 0 else effect[one]
                    squares[c] += times[u] * gap * gap
        for c in range(many):
            one, other = contrasts[c]
            moved = each[one] - (each[other] if other >= 0 else 0.0) - values[c]
            error = np.sqrt(units / (units - 1.0) * squares[c])
            out[b, c] = moved / error if error > 0.0 else np.sign(moved) * np.inf


@serial
def hashed_groups_into(
    keys: UInt64, groups: int, seed: np.uint64, out: npt.NDArray[np.int64]
) -> None:
    """Fill ``out`` int64[n] with a group in [0, groups) for each of ``keys`` uint64[n]."""
    stream = mix(seed + GOLDEN)
    for i in range(keys.size):
        word = mix(stream ^ mix(keys[i] + GOLDEN))
        out[i] = np.int64(((word >> _HALF) * np.uint64(groups)) >> _HALF)
