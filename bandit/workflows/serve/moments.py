"""From a snapshot's sums to the moments that a wave is decided by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bandit.config.campaign import Campaign
from bandit.config.worths import worths
from bandit.core.actions import ActionSpace
from bandit.core.errors import DataError
from bandit.features.action_features import ActionFeatures, action_features
from bandit.models.hybrid import Strengths
from bandit.models.kinds import composed, split
from bandit.models.moments import Moments
from bandit.models.pooled import PooledPosterior
from bandit.models.posterior import Posterior
from bandit.sources.catalogue import Catalogue

HYBRID, KINDS = "hybrid", "kinds"


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


def kinds_of(
    sums: Sequence[Posterior], kinds: Sequence[str], features: ActionFeatures
) -> dict[str, Any]:
    """The models of several kinds; None of one that was never seen, whose actions learn alone."""
    found = [
        strengths_of(own.pooled(features.table, levels=features.levels), features)
        if own.square_sum.any()
        else None
        for own in sums
    ]
    return {"kind": KINDS, "events": dict(zip(kinds, found, strict=True))}


def moments(
    campaign: Campaign,
    catalogue: Catalogue,
    sums: Posterior,
    space: ActionSpace,
    model: dict[str, Any] | None,
) -> tuple[Moments, dict[str, Any] | None]:
    """The posterior over ``space``, of whose actions ``sums`` has the first; and its record.

    ``model`` is a snapshot's, or a wave's, which holds the features of the actions too; None where
    each action learns alone. With [reward.events] the sums are of each kind apart, and what they
    make together is money.
    """
    worth = worths(campaign.reward, catalogue.offers, space)
    kinds = 1 if worth is None else len(worth.kinds)
    k = sums.n_actions // kinds
    places = np.append(np.arange(k), np.full(len(space) - k, -1))
    parts = [part.align(places) for part in split(sums, kinds)] if worth else []
    features = None
    if model is not None:
        features = (
            ActionFeatures.from_json(model["features"])
            if "features" in model
            else action_features(space, catalogue, campaign.model.columns, sums.n_features)
        )
        model = {**model, "features": features.to_json()}
    if worth is None:
        return _of(sums.add_actions(len(space) - k), features, model), model
    try:
        told = {} if model is None else model["events"]
        models = [
            _of(own, features, told.get(kind)) for own, kind in zip(parts, worth.kinds, strict=True)
        ]
    except (KeyError, AttributeError) as e:
        raise _damaged(e) from None
    return composed(models, parts, worth.weights), model


def _of(
    sums: Posterior, features: ActionFeatures | None, model: Mapping[str, Any] | None
) -> Posterior | PooledPosterior:
    if model is None or features is None:
        return sums
    try:
        shared = model["shared"]
        # A level that the snapshot has not met is as strong as what all have in common.
        precisions = [float(shared.get(level, shared["common"])) for level, _ in features.columns]
        strengths = Strengths(np.array(precisions), float(model["own"]), float(model["intercept"]))
    except (KeyError, TypeError, ValueError) as e:
        raise _damaged(e) from None
    return PooledPosterior(sums, features.table, strengths)


def _damaged(fault: Exception) -> DataError:
    return DataError(f"the record's model is damaged ({fault}); restore it from a backup")
