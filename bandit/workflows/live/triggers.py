"""What triggers ask of customers, which events they heed, and the actions they have in play."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bandit.config.campaign import Campaign
from bandit.config.trigger import Trigger
from bandit.core.folding import fold
from bandit.core.types import Bool
from bandit.workflows.serve.wave import Wave


def heeding(campaign: Campaign, event: str) -> Iterator[tuple[int, Trigger]]:
    """The triggers that heed an event, with their place in campaign.toml."""
    for place, trigger in enumerate(campaign.trigger):
        if fold(trigger.event) == fold(event):
            yield place, trigger


def inside(wave: Wave, trigger: Trigger) -> Bool:
    """Outbound actions bool[k] that a trigger has in play."""
    catalogue, actions = wave.catalogue, wave.plan.actions
    offers = [trigger.offers is None or o.name in trigger.offers for o in catalogue.offers]
    channels = [trigger.channels is None or c.name in trigger.channels for c in catalogue.channels]
    # The unknown, -1, is the last of each.
    found: Bool = np.array([*offers, False])[actions.offer]
    found &= np.array([*channels, False])[actions.channel] & actions.outbound
    return found
