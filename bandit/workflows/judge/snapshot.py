"""A stored snapshot as a candidate: judged only on waves that it has not learned from."""

from __future__ import annotations

import numpy as np

from bandit.config.campaign import Campaign
from bandit.config.simulation import Candidate
from bandit.core.errors import DataError
from bandit.core.types import Bool
from bandit.models.moments import Moments
from bandit.record import snapshots
from bandit.record.snapshots import Snapshot
from bandit.sources.catalogue import Catalogue
from bandit.workflows.judge.logged import Logged
from bandit.workflows.serve.moments import moments
from bandit.workflows.serve.serving_model import of_kinds, of_snapshot


def _stored(campaign: Campaign, candidate: Candidate) -> Snapshot:
    if candidate.version is not None:
        return snapshots.load(campaign.folder, candidate.version)
    newest = snapshots.latest(campaign.folder, campaign.file)
    if newest is None:
        raise DataError(f"{campaign.folder} has no snapshot yet; run `bandit learn` first")
    return newest


def unseen(campaign: Campaign, logged: Logged, candidate: Candidate) -> Bool:
    """Rows of the waves that the snapshot was not made from."""
    stored = _stored(campaign, candidate)
    if logged.waves is None:
        raise DataError("a snapshot is judged on waves of its own campaign; this log has none")
    fold = stored.manifest.fold
    seen = {name for name, _ in fold.waves} if fold else set()
    fresh = np.array([name not in seen for name in logged.waves.names])
    rows: Bool = fresh[logged.waves.wave]
    if not rows.any():
        raise DataError(
            f"snapshot {stored.version} has learned from every wave of this log, so it cannot be"
            " judged on it; serve another wave, name an older version, or judge the same policy"
            ' fitted on the log (policy = "lin_ts"), which is cross-fitted'
        )
    return rows


def posterior(campaign: Campaign, logged: Logged, candidate: Candidate) -> Moments:
    """The snapshot's posterior over the log's actions; what it does not know is at the prior."""
    stored = _stored(campaign, candidate)
    if stored.features.spec != logged.spec.to_json():
        raise DataError(
            f"snapshot {stored.version} was learned with other features than the log's; name a"
            " version of the same [features]"
        )
    space = logged.catalogue.actions
    start = of_kinds(of_snapshot(stored), campaign).over(space)
    # What events are worth hangs on the offers as they were served.
    catalogue = logged.catalogue.served if campaign.reward.events else None
    today = Catalogue(campaign.offer, campaign.channel)
    return moments(campaign, catalogue or today, start, space)[0]
