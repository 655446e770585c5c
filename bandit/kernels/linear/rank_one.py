"""Rows learned one at a time, the factor kept: ``L Lᵀ + w x xᵀ = L' L'ᵀ`` in d² steps.

Givens rotations fold ``√w x`` into the factor (Gill, Golub, Murray, Saunders 1974, method C1). Each
diagonal element becomes ``√(l² + y²) ≥ l``: it never falls, so the factor stays positive definite
after any number of steps.
"""

from __future__ import annotations

import math

import numpy as np

from bandit.core.types import Array, Float64, Int64
from bandit.kernels._compile import allocating, serial, within


@within
def update_into(lower: Float64, row: Float64) -> None:
    """Fold ``row`` float64[d] (overwritten) into the lower triangular ``lower`` [d, d]."""
    d = row.size
    for j in range(d):
        y = row[j]
        if y == 0.0:
            continue
        old = lower[j, j]
        new = math.hypot(old, y)
        cosine, sine = old / new, y / new
        lower[j, j] = new
        for i in range(j + 1, d):
            value = lower[i, j]
            lower[i, j] = cosine * value + sine * row[i]
            row[i] = cosine * row[i] - sine * value


@allocating
def learn_into(
    contexts: Array, actions: Int64, rewards: Float64, weights: Float64, lower: Float64,
    gram: Float64, shift: Float64, sums: Float64,
) -> None:  # fmt: skip
    """Learn n rows in their order: factors [k, d, d], sums as in `gram.accumulate_into`."""
    n, d = contexts.shape
    row = np.empty(d)
    for i in range(n):
        a, weight, reward = actions[i], weights[i], rewards[i]
        root = math.sqrt(weight)
        for j in range(d):
            x = np.float64(contexts[i, j])
            for c in range(j + 1):
                gram[a, j, c] += weight * x * contexts[i, c]
            shift[a, j] += weight * reward * x
            row[j] = root * x
        sums[a, 0] += weight
        sums[a, 1] += weight * reward
        sums[a, 2] += weight * reward * reward
        update_into(lower[a], row)


@serial
def solve_into(lower: Float64, shift: Float64, out: Float64) -> None:
    """``out`` = (L Lᵀ)⁻¹ shift, float64[d]."""
    d = shift.size
    for i in range(d):
        total = shift[i]
        for j in range(i):
            total -= lower[i, j] * out[j]
        out[i] = total / lower[i, i]
    for i in range(d - 1, -1, -1):
        total = out[i]
        for j in range(i + 1, d):
            total -= lower[j, i] * out[j]
        out[i] = total / lower[i, i]
