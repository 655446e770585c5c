"""From a snapshot's sums to the moments that a wave is decided by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from bandit.config.campaign import Campaign
from bandit.config.discount import DEPTH, PRODUCT
from bandit.config.reward import AMOUNT
from bandit.config.worths import Worths, worths
from bandit.core.actions import ActionSpace
from bandit.core.errors import DataError
from bandit.core.types import Array, Float64
from bandit.features.action_features import CHANNEL, ActionFeatures, action_features
from bandit.features.score_layout import layout, products_of
from bandit.kernels.linear.link import LOGIT as THROUGH_LOGIT
from bandit.kernels.threads import together
from bandit.models.curved import curved, curves_of
from bandit.models.hybrid import Strengths
from bandit.models.kinds import Composed, composed, split
from bandit.models.moments import Moments
from bandit.models.moved import inner
from bandit.models.owned import Layout, OwnedPosterior, owned
from bandit.models.pooled import PooledPosterior
from bandit.models.posterior import Posterior
from bandit.models.relative import RelativePosterior, counted, factors, relative
from bandit.models.rising import Response, Rising
from bandit.sources.catalogue import Catalogue
from bandit.workflows.serve.serving_model import LOGIT, ServingModel

HYBRID, KINDS = "hybrid", "kinds"
BY_OFFER = "by offer"
"""Counts are relative, all depths of an offer to one factor."""
REWARD = "reward"
"""What the one kind of event is called where [reward.events] names none."""
Pooled = PooledPosterior | OwnedPosterior | RelativePosterior


class Known(NamedTuple):
    """What is known of the actions of ``space``, and the coordinates that each is learned in.

    ``layout`` is None where all have coefficients on all features.
    """

    space: ActionSpace
    features: ActionFeatures
    layout: Layout | None


def pooled(sums: Posterior, known: Known, *, rising: bool, counts: bool | None = None) -> Pooled:
    """The model with the likeliest strengths; ``rising`` where no score may lower its mean.

    Of ``counts`` of events it is relative; where nobody says so, the sums tell.
    """
    features = known.features
    if counted(sums) if counts is None else counts:
        found = factors(sums, features.table, _depths_together(features))
        return RelativePosterior(sums, _shared(relative(sums, found), known, rising=rising), found)
    return _shared(sums, known, rising=rising)


def _depths_together(features: ActionFeatures) -> Array | None:
    """A number for the depths of an offer on a channel, int64[k]; None where there are no depths.

    How often each depth sells hangs on whom it was sent to: what is learned is what a deeper one
    adds, and that in parts of how often the offer sells.
    """
    level = np.array([level for level, _ in features.columns])
    of = features.table[:, level == PRODUCT]
    if not of.any():
        return None
    on = features.table[:, level == CHANNEL]
    alone = np.where(of.any(axis=1), 0, 1 + np.arange(len(of)))
    rows = np.column_stack([alone, of, on])
    return np.asarray(np.unique(rows, axis=0, return_inverse=True)[1], np.int64).reshape(-1)


def _shared(sums: Posterior, known: Known, *, rising: bool) -> PooledPosterior | OwnedPosterior:
    features = known.features
    if known.layout is None:
        return sums.pooled(features.table, levels=features.levels)
    return owned(sums, known.layout, features.table, features.levels, rising=rising)


def strengths_of(posterior: Pooled, known: Known) -> dict[str, Any]:
    """The model as a snapshot's manifest holds it: precisions by level, not by column."""
    if isinstance(posterior, RelativePosterior):
        found = strengths_of(posterior.inner, known)
        depths = _depths_together(known.features) is not None
        return {**found, "relative": BY_OFFER if depths else True, "evidence": posterior.evidence}
    features, strengths = known.features, posterior.strengths
    first = [features.levels.tolist().index(number) for number in range(len(features.names))]
    shared = dict(zip(features.names, strengths.shared[first].tolist(), strict=True))
    found = {
        "kind": HYBRID,
        "shared": shared,
        "own": strengths.own,
        "intercept": strengths.intercept,
        "noise": posterior.noise_scale,
        "evidence": posterior.evidence,
    }
    if isinstance(posterior, OwnedPosterior):
        dropped = zip(known.space, posterior.dropped, strict=True)
        found["scores"] = {
            "weight": posterior.weight,
            "dropped": {name: np.flatnonzero(row).tolist() for name, row in dropped if row.any()},
        }
    return found


def kinds_of(
    sums: Sequence[Posterior], kinds: Mapping[str, float | str], known: Known
) -> dict[str, Pooled | None]:
    """The models of several kinds; None of one that was never seen, whose actions learn alone.

    ``kinds`` with their worths: what is worth money rises with a score, a refusal need not.
    """

    def found(own: Posterior, worth: float | str) -> Pooled | None:
        if not own.square_sum.any():
            return None
        return pooled(own, known, rising=rises(worth), counts=worth != AMOUNT)

    calls = [partial(found, own, worth) for own, worth in zip(sums, kinds.values(), strict=True)]
    return dict(zip(kinds, together(calls), strict=True))


def rises(worth: float | str) -> bool:
    """Whether what a kind is worth lets it rise with a score."""
    return isinstance(worth, str) or worth > 0.0


def record_of(models: Mapping[str, Pooled | None], known: Known) -> dict[str, Any]:
    """The models of kinds as a snapshot's manifest holds them."""
    found = {k: None if one is None else strengths_of(one, known) for k, one in models.items()}
    return {"kind": KINDS, "events": found}


