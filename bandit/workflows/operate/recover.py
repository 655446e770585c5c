"""What a dead run left behind, found and mended by the next command."""

from __future__ import annotations

from pathlib import Path

from bandit.config.campaign import Campaign
from bandit.core import files
from bandit.record import erase, exports, index
from bandit.record import waves as record
from bandit.record.outcomes import OUTCOMES
from bandit.record.snapshots import SNAPSHOTS
from bandit.workflows.learn.statistics import STATISTICS
from bandit.workflows.serve.publish import finish


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
