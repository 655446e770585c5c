"""From arrays to row terms, one function a family; and what can be wagered on them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bandit.checks import columns as checks
from bandit.core.errors import ConfigError
from bandit.core.types import Float64
from bandit.ope.estimate import Sides
from bandit.stats.bounds import wager
from bandit.stats.units import Terms, cluster_units

Range = tuple[float, float]


def clipped(weights: Float64, limit: float) -> Float64:
    """min(w, λ)."""
    return np.minimum(weights, checks.parameter("clip", limit))


def switched(weights: Float64, threshold: float) -> Float64:
    """Keep w where w ≤ λ, else 0."""
    return np.where(weights <= checks.parameter("threshold", threshold), weights, 0.0)


def optimistic(weights: Float64, shrinkage: float) -> Float64:
    """λw/(w² + λ)."""
    lam = checks.parameter("shrinkage", shrinkage)
    return weights if np.isinf(lam) else lam * weights / (weights * weights + lam)


def smoothed(weights: Float64, shrinkage: float) -> Float64:
    """w/(1 - λ + λw), λ in [0, 1]."""
    if not 0.0 <= shrinkage <= 1.0:
        raise ConfigError(f"shrinkage must lie in [0, 1], it is {shrinkage}")
    below = 1.0 - shrinkage + shrinkage * weights
    return np.divide(weights, below, out=np.zeros_like(weights), where=below > 0.0)


def model_free(rewards: Float64, shrunk: Float64, *, ratio: bool) -> Terms:
    """Terms ŵ r."""
    nothing = np.zeros(len(rewards))
    return Terms(rewards, shrunk, nothing, nothing, ratio, modelled=False)


def model_based(
    rewards: Float64, shrunk: Float64, q_logged: Float64, q_target: Float64, *, ratio: bool
) -> Terms:
    """Terms q̂π + ŵ (r - q̂)."""
    return Terms(rewards, shrunk, q_logged, q_target, ratio, modelled=True)


def residuals(terms: Terms) -> Float64:
    """What a row's weight multiplies: r - q̂, less its weighted mean where that is divided out."""
    left = terms.reward - terms.q_logged
    total = float(terms.weight.sum())
    return left - float(terms.residual.sum()) / total if terms.ratio and total > 0.0 else left


def reward_limits(rewards: Float64, stated: Range | None) -> Range:
    """The stated range of a reward, or [0, 1] widened to what was seen."""
    low, high = float(rewards.min()), float(rewards.max())
    if stated is None:
        return min(0.0, low), max(1.0, high)
    if not (stated[0] <= low and high <= stated[1] and stated[0] < stated[1]):
        raise ConfigError(
            f"reward_range must hold all rewards, [{low}, {high}]; it is [{stated[0]}, {stated[1]}]"
        )
    return float(stated[0]), float(stated[1])


def sides_of(terms: Terms, clusters: npt.NDArray[np.generic] | None, stated: Range | None) -> Sides:
    r"""Wagers on the value of ``terms`` for rewards in [r₀, r₁].

    Without a model ŵ(r - r₀) from below and ŵ(r₁ - r) from above are never negative, have means
    at most V - r₀ and r₁ - V, and need no bound on the weights (Waudby-Smith et al. 2022,
    section 2): clipping cannot break them. With a model the floor is the least that the round
    term can be given context and action. A self-normalised estimator is bounded through its twin
    that is not.
    """
    low, high = reward_limits(terms.reward, stated)
    if terms.modelled:
        offset = terms.q_target - terms.weight * terms.q_logged
        floor = float((offset + terms.weight * low).min())
        ceiling = float((offset + terms.weight * high).max())
        term = offset + terms.weight * terms.reward
        return _pair(term - floor, ceiling - term, clusters, (floor, high), (low, ceiling))
    below = terms.weight * (terms.reward - low)
    above = terms.weight * (high - terms.reward)
    return _pair(below, above, clusters, (low, high), (low, high))


def lift_sides_of(
    candidate: Terms,
    baseline: Terms,
    clusters: npt.NDArray[np.generic] | None,
    stated: Range | None,
) -> Sides:
    """Wagers on the paired difference of two policies on the same rows.

    Without a model both terms lie between zero and ŵ(r₁ - r₀), so that against the logging policy
    (weights of one) the difference is never below -(r₁ - r₀), however the candidate's weights are
    and however long the log has grown. With a model the round difference is linear in the reward,
    and its extremes follow from context and action.
    """
    low, high = reward_limits(candidate.reward, stated)
    width = high - low
    term = _above(candidate, low) - _above(baseline, low)
    if candidate.modelled or baseline.modelled:
        slope = (candidate.weight - baseline.weight) * (high - low)
        least = term - (candidate.weight - baseline.weight) * (candidate.reward - low)
        floor = float((least + np.minimum(slope, 0.0)).min())
        ceiling = float((least + np.maximum(slope, 0.0)).max())
    else:
        floor = -float(baseline.weight.max()) * width
        ceiling = float(candidate.weight.max()) * width
    return _pair(term - floor, ceiling - term, clusters, (floor, width), (-width, ceiling))


def _above(terms: Terms, low: float) -> Float64:
    """Round term of the reward less its least value: its mean is the policy's value less that."""
    if terms.modelled:
        return terms.q_target - low + terms.residual
    return terms.weight * (terms.reward - low)


def _pair(
    below: Float64,
    above: Float64,
    clusters: npt.NDArray[np.generic] | None,
    lower_frame: Range,
    upper_frame: Range,
) -> Sides:
    """Sum rows to clusters; a frame is (floor, largest possible value) or its mirror image."""
    ones = np.ones(len(below))
    units = cluster_units(Terms(below, ones, ones * 0.0, ones * 0.0, False, False), clusters)
    mirror = cluster_units(Terms(above, ones, ones * 0.0, ones * 0.0, False, False), clusters)
    (floor, most), (least, ceiling) = lower_frame, upper_frame
    return Sides(
        wager(units.residual, units.rows, floor, most - floor),
        wager(mirror.residual, mirror.rows, -ceiling, ceiling - least),
    )
