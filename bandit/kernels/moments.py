"""Posterior means and widths of every action, row by row in float64.

``μ = xᵀA⁻¹b`` and ``s = √(xᵀA⁻¹x) = |W x|``, prange over rows; sums in a fixed order.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from bandit.kernels._compile import parallel


@parallel
def means_into(contexts, mean, out):
    """``out`` float64[n, k] = contexts [n, d] · meanᵀ [k, d]."""
    n, d = contexts.shape
    for i in prange(n):
        for a in range(mean.shape[0]):
            total = 0.0
            for j in range(d):
                total += np.float64(contexts[i, j]) * mean[a, j]
            out[i, a] = total


@parallel
def widths_into(contexts, inverse, out):
    """``out`` float64[n, k] = |W_a x_i|, ``inverse`` [k, d, d] lower triangular."""
    n, d = contexts.shape
    for i in prange(n):
        x = contexts[i].astype(np.float64)
        for a in range(inverse.shape[0]):
            square = 0.0
            for r in range(d):
                total = 0.0
                for j in range(r + 1):
                    total += inverse[a, r, j] * x[j]
                square += total * total
            out[i, a] = np.sqrt(square)