def rising(
    posterior: Moments, catalogue: Catalogue, space: ActionSpace, worth: Worths | None
) -> Moments:
    """With an expected response that rises with the depth of an offer that comes in several.

    Of kinds of events those rise that are counted and worth something.
    """
    chains = _chains(catalogue, space)
    if not chains or posterior.link != "identity":
        return posterior
    curves = curves_of(posterior)

    def response(kind: str, mean: Float64, weight: Float64) -> Response:
        if kind in curves:
            return Response(curves[kind].theta, weight, THROUGH_LOGIT)
        return Response(mean, weight)

    model = inner(posterior)
    responses = [response(REWARD, model.mean, np.ones(len(space)))]
    if isinstance(model, Composed) and worth is not None:
        responses = [
            response(kind, part.mean, weight)
            for kind, part, weight, amount in zip(
                worth.kinds, model.parts, model.weights, worth.amounts, strict=True
            )
            if not amount and weight[1:].max() > 0.0
        ]
    start = np.cumsum([0, *map(len, chains)])
    return Rising(posterior, tuple(responses), np.concatenate(chains), start)


def _chains(catalogue: Catalogue, space: ActionSpace) -> list[Array]:
    """The actions of each offer's depths on a channel, the least deep first."""
    found: dict[tuple[Any, str], list[tuple[float, int]]] = {}
    of = {offer.name: offer.features for offer in catalogue.offers}
    for action, (offer, channel) in enumerate(space.pairs, 1):
        own = of.get(offer, {})
        depth = own.get(DEPTH)
        if PRODUCT in own and isinstance(depth, int | float):
            found.setdefault((own[PRODUCT], channel), []).append((float(depth), action))
    return [
        np.array([action for _, action in sorted(depths)])
        for depths in found.values()
        if len(depths) > 1
    ]


def moments(
    campaign: Campaign,
    catalogue: Catalogue,
    start: ServingModel,
    space: ActionSpace,
) -> tuple[Moments, dict[str, Any] | None]:
    """The posterior over ``space``, of whose actions ``start`` has the first; and its record.

    The model of ``start`` is a snapshot's, or a wave's, which holds the features of the actions
    too; None where each action learns alone. With [reward.events] the sums are of each kind apart,
    and what they make together is money.
    """
    sums, model, spec = start.posterior, start.model, start.spec
    worth = worths(campaign.reward, catalogue.offers, space)
    kinds = 1 if worth is None else len(worth.kinds)
    k = sums.n_actions // kinds
    places = np.append(np.arange(k), np.full(len(space) - k, -1))
    parts = [part.align(places) for part in split(sums, kinds)] if worth else []
    known = None
    if model is not None:
        features = (
            ActionFeatures.from_json(model["features"])
            if "features" in model
            else action_features(space, catalogue, campaign.model.columns, sums.n_features)
        )
        known = Known(space, features, layout(spec, space, products_of(campaign.basket, catalogue)))
        model = {**model, "features": features.to_json()}
    if worth is None:
        found: Moments = of_record(sums.add_actions(len(space) - k), known, model)
        lines = {REWARD: (found.mean, np.ones(len(space)))}
        found = curved(found, _modes(start, known, places), lines)
        return rising(found, catalogue, space, None), model
    try:
        told = {} if model is None else model["events"]
        models = [
            of_record(own, known, told.get(kind))
            for own, kind in zip(parts, worth.kinds, strict=True)
        ]
    except (KeyError, AttributeError) as e:
        raise _damaged(e) from None
    lines = {
        kind: (part.mean, weight)
        for kind, part, weight in zip(worth.kinds, models, worth.weights, strict=True)
    }
    found = composed(models, parts, worth.weights)
    found = curved(found, _modes(start, known, places), lines)
    return rising(found, catalogue, space, worth), model


def _modes(start: ServingModel, known: Known | None, places: Array) -> dict[str, Float64]:
    """The modes of the kinds that the record takes through the link, float64[k, d] each."""
    told = (start.model or {}).get(LOGIT)
    if not told or known is None:
        return {}
    if start.odds is None:
        raise _damaged("the snapshot's expansions are gone")
    found = {}
    for kind, part in zip(sorted(told), split(start.odds, len(told)), strict=True):
        try:
            level = float(told[kind]["level"])
        except (KeyError, TypeError, ValueError) as e:
            raise _damaged(e) from None
        found[kind] = _at(replace(part.align(places), level=level), known, told[kind]).mean
    return found


def of_record(
    sums: Posterior, known: Known | None, model: Mapping[str, Any] | None
) -> Posterior | Pooled:
    """The model of sums, of one reward or of one kind, as `strengths_of` recorded it."""
    if model is None or known is None:
        return sums
    if told := model.get("relative"):
        together = _depths_together(known.features) if told == BY_OFFER else None
        found = factors(sums, known.features.table, together)
        return RelativePosterior(sums, _at(relative(sums, found), known, model), found)
    return _at(sums, known, model)


def _at(
    sums: Posterior, known: Known, model: Mapping[str, Any]
) -> PooledPosterior | OwnedPosterior:
    """The model at the strengths that the record holds."""
    features = known.features
    try:
        shared = model["shared"]
        # A level that the snapshot has not met is as strong as what all have in common.
        precisions = [float(shared.get(level, shared["common"])) for level, _ in features.columns]
        strengths = Strengths(np.array(precisions), float(model["own"]), float(model["intercept"]))
        if known.layout is None:
            return PooledPosterior(sums, features.table, strengths)
        weight, dropped = (
            float(model["scores"]["weight"]),
            np.zeros(known.layout.places.shape, bool),
        )
        for name, slots in model["scores"]["dropped"].items():
            dropped[known.space.index(name), slots] = True
    except (KeyError, TypeError, ValueError, IndexError) as e:
        raise _damaged(e) from None
    return OwnedPosterior(sums, known.layout, features.table, strengths, weight, dropped)


def _damaged(fault: Exception | str) -> DataError:
    return DataError(f"the record's model is damaged ({fault}); restore it from a backup")
