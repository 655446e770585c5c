"""What each contact is expected to be worth above leaving the customer in peace."""

from __future__ import annotations

import numba

from bandit.kernels._compile import parallel
from bandit.types import Array


@parallel
def expected_worth_into(
    contexts: Array, mean: Array, values: Array, costs: Array, out: Array
) -> None:
    """``out[i, a] = v_ia x_i.theta_a - c_a - (v_i0 x_i.theta_0 - c_0)``, float32[n, k].

    ``contexts`` float32[n, d], ``mean`` float64[k, d], ``values`` float32[n or 1, k], ``costs``
    float64[k]. Each row is summed in float64 in the order of the features, so that it is the same
    in every batch. ``prange`` runs over customers.
    """
    n, d = contexts.shape
    k = mean.shape[0]
    each = values.shape[0] > 1
    for i in numba.prange(n):
        quiet = 0.0
        for a in range(k):
            total = 0.0
            for j in range(d):
                total += contexts[i, j] * mean[a, j]
            value = values[i, a] if each else values[0, a]
            worth = value * total - costs[a]
            if a == 0:
                quiet = worth
            out[i, a] = worth - quiet
