"""What a dead run left behind, found and mended by the next command."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from bandit.config.campaign import Campaign
from bandit.core import files
from bandit.record import erase, exports, index, outcomes, snapshots, streams
from bandit.record import waves as record
from bandit.sources import event_index
from bandit.workflows.learn.statistics import STATISTICS
from bandit.workflows.serve.publish import finish


def recover(
    campaign: Campaign, at: dt.datetime | None = None, asked: str | None = None
) -> list[str]:
    """Finish or remove what is half-done; a sentence for each. The caller holds the lock.

    Lists that are missing are written by the commands that say when they act (see `finish`);
    without ``at`` they wait, since they need sources that the command does not.
    """
    notes = erase.finish(campaign.folder)
    if at is not None:
        notes += finish(campaign, at, asked)
    for name in (
        record.WAVES, exports.EXPORTS, exports.TESTS, snapshots.SNAPSHOTS, outcomes.OUTCOMES,
        STATISTICS,
        event_index.FOLDER, ".",
    ):  # fmt: skip
        folder = campaign.folder / name
        waiting = _waiting(campaign) if name == exports.EXPORTS else []
        notes += [
            f"removed {_shown(campaign, path)}, left by a run that died"
            for path in files.sweep(folder, keep=waiting)
        ]
    notes += [
        f"removed {_shown(campaign, path)}, left by a run that died"
        for path in streams.sweep(campaign.folder)
    ]
    outcomes.settle(campaign.folder)
    snapshots.settle(campaign.folder)
    if record.waves(campaign.folder) and index.refresh(campaign.folder):
        notes.append(f"made {index.NAME} anew: it was missing, damaged or out of date")
    return notes


def _waiting(campaign: Campaign) -> list[Path]:
    """Folders that stand for lists which are still to be written, emptied."""
    found = []
    for wave in record.waves(campaign.folder):
        lists = campaign.folder / exports.EXPORTS / wave.name
        left = files.beside(lists)
        if left.is_dir() and not lists.exists():
            for path in left.iterdir():
                files.remove(path)
            found.append(left)
    return found


def _shown(campaign: Campaign, path: Path) -> str:
    return str(path.relative_to(campaign.folder))
