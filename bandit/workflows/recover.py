"""What a dead run left behind, found and mended by the next command."""

from __future__ import annotations

from pathlib import Path

from bandit.campaign import Campaign
from bandit.store import erase, exports, files, index, record
from bandit.store.outcomes import OUTCOMES
from bandit.store.snapshots import SNAPSHOTS
from bandit.workflows.publish import finish
from bandit.workflows.statistics import STATISTICS


def recover(campaign: Campaign) -> list[str]:
    """Finish or remove what is half-done; a sentence for each. The caller holds the lock."""
    notes = [*erase.finish(campaign.folder), *finish(campaign)]
    for name in (record.WAVES, exports.EXPORTS, SNAPSHOTS, OUTCOMES, STATISTICS, "."):
        notes += [
            f"removed {_shown(campaign, path)}, left by a run that died"
            for path in files.sweep(campaign.folder / name)
        ]
    if record.waves(campaign.folder) and index.refresh(campaign.folder):
        notes.append(f"made {index.NAME} anew: it was missing, damaged or out of date")
    return notes


def _shown(campaign: Campaign, path: Path) -> str:
    return str(path.relative_to(campaign.folder))
