"""Snapshots: stored versions of the posterior, each naming its parent."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from bandit.config.campaign import DEFAULT_FILE
from bandit.core.actions import ActionSpace
from bandit.core.errors import UsageError
from bandit.core.problems import newest as newest_of
from bandit.record import manifest, newest
from bandit.record.manifests import Features, SnapshotManifest

SNAPSHOTS = "snapshots"
POSTERIOR, ODDS = "posterior.safetensors", "odds.safetensors"
_VERSION = re.compile(r"[0-9]{6,9}")


class Snapshot(NamedTuple):
    """A stored version; its posterior is checked when it is asked for."""

    version: str
    folder: Path
    manifest: SnapshotManifest

    @property
    def actions(self) -> ActionSpace:
        """The actions of the posterior."""
        return ActionSpace.of_pairs(self.manifest.actions)

    @property
    def features(self) -> Features:
        """The fitted encoding of its contexts."""
        return self.manifest.features

    def posterior_file(self) -> Path:
        """The posterior's file, checked against its digest."""
        return self.manifest.verified(self.folder, POSTERIOR)

    def odds_file(self) -> Path | None:
        """The file of the expansions of [model] link = "logit", checked; None without any."""
        return self.manifest.verified(self.folder, ODDS) if ODDS in self.manifest.files else None


def versions(campaign_folder: Path) -> list[str]:
    """All versions, oldest first; a folder whose name is no number, a copy say, is none."""
    found = [p.name for p in manifest.published(campaign_folder / SNAPSHOTS)]
    return [name for name in found if _VERSION.fullmatch(name)]


def load(campaign_folder: Path, version: str) -> Snapshot:
    """One version by name; UsageError if there is none such."""
    known = versions(campaign_folder)
    if version not in known:
        raise UsageError(
            f"{campaign_folder} has no snapshot {version!r}{newest_of(version, known)}"
        )
    folder = campaign_folder / SNAPSHOTS / version
    return Snapshot(version, folder, SnapshotManifest.of(folder, manifest.read(folder)))


def latest(
    campaign_folder: Path, file: str = DEFAULT_FILE, config: dict[str, Any] | None = None
) -> Snapshot | None:
    """The newest version of the campaign in ``file``, with [features] like ``config`` if given."""
    for version in reversed(versions(campaign_folder)):
        found = load(campaign_folder, version)
        same = config is None or config == found.features.config
        if found.manifest.campaign == file and same:
            return found
    return None


def settle(campaign_folder: Path, *, whole: bool = True) -> None:
    """Note the newest, so that it is missed where it is gone; the caller holds the campaign.

    Unless ``whole`` what is gone is given up: a newer one has taken its place.
    """
    versions_, parent = versions(campaign_folder), campaign_folder / SNAPSHOTS
    known = int(versions_[-1]) if versions_ else newest.NONE
    if not whole or not parent.is_dir() or known > newest.read(parent):
        newest.note(parent, known)


def missing(campaign_folder: Path) -> str | None:
    """The newest version, if it is gone."""
    noted = newest.read(campaign_folder / SNAPSHOTS)  # first: one may come meanwhile
    known = versions(campaign_folder)
    return f"{noted:06d}" if noted > (int(known[-1]) if known else newest.NONE) else None


def fill(
    partial: Path,
    version: str,
    *,
    save: Callable[[Path], None],
    odds: Callable[[Path], None] | None = None,
    actions: ActionSpace,
    features: Features,
    parent: str | None,
    campaign: str,
    about: dict[str, Any],
) -> None:
    """Write the files of ``version`` into `partial`; `save` and `odds` write what they are called.

    The version is part of the manifest: another's files in its folder would decide for it.
    """
    save(partial / POSTERIOR)
    if odds is not None:
        odds(partial / ODDS)
    content = {"kind": "snapshot", "features": features.model_dump(), "parent": parent}
    content |= {manifest.FOLDER: version, "campaign": campaign}
    manifest.write(partial, {**content, "actions": actions.pairs, **about})


def next_version(campaign_folder: Path) -> str:
    """Versions count from 000000."""
    known = versions(campaign_folder)
    return f"{int(known[-1]) + 1:06d}" if known else "000000"
