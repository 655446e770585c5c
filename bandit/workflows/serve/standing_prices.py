"""Prices where none are found anew: those of the newest wave that had any."""

from __future__ import annotations

import numpy as np

from bandit.config.campaign import Campaign
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
