"""Twin of the hybrid model: Algorithm 2 of Li, Chu, Langford, Schapire (2010), fed row by row."""

from __future__ import annotations

import numpy as np


def rows(contexts, actions, rewards, features, shared, own):
    """Means [k, d] and covariances [k, d, d] of ``θ_a = Z_a β + δ_a`` after all rows.

    The algorithm's shared features are z_a ⊗ x; it starts from A₀ = Λ⊗I and A_a = λI.
    """
    (k, _), d = features.shape, contexts.shape[1]
    a0 = np.kron(np.diag(shared), np.eye(d))
    b0 = np.zeros(a0.shape[0])
    a, b = np.stack([own * np.eye(d)] * k), np.zeros((k, d))
    cross = np.zeros((k, d, a0.shape[0]))
    for x, arm, r in zip(contexts.astype(np.float64), actions, rewards, strict=True):
        z = np.kron(features[arm], x)
        a0 += cross[arm].T @ np.linalg.solve(a[arm], cross[arm])
        b0 += cross[arm].T @ np.linalg.solve(a[arm], b[arm])
        a[arm] += np.outer(x, x)
        cross[arm] += np.outer(x, z)
        b[arm] += r * x
        a0 += np.outer(z, z) - cross[arm].T @ np.linalg.solve(a[arm], cross[arm])
        b0 += r * z - cross[arm].T @ np.linalg.solve(a[arm], b[arm])
    beta, whole = np.linalg.solve(a0, b0), np.linalg.inv(a0)
    mean, covariance = np.zeros((k, d)), np.zeros((k, d, d))
    for arm in range(k):
        inverse = np.linalg.inv(a[arm])
        turn = np.kron(features[arm], np.eye(d)) - inverse @ cross[arm]
        mean[arm] = turn @ beta + inverse @ b[arm]
        covariance[arm] = turn @ whole @ turn.T + inverse
    return mean, covariance


def evidence(contexts, actions, rewards, features, shared, own):
    """Log density of the rewards as one normal vector, its scale at the maximum; and σ²."""
    x = contexts.astype(np.float64)
    n = x.shape[0]
    seen = np.stack([np.kron(features[arm], row) for row, arm in zip(x, actions, strict=True)])
    spread = np.eye(n) + (seen / np.repeat(shared, x.shape[1])) @ seen.T
    same = np.equal.outer(actions, actions)
    spread += same * (x @ x.T) / own
    variance = rewards @ np.linalg.solve(spread, rewards) / n
    determinant = np.linalg.slogdet(spread)[1]
    return -0.5 * (n * np.log(2.0 * np.pi * variance) + n + determinant), variance
