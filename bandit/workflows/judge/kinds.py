"""Learners fitted on a log: one reward, or a model for each kind of [reward.events]."""

from __future__ import annotations

import numpy as np

from bandit.config.worths import Worths
from bandit.core.types import Array, Float64
from bandit.features.action_features import ActionFeatures
from bandit.models.kinds import composed, split, updated
from bandit.models.moments import Moments
from bandit.models.posterior import Posterior
from bandit.workflows.judge.logged import Logged


def taught(logged: Logged, worths: Worths | None) -> Float64:
    """What a log's rows teach: their reward float64[n], or events of each kind float64[n, K]."""
    waves = logged.waves
    if worths is None or waves is None or waves.events is None:
        return logged.rewards
    return waves.events


def summed(contexts: Array, actions: Array, taught: Float64, k: int) -> Posterior:
    """The sums of some rows; of kinds as `models.kinds` has them."""
    d = contexts.shape[1]
    if taught.ndim == 1:
        return Posterior.prior(k, d, ridge=1.0).update(contexts, actions, taught)
    empty = Posterior.prior(taught.shape[1] * k, d, ridge=1.0)
    return updated(empty, contexts, actions, np.ascontiguousarray(taught.T))


def moments(sums: Posterior, worths: Worths | None, features: ActionFeatures | None) -> Moments:
    """The model of ``sums``; pooled by the actions' ``features`` if there are any."""
    if worths is None:
        return sums if features is None else _pooled(sums, features)
    parts = split(sums, len(worths.kinds))
    # What was never seen has nothing to share.
    models: list[Moments] = [
        part if features is None or not part.square_sum.any() else _pooled(part, features)
        for part in parts
    ]
    return composed(models, parts, worths.weights)


def _pooled(sums: Posterior, features: ActionFeatures) -> Moments:
    return sums.pooled(features.table, levels=features.levels)
