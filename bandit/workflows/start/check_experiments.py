"""What `bandit check` says of experiments/*.toml: those that run, and those that wait."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

from bandit.config import experiment as config
from bandit.config.campaign import Campaign
from bandit.core.errors import BanditError
from bandit.core.problems import Problems
from bandit.record import layers
from bandit.record import waves as record
from bandit.workflows.experiment.start import hold_possible
from bandit.workflows.serve import pinned
from bandit.workflows.serve.taking_part import running


def check_experiments(campaign: Campaign, at: dt.datetime, faults: Problems) -> tuple[str, ...]:
    """A wave would refuse a running one that was edited: a fault. What cannot start is told."""
    if faults:
        return ()
    waves = record.waves(campaign.folder)
    faults.attempt(lambda: pinned.standing(campaign, running(campaign, waves, "", at)))
    return tuple(line for path in _waiting(campaign) for line in _said(campaign, path, at))


def _waiting(campaign: Campaign) -> Iterator[Path]:
    """Files of experiments that no campaign of the folder has started."""
    started = {
        claim.name for layer in layers.read(campaign.folder).layers for claim in layer.claims
    }
    for path in sorted((campaign.folder / config.FOLDER).glob("*.toml")):
        if path.stem not in started:
            yield path


def _said(campaign: Campaign, path: Path, at: dt.datetime) -> list[str]:
    try:
        return hold_possible(campaign, config.load(campaign.folder, path.stem), path.stem, at)
    except BanditError as e:
        return [f"{line} (not started, no wave asks for it)" for line in str(e).splitlines()]
