"""From a snapshot's sums to the moments that a wave is decided by."""

from __future__ import annotations

from typing import Any

import numpy as np

from bandit.config.campaign import Campaign
from bandit.core.actions import ActionSpace
from bandit.core.errors import DataError
from bandit.features.action_features import ActionFeatures, action_features
from bandit.models.hybrid import Strengths
from bandit.models.moments import Learner
from bandit.models.pooled import PooledPosterior
from bandit.models.posterior import Posterior
from bandit.sources.catalogue import Catalogue

HYBRID = "hybrid"


def strengths_of(posterior: PooledPosterior, features: ActionFeatures) -> dict[str, Any]:
    """The model as a snapshot's manifest holds it: precisions by level, not by column."""
    first = [features.levels.tolist().index(number) for number in range(len(features.names))]
    shared = dict(zip(features.names, posterior.shared[first].tolist(), strict=True))
    return {
        "kind": HYBRID,
        "shared": shared,
        "own": posterior.own,
        "intercept": posterior.strengths.intercept,
        "noise": posterior.noise_scale,
        "evidence": posterior.evidence,
    }


def moments(
    campaign: Campaign,
    catalogue: Catalogue,
    sums: Posterior,
    space: ActionSpace,
    model: dict[str, Any] | None,
) -> tuple[Learner, dict[str, Any] | None]:
    """The posterior over ``space``, of whose actions ``sums`` has the first; and its record.

    ``model`` is a snapshot's, or a wave's, which holds the features of the actions too; None where
    each action learns alone.
    """
    whole = sums.add_actions(len(space) - sums.n_actions)
    if model is None:
        return whole, None
    features = (
        ActionFeatures.from_json(model["features"])
        if "features" in model
        else action_features(space, catalogue, campaign.model.columns, sums.n_features)
    )
    try:
        shared = model["shared"]
        # A level that the snapshot has not met is as strong as what all have in common.
        precisions = [float(shared.get(level, shared["common"])) for level, _ in features.columns]
        strengths = Strengths(np.array(precisions), float(model["own"]), float(model["intercept"]))
    except (KeyError, TypeError, ValueError) as e:
        raise DataError(f"the record's model is damaged ({e}); restore it from a backup") from None
    return PooledPosterior(whole, features.table, strengths), {
        **model,
        "features": features.to_json(),
    }
