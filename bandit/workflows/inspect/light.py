"""Whether a campaign is reckoned for one customer sooner than a compiler is loaded.

Read of manifests alone: nothing of the models is imported here.
"""

from __future__ import annotations

from pathlib import Path

from bandit.config import campaign_file
from bandit.core.errors import BanditError
from bandit.features.spec import FeatureSpec
from bandit.record import snapshots
from bandit.workflows.serve.fitted import features_config

MOST = 1_000_000
"""Multiplications of the factors of all actions, k d³; Python takes tenths of a second for them."""


def is_light(campaign_path: Path) -> bool:
    """Of pairs that learn alone and are few; False where the campaign cannot be read."""
    try:
        campaign = campaign_file.load(campaign_path)
        if campaign.basket is not None:
            return False
        newest = snapshots.latest(campaign.folder, campaign.file, features_config(campaign))
    except BanditError:
        return False
    if newest is None:
        return False
    about, d = newest.manifest, len(FeatureSpec.from_json(newest.features.spec).names)
    listed = campaign.offer and campaign.channel
    k = max(len(about.actions), len(campaign.offer) * len(campaign.channel))
    work = k * max(len(about.kinds or {}), 1) * d**3
    return bool(listed) and about.model is None and work <= MOST
