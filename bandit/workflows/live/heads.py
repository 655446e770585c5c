"""The head of a segment, and the waves that are made from it again, whatever is configured then."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pyarrow as pa

from bandit.config.campaign import Campaign, Channel, Offer
from bandit.record.manifests import Served
from bandit.record.streams import Segment
from bandit.sources.catalogue import Catalogue
from bandit.workflows.live.frames import Head
from bandit.workflows.live.generation import Generation
from bandit.workflows.serve import plan as plans
from bandit.workflows.serve import serving_model
from bandit.workflows.serve.wave import Run, Wave


def head(generation: Generation, segment: Segment) -> Head:
    """What a segment's decisions are made with."""
    wave, values = generation.wave, generation.customers.values
    campaign = wave.run.campaign
    return Head(
        wave=segment.wave,
        day=segment.day,
        at=wave.run.at.isoformat(),
        seed=wave.run.seed,
        campaign=campaign.model_dump(mode="json", by_alias=True),
        file=campaign.file,
        offers=[offer.model_dump(mode="json") for offer in wave.catalogue.offers],
        channels=[channel.model_dump(mode="json") for channel in wave.catalogue.channels],
        snapshot=wave.start.version,
        prices=wave.plan.prices.tolist(),
        whole_keys=pa.types.is_integer(wave.customer_type),
        values=values.tolist() if values.ndim == 1 else None,
        past=sorted(generation.past),
        experiments=[one.model_dump(mode="json") for one in wave.run.experiments],
    )


def wave_of(folder: Path, head: Head, name: str) -> Wave:
    """The wave ``name`` of a segment again; DataError or UsageError if its snapshot is gone."""
    campaign = Campaign.model_validate_json(
        json.dumps({**head.campaign, "folder": str(folder), "file": head.file})
    )
    catalogue = Catalogue(
        tuple(Offer.model_validate_json(json.dumps(offer)) for offer in head.offers),
        tuple(Channel.model_validate_json(json.dumps(channel)) for channel in head.channels),
    )
    running = tuple(Served.model_validate_json(json.dumps(one)) for one in head.experiments)
    run = Run(campaign, name, dt.datetime.fromisoformat(head.at), head.seed, experiments=running)
    start = serving_model.of_version(campaign, head.snapshot)
    wave = Wave.of(run, catalogue, start, pa.int64() if head.whole_keys else pa.string())
    return wave.at_prices(np.array(head.prices))


def renamed(wave: Wave, name: str) -> Wave:
    """The same wave under another name, which decides its shares and its draws."""
    run = wave.run._replace(wave=name)
    plan = plans.make(
        run.campaign, wave.catalogue, wave.plan.space, run.at, wave.posterior, name,
        run.experiments,
    )  # fmt: skip
    return wave._replace(run=run, plan=plan._replace(prices=wave.plan.prices))
