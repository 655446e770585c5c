"""The posterior mean of the taken action."""

from __future__ import annotations

from bandit.core.types import Array
from bandit.kernels._compile import serial


@serial
def taken_mean_into(
    first: int, last: int, contexts: Array, mean: Array, action: Array, out: Array
) -> None:
    """``out[i] = x_i . theta_{a_i}`` for rows first to last.

    ``contexts`` float32[n, d], ``mean`` float64[k, d], ``action`` int32[n], ``out`` float64[n].
    Summed in float64 in the order of the features, so it is the same in every batch.
    """
    for i in range(first, last):
        total = 0.0
        for j in range(contexts.shape[1]):
            total += contexts[i, j] * mean[action[i], j]
        out[i] = total
