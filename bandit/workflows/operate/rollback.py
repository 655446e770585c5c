"""`bandit rollback`: an older snapshot becomes the newest one, until the next `learn`."""

from __future__ import annotations

import shutil
from pathlib import Path

from bandit.config import campaign_file
from bandit.core import files
from bandit.core.types import SILENT, Progress
from bandit.record import lock, snapshots
from bandit.results.operate import Rollback
from bandit.workflows.operate import recover


def rollback(campaign_path: Path, *, version: str, progress: Progress = SILENT) -> Rollback:
    """Store `version` again as the newest snapshot; nothing is deleted."""
    campaign = campaign_file.load(campaign_path)
    with lock.hold(campaign.folder, f"rollback {version}"):
        notes = recover.recover(campaign)
        progress.step(f"restoring snapshot {version}")
        old = snapshots.load(campaign.folder, version)
        parent = snapshots.versions(campaign.folder)[-1]
        new = snapshots.next_version(campaign.folder)
        final = campaign.folder / snapshots.SNAPSHOTS / new
        source, odds = old.posterior_file(), old.odds_file()
        with files.aside(final) as partial:
            snapshots.fill(
                partial,
                new,
                save=lambda path: _copy(source, path),
                odds=None if odds is None else lambda path: _copy(odds, path),
                actions=old.actions,
                features=old.features,
                parent=parent,
                campaign=campaign.file,
                about={
                    "fold": None,
                    "restored": version,
                    "unit": old.manifest.unit,
                    "model": old.manifest.model,
                    **({"kinds": kinds} if (kinds := old.manifest.kinds) else {}),
                },
            )
            files.put_in_place((partial, final))
        snapshots.settle(campaign.folder, whole=False)
        return Rollback(new, version, parent, notes)


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
