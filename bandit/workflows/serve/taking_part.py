"""Which experiments take part in a wave, and what the campaign asks each customer for them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

from bandit.config import experiment as config
from bandit.config.campaign import Campaign
from bandit.config.household import Household
from bandit.core.days import day_of
from bandit.core.errors import ConfigError
from bandit.record import layers, served_variables
from bandit.record.manifests import Served
from bandit.record.waves import Wave
from bandit.record.waves import waves as published_waves


def running(
    campaign: Campaign, waves: Sequence[Wave], wave: str, at: dt.datetime
) -> tuple[Served, ...]:
    """The campaign's experiments that take part in a wave, as its manifest will have them.

    ``waves`` are those that are published. An experiment runs from its start until it was stopped,
    or until it had its waves; what is decided live uses up none. ConfigError if its file says
    something else than when it started.
    """
    day = day_of(at, campaign.time_zone)
    found = []
    for layer in layers.read(campaign.folder).layers:
        for claim in layer.claims:
            over = claim.end is not None and claim.end <= day
            if claim.campaign != campaign.file or claim.experiment.start > day or over:
                continue
            had = [w for w in waves if w.name != wave and takes_part(w, claim.name)]
            if sum(not w.manifest.live for w in had) < claim.experiment.waves:
                hold_unedited(campaign, claim)
                found.append(
                    Served(
                        name=claim.name,
                        digest=claim.digest,
                        seed=layer.seed,
                        ranges=claim.ranges,
                        known=bool(had) or claim.experiment.splits,
                        experiment=claim.experiment,
                        pinned=claim.pinned,
                    )
                )
    return tuple(found)


def arms_pinned(campaign: Campaign, waves: Sequence[Wave]) -> dict[str, list[str]]:
    """The ``experiment:arm`` that decide by a snapshot in waves to come, by its version."""
    found: dict[str, list[str]] = {}
    for layer in layers.read(campaign.folder).layers:
        for claim in layer.claims:
            had = sum(takes_part(w, claim.name) and not w.manifest.live for w in waves)
            over = claim.end is not None or had >= claim.experiment.waves
            for arm in claim.experiment.arm:
                if arm.snapshot is not None and claim.campaign == campaign.file and not over:
                    found.setdefault(arm.snapshot, []).append(f"{claim.name}:{arm.name}")
    return found


def takes_part(wave: Wave, name: str) -> bool:
    """Whether an experiment's members were assigned in a wave."""
    return any(served.name == name for served in wave.manifest.experiments)


def hold_unedited(campaign: Campaign, claim: layers.Claimed) -> None:
    """ConfigError if the experiment's file is not what it was when it started."""
    path = config.path_of(campaign.folder, claim.name)
    if config.load(campaign.folder, claim.name).digest != claim.digest:
        raise ConfigError(
            f"{path} was edited after its start, and an experiment stays as it was started: put"
            f" the file back ({layers.NAME} has what it said), or stop {claim.name!r} and start"
            " the new one under a name of its own"
        )


def asked(campaign: Campaign, found: Sequence[Served], waves: Sequence[Wave]) -> Campaign:
    """The campaign, which asks each customer for the experiments' populations and households.

    ``waves`` are the earlier ones: who was in one keeps the household of then.
    """
    homes = tuple(
        Household(s.name, s.experiment.household, _seen(s.name, waves))
        for s in found
        if s.experiment.household is not None
    )
    populations = tuple(s.experiment.population for s in found)
    return campaign.model_copy(update={"populations": populations, "households": homes})


def _seen(name: str, waves: Sequence[Wave]) -> tuple[Path, ...]:
    """The files of units of the waves that had an experiment."""
    found = [served_variables.units(w) for w in waves if takes_part(w, name)]
    return tuple(path for path in found if path is not None)


def joined(campaign: Campaign, wave: str, at: dt.datetime) -> tuple[Campaign, tuple[Served, ...]]:
    """A wave to come: the campaign that asks, and the experiments that take part."""
    published = published_waves(campaign.folder)
    found = running(campaign, published, wave, at)
    return asked(campaign, found, published), found
