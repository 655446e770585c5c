"""Rows of successes and failures to second order about given coefficients.

With p = σ(xᵀθ) the log likelihood near θ is that of a linear regression of ``xᵀθ + (y − p)/v`` with
weights w v, v = p(1 − p): what solves that takes one step of Newton's method (IRLS).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from bandit.core.types import Array, Float64
from bandit.kernels.linear.posterior_mean_of import taken_mean_into
from bandit.kernels.threads import spread
from bandit.models.pooled import PooledPosterior
from bandit.models.posterior import Posterior

LEAST_CURVATURE = 1e-12
"""Below this p(1 − p) is not told from zero."""
GRAIN = 4_096
"""Rows that a thread takes at a time."""


class Rows(NamedTuple):
    """n rows as they came: ``contexts`` float[n, d], actions, successes and weights [n]."""

    contexts: Array
    actions: Array
    successes: Float64
    weights: Float64


class Mode(NamedTuple):
    """The linear model of an expansion, the rows' log likelihood, ``Σ w (y − p)² / p(1−p)``."""

    model: Posterior | PooledPosterior
    likelihood: float
    residual: float


def expand(
    sums: Posterior,
    rows: Sequence[Rows],
    theta: Float64,
    shape: Callable[[Posterior], Posterior | PooledPosterior],
) -> Mode:
    """Add ``rows`` about ``theta`` float64[k, d] to ``sums``; ``shape`` makes the model of them."""
    likelihood, residual = 0.0, 0.0
    for part in rows:
        score, rest, weights = about(part, theta)
        sums = sums.update(part.contexts, part.actions, score + rest, weights)
        loss = np.logaddexp(0.0, score) - part.successes * score
        likelihood -= float((part.weights * loss).sum())
        residual += float((weights * rest**2).sum())
    return Mode(shape(sums), likelihood, residual)


def about(part: Rows, theta: Float64) -> tuple[Float64, Float64, Float64]:
    """``xᵀθ``, ``(y − p)/v`` and ``w v`` of each row, float64[n] each."""
    score = scores(part, theta)
    chance = 1.0 / (1.0 + np.exp(-np.clip(score, -700.0, 700.0)))
    curvature = np.maximum(chance * (1.0 - chance), LEAST_CURVATURE)
    return score, (part.successes - chance) / curvature, part.weights * curvature


def scores(part: Rows, theta: Float64) -> Float64:
    """``xᵀθ_a`` of each row, float64[n]."""
    out = np.empty(len(part.actions))
    spread(taken_mean_into, out.size, GRAIN, part.contexts, theta, part.actions, out)
    return out
