"""Inputs of the kernel cases: features that correlate, actions that differ, as real ones do."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

import bandit


@dataclass(frozen=True, eq=False)
class Inputs:
    """A posterior of k actions over d features, and what n customers bring."""

    posterior: bandit.Posterior
    contexts: np.ndarray
    eligible: np.ndarray
    values: np.ndarray
    actions: np.ndarray
    rewards: np.ndarray


def _wishart(factor: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Σ x xᵀ over ``count`` normal rows of covariance F Fᵀ, by Bartlett's decomposition."""
    d = len(factor)
    if count < d:
        rows = rng.normal(size=(count, d)) @ factor.T
        return np.asarray(rows.T @ rows)
    root = np.tril(rng.normal(size=(d, d)), -1)
    root[np.diag_indices(d)] = np.sqrt(rng.chisquare(count - np.arange(d)))
    product = factor @ root
    return product @ product.T


@lru_cache(maxsize=2)
def make(
    d: int,
    k: int,
    observations: int,
    rows: int,
    seed: int = 0,
    signal: float | None = None,
    noise: float = 1.0,
) -> Inputs:
    """Draw a posterior after ``observations`` rows an action, and ``rows`` customers.

    A quarter as many hidden factors as features, and noise: correlations of about one half.
    Coefficients have a deviation of ``signal`` (1/√d where None), rewards one of ``noise`` about
    their mean; sums are drawn from their exact law.
    """
    rng = np.random.default_rng(seed)
    hidden = max(2, d // 4)
    loading = rng.normal(size=(d, hidden)) / np.sqrt(hidden)
    covariance = loading @ loading.T + 0.5 * np.eye(d)
    factor = np.linalg.cholesky(covariance)
    theta = rng.normal(size=(k, d)) * (1.0 / np.sqrt(d) if signal is None else signal)
    gram, shift = np.empty((k, d, d)), np.empty((k, d))
    for a in range(k):
        product = _wishart(factor, observations, rng)
        gram[a] = (product + product.T) / 2
        values, vectors = np.linalg.eigh(gram[a])
        error = vectors @ (np.sqrt(np.maximum(values, 0.0)) * rng.normal(size=d))
        shift[a] = gram[a] @ theta[a] + noise * error
    seen = np.full(k, float(observations))
    posterior = bandit.Posterior(gram, shift, seen, 0.3 * seen, 0.3 * seen, 1.0)
    contexts = (rng.standard_normal((rows, d)) @ factor.T).astype(np.float32)
    eligible = rng.random((rows, k)) < 0.5
    eligible[:, 0] = True
    return Inputs(
        posterior,
        contexts,
        eligible,
        rng.lognormal(0.0, 0.25, (rows, k)),
        rng.integers(0, k, rows),
        rng.standard_normal(rows),
    )
