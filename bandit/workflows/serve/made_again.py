"""A wave as text, and the same wave made from it again: later, or on another machine."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from bandit.config.campaign import Campaign
from bandit.config.offered import Channel, Offer
from bandit.record.manifests import Served
from bandit.sources.catalogue import Catalogue
from bandit.workflows.serve.serving_model import ServingModel
from bandit.workflows.serve.wave import Run, Wave


def told(wave: Wave) -> dict[str, Any]:
    """What a wave is made from, but for its name, its snapshot and its prices; fit for JSON."""
    campaign = wave.run.campaign
    return {
        "at": wave.run.at.isoformat(),
        "seed": wave.run.seed,
        "campaign": campaign.model_dump(mode="json", by_alias=True),
        "file": campaign.file,
        "offers": [offer.model_dump(mode="json") for offer in wave.catalogue.offers],
        "channels": [channel.model_dump(mode="json") for channel in wave.catalogue.channels],
        "whole_keys": pa.types.is_integer(wave.customer_type),
        "experiments": [one.model_dump(mode="json") for one in wave.run.experiments],
    }


def campaign_of(folder: Path, told: Mapping[str, Any]) -> Campaign:
    """The campaign in ``folder`` as it was."""
    # What is looked at before it is validated is no JSON any more: lists stand for tuples here.
    content = {**told["campaign"], "folder": folder, "file": told["file"]}
    return Campaign.model_validate(content, strict=False)


def running_of(told: Mapping[str, Any]) -> tuple[Served, ...]:
    """The experiments that took part."""
    return tuple(Served.model_validate_json(json.dumps(one)) for one in told["experiments"])


def made_again(campaign: Campaign, told: Mapping[str, Any], name: str, start: ServingModel) -> Wave:
    """The wave ``name`` as it was told, from ``start``, at no prices yet."""
    catalogue = Catalogue(
        tuple(Offer.model_validate_json(json.dumps(offer)) for offer in told["offers"]),
        tuple(Channel.model_validate_json(json.dumps(channel)) for channel in told["channels"]),
    )
    at = dt.datetime.fromisoformat(told["at"])
    run = Run(campaign, name, at, told["seed"], experiments=running_of(told))
    return Wave.of(run, catalogue, start, pa.int64() if told["whole_keys"] else pa.string())
