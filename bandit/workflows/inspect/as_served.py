"""A past wave as it was served: its own snapshot, encoding, catalogue, policy and prices.

Nothing is asked of today's campaign.toml but where the sources lie. Format 1 stored no catalogue:
there today's fills in, with costs and values as far as the record tells them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from bandit.config.basket import Basket
from bandit.config.campaign import Campaign
from bandit.config.deciding import Features
from bandit.config.offered import Channel, Offer
from bandit.config.score import Score
from bandit.config.section import INBOUND, OUTBOUND
from bandit.core.errors import BanditError
from bandit.features.spec import FeatureSpec
from bandit.record import snapshots
from bandit.record.decisions import Decisions
from bandit.record.manifests import Made, WaveManifest
from bandit.sources import database
from bandit.sources.catalogue import Catalogue, load_catalogue
from bandit.workflows.serve import pinned, serving_model, taking_part
from bandit.workflows.serve.wave import Run, Wave


def wave(campaign: Campaign, decisions: Decisions) -> Wave:
    """The wave again; DataError or UsageError if its snapshot is gone or damaged.

    Where prices moved within it, they are those of all epochs in turn, as `Rows.paid` finds them.
    """
    served = decisions.wave
    about = served.manifest
    then = campaign_of(campaign, about)
    stored = snapshots.load(campaign.folder, about.snapshot)
    start = serving_model.of_kinds(serving_model.of_snapshot(stored), then)
    start = start.over(served.actions)._replace(
        model=about.model,
        spec=FeatureSpec.from_json(about.features.spec),
        pinned=pinned.as_served(campaign, about),
    )
    then = taking_part.asked(then, about.experiments, [served] if about.live else ())
    run = Run(then, served.name, served.at, about.seed, experiments=about.experiments)
    key = pa.int64()  # of no consequence: no decision is written
    again = Wave.of(run, catalogue(campaign, about), start, key)
    if about.format == 1:
        again = again._replace(plan=again.plan._replace(costs=decisions.rebuilt.cost))
    if decisions.moved is not None:
        return again._replace(plan=again.plan._replace(prices=decisions.moved.table))
    own = [about.arm_prices[arm] for arm in again.plan.apart]
    return again.at_prices(np.array([about.prices, *own]))


def campaign_of(campaign: Campaign, about: WaveManifest) -> Campaign:
    """The campaign with the sections that the wave was decided by; sources are today's."""
    given: dict[str, Any] = {
        "policy": about.policy,
        "reward": about.reward,
        "pressure": about.pressure,
        "seed": about.campaign_seed,
    }
    if about.features.config is not None:
        config = dict(about.features.config)
        scores = config.pop("score", [])
        given["score"] = tuple(Score.model_validate_json(json.dumps(one)) for one in scores)
        given["basket"] = None
        if (basket := config.pop("basket", None)) is not None:
            given["basket"] = Basket.model_validate_json(json.dumps(basket))
        given["features"] = Features.model_validate_json(json.dumps(config))
    made = about.made or Made()
    known = {"source": made.source, "variables": made.variables, "segment": made.segment}
    given = {k: v for k, v in given.items() if v is not None or k == "basket"}
    return campaign.model_copy(update=known | given)


def catalogue(campaign: Campaign, about: WaveManifest) -> Catalogue:
    """Offers and channels of the wave, in its order."""
    if about.offers is not None and about.channels is not None:
        return Catalogue(about.offers, about.channels)
    try:
        with database.connect(campaign, roles=("offers", "channels")) as data:
            today = load_catalogue(campaign, data)
    except BanditError:
        today = Catalogue((), ())
    return Catalogue(tuple(_offers(about, today)), tuple(_channels(about, today)))


def _offers(about: WaveManifest, today: Catalogue) -> Iterator[Offer]:
    known = {offer.name: offer for offer in today.offers}
    for name in dict.fromkeys(offer for offer, _ in about.actions):
        served_on = tuple(channel for offer, channel in about.actions if offer == name)
        offer = known.get(name, Offer(name=name))
        yield offer.model_copy(update={"channels": served_on})


def _channels(about: WaveManifest, today: Catalogue) -> Iterator[Channel]:
    known = {channel.name: channel for channel in today.channels}
    for name in dict.fromkeys(channel for _, channel in about.actions):
        kind = INBOUND if name in about.placements else OUTBOUND
        yield known.get(name, Channel.model_validate({"name": name, "kind": kind}))
