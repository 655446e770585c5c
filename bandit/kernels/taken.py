"""The posterior mean of the taken action."""

from __future__ import annotations

import numba

from bandit.kernels._compile import parallel
from bandit.types import Array


@parallel
def taken_mean_into(contexts: Array, mean: Array, action: Array, out: Array) -> None:
    """``out[i] = x_i . theta_{a_i}``: contexts float32[n, d], mean float64[k, d], action int32[n].

    Summed in float64 in the order of the features, so it is the same in every batch. ``prange``
    runs over customers.
    """
    for i in numba.prange(contexts.shape[0]):
        total = 0.0
        for j in range(contexts.shape[1]):
            total += contexts[i, j] * mean[action[i], j]
        out[i] = total
