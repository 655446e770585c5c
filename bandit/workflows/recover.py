"""What a dead run left behind, found and mended by the next command."""

from __future__ import annotations

from pathlib import Path

from bandit.campaign import Campaign
from bandit.store import exports, files, record
from bandit.store.outcomes import OUTCOMES
from bandit.store.snapshots import SNAPSHOTS
from bandit.workflows.publish import finish
from bandit.workflows.statistics import STATISTICS


def recover(campaign: Campaign) -> list[str]:
    """Remove half-written folders; a sentence for each. The caller holds the lock."""
    notes = finish(campaign)
    for name in (record.WAVES, exports.EXPORTS, SNAPSHOTS, OUTCOMES, STATISTICS, "."):
        for path in files.sweep(campaign.folder / name):
            notes.append(f"removed {_shown(campaign, path)}, left by a run that died")
    return notes


def _shown(campaign: Campaign, path: Path) -> str:
    return str(path.relative_to(campaign.folder))
