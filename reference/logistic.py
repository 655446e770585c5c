"""Twin of the logistic posterior: Newton's method on the whole design, in float64."""

from __future__ import annotations

import numpy as np


def mode(design, successes, weights, precision, start=None):
    """Coefficients [p] that minimise ``½ θᵀRθ − Σ w log p(y)``, and Laplace's precision [p, p]."""
    theta = np.zeros(design.shape[1]) if start is None else start.copy()
    for _ in range(500):
        chance = 1.0 / (1.0 + np.exp(-design @ theta))
        gradient = precision @ theta - design.T @ (weights * (successes - chance))
        curvature = weights * chance * (1.0 - chance)
        whole = precision + (design * curvature[:, None]).T @ design
        step = np.linalg.solve(whole, gradient)
        theta = theta - min(1.0, 1.0 / max(np.abs(design @ step).max(), 1e-300)) * step
    return theta, whole


def evidence(design, successes, weights, precision):
    """Laplace: log likelihood at the mode, less half the penalty and half the log determinants."""
    theta, whole = mode(design, successes, weights, precision)
    score = design @ theta
    likely = -(weights * (np.logaddexp(0.0, score) - successes * score)).sum()
    determinants = np.linalg.slogdet(whole)[1] - np.linalg.slogdet(precision)[1]
    return likely - 0.5 * theta @ precision @ theta - 0.5 * determinants


def joint(contexts, actions, features, shared, own):
    """Design of β (z_a ⊗ x) and the own parts, its prior precision, and the map to each θ_a."""
    x = contexts.astype(np.float64)
    (k, q), d = features.shape, x.shape[1]
    whole = np.zeros((len(x), q * d + k * d))
    for i, a in enumerate(actions):
        whole[i, : q * d] = np.kron(features[a], x[i])
        whole[i, q * d + a * d : q * d + (a + 1) * d] = x[i]
    precision = np.diag(np.concatenate([np.repeat(shared, d), np.full(k * d, own)]))
    turns = np.zeros((k, d, whole.shape[1]))
    for a in range(k):
        turns[a, :, : q * d] = np.kron(features[a], np.eye(d))
        turns[a, :, q * d + a * d : q * d + (a + 1) * d] = np.eye(d)
    return whole, precision, turns
