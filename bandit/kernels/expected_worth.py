"""What each contact is expected to be worth above leaving the customer in peace."""

from __future__ import annotations

import numba
import numpy as np

from bandit.kernels._compile import parallel_fast
from bandit.types import Array


@parallel_fast
def expected_worth_into(
    contexts: Array, mean: Array, values: Array, costs: Array, out: Array
) -> None:
    """``out[i, a] = v_ia x_i.theta_a - c_a - (v_i0 x_i.theta_0 - c_0)``, float32[n, k].

    ``contexts`` float32[n, d], ``mean`` float32[d, k], features first so that the inner loop runs
    over actions side by side; ``values`` float32[n or 1, k], ``costs`` float32[k]. An element is
    summed in the order of the features, so it is the same in every batch. Fast-math lets a product
    and a sum be one instruction; contexts and posteriors are finite when they come here. ``prange``
    runs over customers.
    """
    n, d = contexts.shape
    k = mean.shape[1]
    each = values.shape[0] > 1
    for i in numba.prange(n):
        row = out[i]
        value = values[i] if each else values[0]
        row[:] = np.float32(0.0)
        for j in range(d):
            x = contexts[i, j]
            for a in range(k):
                row[a] += x * mean[j, a]
        quiet = value[0] * row[0] - costs[0]
        for a in range(k):
            row[a] = value[a] * row[a] - costs[a] - quiet
