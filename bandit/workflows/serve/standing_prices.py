"""Prices where none are found anew: those of the newest wave that had any."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bandit.config.campaign import Campaign
from bandit.core.types import Float64
from bandit.record import waves as record
from bandit.workflows.serve.wave import Wave


def of(campaign: Campaign, wave: Wave) -> Wave:
    """The wave at the prices of the campaign's newest one, by the names of the actions.

    An arm with limits of its own that was not in that wave pays everybody's; without any wave
    nobody pays anything.
    """
    for before in reversed(record.waves(campaign.folder)):
        about = before.manifest
        if before.campaign == campaign.file and about.prices is not None:
            own = [about.arm_prices.get(arm, about.prices) for arm in wave.plan.apart]
            table = np.array([about.prices, *own])
            return wave.at_prices(
                np.stack([before.actions.align(row, wave.plan.space) for row in table])
            )
    return wave


class Standing(NamedTuple):
    """Prices float64[p, m] a unit of limits, and the time of the wave that they are of, if any."""

    prices: Float64
    at: dt.datetime | None


def by_limit(
    campaign: Campaign, waves: Sequence[record.Wave], names: Sequence[str], apart: Sequence[str]
) -> Standing:
    """The same prices a unit of the limits ``names``, 0 for one that is new."""
    found = np.zeros((1 + len(apart), len(names)))
    for before in reversed(waves):
        told = before.manifest.summary
        if before.campaign == campaign.file and told.get("limits"):
            own = {part["arm"]: part["limits"] for part in told.get("split", ())}
            for p, arm in enumerate((None, *apart)):
                prices = {one["name"]: one["price"] for one in own.get(arm, told["limits"])}
                found[p] = [prices.get(name, 0.0) for name in names]
            return Standing(found, before.at)
    return Standing(found, None)
