"""Twins of the linear kernels, written from the formulas in float64."""

from __future__ import annotations

import numpy as np


def ridge_sums(contexts, actions, rewards, weights, n_actions):
    """Row by row: G = Σ w x xᵀ, b = Σ w r x, counts, Σ w r, Σ w r²."""
    d = contexts.shape[1]
    gram, shift = np.zeros((n_actions, d, d)), np.zeros((n_actions, d))
    sums = np.zeros((n_actions, 3))
    for x, a, r, w in zip(contexts.astype(np.float64), actions, rewards, weights, strict=True):
        gram[a] += w * np.outer(x, x)
        shift[a] += w * r * x
        sums[a] += w, w * r, w * r * r
    return gram, shift, sums


def moments(gram, shift, ridge, contexts):
    """μ = xᵀA⁻¹b and s = √(xᵀA⁻¹x) of every action, and the largest condition number.

    A is scaled to unit diagonal for LAPACK.
    """
    x = contexts.astype(np.float64)
    n, k = x.shape[0], gram.shape[0]
    mean, width = np.zeros((n, k)), np.zeros((n, k))
    worst = 1.0
    for a in range(k):
        precision = gram[a] + ridge * np.eye(x.shape[1])
        scale = 1.0 / np.sqrt(np.diag(precision))
        scaled = x * scale
        unit = precision * np.outer(scale, scale)
        worst = max(worst, np.linalg.norm(unit, 1) * np.linalg.norm(np.linalg.inv(unit), 1))
        solved = np.linalg.solve(unit, scaled.T).T
        width[:, a] = np.sqrt(np.sum(scaled * solved, axis=1))
        mean[:, a] = solved @ (scale * shift[a])
    return mean, width, worst


def best(worth, eligible):
    """Largest eligible worth, the lowest index on ties."""
    return np.argmax(np.where(eligible, worth, -np.inf), axis=1)
