"""Between the record's claims on buckets and the layers that share them out."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from bandit import experiments
from bandit.config.campaign import Campaign
from bandit.config.experiment import Experiment
from bandit.core.errors import ConfigError
from bandit.core.problems import nearest
from bandit.record import layers
from bandit.record.layers import Claimed, Layer
from bandit.workflows.serve.taking_part import hold_unedited


class Started(NamedTuple):
    """An experiment that has buckets, and the layer that they are of."""

    layer: Layer
    claim: Claimed


def started(campaign: Campaign, name: str, *, unedited: bool = True) -> Started:
    """The experiment as it was started; ConfigError if it was not, or its file was edited since."""
    known = layers.read(campaign.folder)
    found = known.of_experiment(name)
    if found is None or found[1].campaign != campaign.file:
        names = [c.name for o in known.layers for c in o.claims if c.campaign == campaign.file]
        raise ConfigError(
            f"experiment {name!r} was not started in this campaign: run `bandit experiment start`"
            f"{nearest(name, names)}"
        )
    if unedited:
        hold_unedited(campaign, found[1])
    return Started(*found)


def shared_out(layer: Layer) -> experiments.Layer:
    """The layer as `bandit.experiments` has it."""
    claims = [
        experiments.Claim(
            c.name, c.ranges, c.experiment.start, c.experiment.cooldown_days, c.end
        )
        for c in layer.claims
    ]  # fmt: skip
    return experiments.Layer(layer.name, layer.seed, tuple(claims))


def claim(campaign: Campaign, name: str, asked: Experiment, pinned: dict[str, str]) -> Started:
    """Write the experiment's claim on free buckets; the lock must be held.

    ``pinned`` digests the snapshots that its arms decide by, by version.

    ConfigError where the name was used, another experiment of the campaign runs in another layer,
    or too little is free.
    """
    known = layers.read(campaign.folder)
    if known.of_experiment(name) is not None:
        raise ConfigError(
            f"experiment {name!r} was started already; one that goes again needs a name of its own"
        )
    _hold_one_layer(campaign, known, name, asked)
    _hold_one_unit(known, name, asked)
    layer = known.find(asked.layer) or Layer(name=asked.layer, seed=campaign.seed)
    after = shared_out(layer).claim(name, asked.share, asked.start, asked.cooldown_days)
    made = Claimed(
        name=name,
        campaign=campaign.file,
        digest=asked.digest,
        ranges=after.claims[-1].ranges,
        experiment=asked,
        pinned=pinned,
    )
    layer = layer.model_copy(update={"claims": (*layer.claims, made)})
    layers.write(campaign.folder, known.having(layer))
    return Started(layer, made)


def stop(campaign: Campaign, found: Started, end: dt.date) -> Started:
    """Write that the experiment stopped; the lock must be held."""
    stopped = found.claim.model_copy(update={"end": end})
    claims = [stopped if c.name == stopped.name else c for c in found.layer.claims]
    layer = found.layer.model_copy(update={"claims": tuple(claims)})
    layers.write(campaign.folder, layers.read(campaign.folder).having(layer))
    return Started(layer, stopped)


def _hold_one_unit(known: layers.Layers, name: str, asked: Experiment) -> None:
    """Buckets of customers and of households would share people, and rest of others' treatments."""
    layer = known.find(asked.layer)
    for other in layer.claims if layer is not None else ():
        if other.experiment.household != asked.household:
            theirs = other.experiment.household or "customer"
            raise ConfigError(
                f"layer {asked.layer!r} assigns by {theirs!r} since experiment {other.name!r}, and"
                f" {name!r} by {asked.household or 'customer'!r}: give it a layer of its own once"
                f" {other.name!r} has stopped, or the same unit"
            )


def _hold_one_layer(campaign: Campaign, known: layers.Layers, name: str, asked: Experiment) -> None:
    """A customer of two layers would have two policies for one decision."""
    for layer in known.layers:
        for other in layer.claims:
            runs = other.campaign == campaign.file and other.end is None
            if runs and layer.name != asked.layer:
                raise ConfigError(
                    f"experiment {other.name!r} of layer {layer.name!r} decides for this campaign's"
                    f" customers: give {name!r} that layer too, so that nobody is in both, or stop"
                    f" {other.name!r} first"
                )
