"""Snapshots that arms of experiments decide by, whatever is learned since. docs/adr/0225.

An arm is as its snapshot was: the sums, and what pooled them. Offers, values, costs and limits are
those of the day. Whoever makes a wave again takes the same snapshot, held by its digest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from bandit.config import experiment as config
from bandit.config.campaign import Campaign
from bandit.config.experiment import Experiment
from bandit.core.actions import ActionSpace
from bandit.core.errors import BanditError, ConfigError, DataError, UsageError
from bandit.models.moments import Moments
from bandit.record import snapshots
from bandit.record.manifests import Served, WaveManifest
from bandit.record.snapshots import Snapshot
from bandit.sources.catalogue import Catalogue
from bandit.workflows.serve.fitted import features_config
from bandit.workflows.serve.moments import moments
from bandit.workflows.serve.serving_model import ServingModel, of_snapshot

MOST_NAMED = 5
"""Pairs that are named in one remark."""


class Pin(NamedTuple):
    """A pinned snapshot as it decides in a wave; ``model`` as in `Wave`."""

    posterior: Moments
    model: dict[str, Any] | None


def beside(campaign: Campaign, start: ServingModel, running: Sequence[Served]) -> ServingModel:
    """The start with the snapshots that arms of the ``running`` experiments are pinned to.

    Errors as of `standing`.
    """
    found = standing(campaign, running, start.features.spec)
    return start._replace(pinned={version: of_snapshot(one) for version, one in found.items()})


def standing(
    campaign: Campaign, running: Sequence[Served], spec: str | None = None
) -> dict[str, Snapshot]:
    """The snapshots that arms of the ``running`` experiments are pinned to, by version.

    DataError where one is gone or another than at the experiment's start; ConfigError where the
    campaign is no longer one that it was learned in. ``spec`` are the wave's features.
    """
    found = {}
    for served in running:
        for version in served.experiment.snapshots:
            fault = _Fault(campaign, served.name, served.experiment, version)
            found[version] = _same(served, version, fault, f", or stop {served.name!r}")
            _hold_fit(campaign, found[version], spec, fault)
    return found


def as_served(campaign: Campaign, about: WaveManifest) -> dict[str, ServingModel]:
    """Those of a past wave, with the models that it decided by."""
    found = {}
    for served in about.experiments:
        for version in served.experiment.snapshots:
            fault = _Fault(campaign, served.name, served.experiment, version)
            known = of_snapshot(_same(served, version, fault, ""))
            found[version] = known._replace(model=about.pinned[version])
    return found


def digests(campaign: Campaign, name: str, asked: Experiment) -> dict[str, str]:
    """The digests of the snapshots that arms name, by version, for the record of the start.

    ConfigError where one does not exist, has learned nothing, or was learned in another campaign
    than today's.
    """
    found = {}
    for version in asked.snapshots:
        fault = _Fault(campaign, name, asked, version)
        stored = _existing(campaign, version, fault)
        _hold_fit(campaign, stored, None, fault)
        if not of_snapshot(stored).posterior.count.any():
            raise fault.config("has learned nothing yet", "name one that `bandit learn` wrote")
        found[version] = stored.manifest.sha256
    return found


def remarks(campaign: Campaign, asked: Experiment, name: str, offered: ActionSpace) -> list[str]:
    """What is to be known of an experiment's arms whose snapshots fit; ``offered`` are today's."""
    found = []
    for arm in asked.arm:
        if arm.snapshot is None:
            continue
        known = snapshots.load(campaign.folder, arm.snapshot).actions
        unseen = [action for action in offered if action not in known]
        if unseen:
            found.append(
                f"{name}:{arm.name}: {len(unseen)} of {len(offered) - 1} offers on channels came"
                f" after snapshot {arm.snapshot} ({_listed(unseen)}); it decides of them by what it"
                " knows of their like, and learns nothing more"
            )
    return found


def pin(campaign: Campaign, catalogue: Catalogue, known: ServingModel, space: ActionSpace) -> Pin:
    """A pinned snapshot over the actions of a wave; those that came after it at the prior."""
    return Pin(*moments(campaign, catalogue, known.over(space), space))


class _Fault(NamedTuple):
    """Where a pinned snapshot is asked for."""

    campaign: Campaign
    name: str
    experiment: Experiment
    version: str

    def _said(self, what: str, remedy: str) -> str:
        arm = next(a.name for a in self.experiment.arm if a.snapshot == self.version)
        path = config.path_of(self.campaign.folder, self.name)
        return f"{path}: arm {arm!r}: snapshot {self.version!r} {what}: {remedy}"

    def config(self, what: str, remedy: str) -> BanditError:
        return ConfigError(self._said(what, remedy))

    def data(self, what: str, remedy: str) -> BanditError:
        return DataError(self._said(what, remedy))


def _existing(campaign: Campaign, version: str, fault: _Fault) -> Snapshot:
    try:
        return snapshots.load(campaign.folder, version)
    except UsageError:
        known = snapshots.versions(campaign.folder)
        raise fault.config(
            "does not exist",
            f"name one of {', '.join(known)}; `bandit status` says what each was learned from"
            if known
            else "`bandit learn` writes the first once a wave's window has closed",
        ) from None


def _same(served: Served, version: str, fault: _Fault, otherwise: str) -> Snapshot:
    """The snapshot with which an experiment started; ``otherwise`` is what else may be done."""
    restore = f"restore {snapshots.SNAPSHOTS}/{version} from a backup{otherwise}"
    folder = fault.campaign.folder
    if version not in snapshots.versions(folder):
        raise fault.data("is gone, and the arm decides by it", restore)
    stored = snapshots.load(folder, version)
    if stored.manifest.sha256 != served.pinned.get(version, stored.manifest.sha256):
        raise fault.data("is another one than when the experiment started", restore)
    return stored


def _hold_fit(campaign: Campaign, stored: Snapshot, spec: str | None, fault: _Fault) -> None:
    """Refuse a snapshot whose coordinates are not those of today's waves."""
    about = stored.manifest
    if about.campaign != campaign.file:
        raise fault.config(f"is of {about.campaign}", f"name one of {campaign.file}")
    if stored.features.config != features_config(campaign):
        raise fault.config("was learned with other [features], [[score]] or [basket]", _back(fault))
    newest = snapshots.latest(campaign.folder, campaign.file, features_config(campaign))
    today = newest.features.spec if spec is None and newest is not None else spec
    if stored.features.spec != today:
        raise fault.config(
            "was learned with features that were fitted anew since", "name a later one"
        )
    if (about.kinds or {}) != campaign.reward.counting:
        raise fault.config("has learned of other [reward.events]", _back(fault))
    learned, model = _learned_with(campaign, stored), campaign.model.model_dump(mode="json")
    if learned is not None and learned != model:
        differ = [key for key in {**learned, **model} if learned.get(key) != model.get(key)]
        raise fault.config(
            f"was learned with another [model] ({', '.join(sorted(differ))})", _back(fault)
        )


def _back(fault: _Fault) -> str:
    return f"put campaign.toml back, name a snapshot that was learned so, or stop {fault.name!r}"


def _learned_with(campaign: Campaign, stored: Snapshot) -> dict[str, Any] | None:
    """The [model] of the `learn` that wrote it, or what it restores; None where nothing tells."""
    known = snapshots.versions(campaign.folder)
    while (older := stored.manifest.restored) is not None and older in known:
        stored = snapshots.load(campaign.folder, older)
    fold = stored.manifest.fold
    return None if fold is None else fold.model


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:MOST_NAMED]) + (", …" if len(names) > MOST_NAMED else "")
