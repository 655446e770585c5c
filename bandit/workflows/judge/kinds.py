"""Learners fitted on a log: one reward, or a model for each kind of [reward.events]."""

from __future__ import annotations

import numpy as np

from bandit.config.worths import Worths
from bandit.core.types import Array, Float64
from bandit.models.kinds import composed, split, updated
from bandit.models.moments import Moments
from bandit.models.posterior import Posterior
from bandit.workflows.judge.logged import Logged
from bandit.workflows.serve.moments import Known, pooled


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


def moments(sums: Posterior, worths: Worths | None, known: Known | None) -> Moments:
    """The model of ``sums``; pooled by what is ``known`` of the actions, if anything is."""
    if worths is None:
        return sums if known is None else pooled(sums, known, rising=True)
    parts = split(sums, len(worths.kinds))
    # What was never seen has nothing to share.
    models: list[Moments] = [
        part
        if known is None or not part.square_sum.any()
        else pooled(part, known, rising=bool((worth > 0.0).any()), counts=not amount)
        for part, worth, amount in zip(parts, worths.weights, worths.amounts, strict=True)
    ]
    return composed(models, parts, worths.weights)
