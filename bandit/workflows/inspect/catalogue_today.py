"""Today's values and costs, for waves of format 1, which did not store theirs."""

from __future__ import annotations

from collections.abc import Sequence

from bandit.config.campaign import Campaign
from bandit.core.errors import BanditError
from bandit.record.format1 import Today
from bandit.record.waves import Wave
from bandit.sources import database
from bandit.sources.catalogue import load_catalogue


def of(campaign: Campaign, waves: Sequence[Wave]) -> Today:
    """By action name; nothing where no wave asks for it, or where the sources cannot be read."""
    peace = campaign.reward.no_contact_value
    if all(wave.manifest.format > 1 for wave in waves):
        return Today({}, peace)
    try:
        with database.connect(campaign, roles=("offers", "channels")) as data:
            catalogue = load_catalogue(campaign, data)
    except BanditError:
        return Today({}, peace)
    return Today(
        {
            f"{offer.name}/{channel.name}": (
                None if isinstance(offer.value, str) else float(offer.value),
                offer.cost + channel.cost,
            )
            for offer in catalogue.offers
            for channel in catalogue.channels
        },
        peace,
    )
