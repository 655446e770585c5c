"""Whether features were fitted before, by the record alone."""

from __future__ import annotations

from typing import Any

from bandit.config.campaign import Campaign
from bandit.features.spec import FeatureSpec
from bandit.record import snapshots
from bandit.record import waves as record


def is_fitted(campaign: Campaign) -> bool:
    """Whether features were fitted before: else everybody must be read to fit them."""
    config = features_config(campaign)
    known = snapshots.latest(campaign.folder, campaign.file, config)
    return known is not None or fitted_before(campaign) is not None


def fitted_before(campaign: Campaign) -> FeatureSpec | None:
    """The features of the newest wave of these [features], whose snapshot is gone."""
    for wave in reversed(record.waves(campaign.folder)):
        features = wave.manifest.features
        if wave.campaign == campaign.file and features.config == features_config(campaign):
            return FeatureSpec.from_json(features.spec)
    return None


def features_config(campaign: Campaign) -> dict[str, Any]:
    """[features], with [[score]] and [basket] where there are some, as manifests hold them."""
    content = campaign.features.model_dump(mode="json")
    if campaign.score:
        content["score"] = [score.model_dump(mode="json") for score in campaign.score]
    if campaign.basket is not None:
        content["basket"] = campaign.basket.model_dump(mode="json")
    return content
