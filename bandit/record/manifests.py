"""What each kind of manifest says, typed; what format 1 left out is None or empty.

Only the signed bytes count (`manifest.read`); these are views of them. A field that is added later
gets a default, so that older manifests stay readable; one that changes its meaning gets a step in
`upgraded`, and `manifest.FORMAT` counts up.
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from bandit.config.campaign import DEFAULT_FILE
from bandit.config.deciding import Policy, Pressure
from bandit.config.experiment import Experiment
from bandit.config.offered import Channel, Offer
from bandit.config.reward import Reward
from bandit.config.variables import EventSource, Segment, Variable
from bandit.core import files
from bandit.core.actions import ActionSpace, Pair
from bandit.core.errors import DataError
from bandit.record import manifest


class File(BaseModel):
    """One file of the folder."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    bytes: int
    sha256: str


class Features(BaseModel):
    """``spec``: the fitted encoding as JSON; ``config``: the [features] that it was fitted by."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    spec: str
    config: dict[str, Any] | None = None


class Manifest(BaseModel):
    """What all kinds have."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    format: int
    kind: str
    sha256: str
    files: dict[str, File]

    @classmethod
    def of(cls, folder: Path, content: dict[str, Any]) -> Self:
        """The typed view of what `manifest.read` gave; DataError names what is missing."""
        known = _views.get((cls, content["sha256"]))
        if isinstance(known, cls):
            return known
        text = json.dumps(upgraded(content))
        try:
            view = cls.model_validate_json(text)
        except ValidationError as e:
            fault = e.errors(include_url=False)[0]
            what = ".".join(str(part) for part in fault["loc"])
            raise DataError(
                f"{folder / manifest.NAME}: {what!r}: {fault['msg'].lower()}; was it written by"
                " another version? restore it from a backup otherwise"
            ) from None
        if len(text) <= manifest.KEPT_BYTES:
            if len(_views) >= manifest.KEPT:
                _views.clear()
            _views[cls, view.sha256] = view
        return view

    def verified(self, folder: Path, name: str) -> Path:
        """One of the folder's files, checked against its digest."""
        return files.verify(folder, name, self.files[name].sha256)


_views: dict[tuple[type[Manifest], str], Manifest] = {}
"""By the digest that the content carries, which holds (`manifest.read`)."""


class Served(BaseModel):
    """An experiment whose members a wave assigned, as it was then.

    ``seed`` is its layer's, ``ranges`` its buckets; ``known``: the propensities of its members are
    given their arm, since an earlier wave may tell it; else over the arms by their shares;
    ``pinned`` digests the manifests of the snapshots that its arms decide by, by version.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    name: str
    digest: str
    seed: int
    ranges: tuple[tuple[int, int], ...]
    known: bool
    experiment: Experiment
    pinned: dict[str, str] = {}


class Made(BaseModel):
    """What customers were known by besides their columns: [[source]], [variables], [[segment]]."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    source: tuple[EventSource, ...] = ()
    variables: dict[str, Variable] = {}
    segment: tuple[Segment, ...] = ()


class Shadowed(BaseModel):
    """What a shadow came to beside live decisions: sums over the ``slots`` that it was asked for.

    ``agreed`` of the probability that it gives to what was done, ``lift`` of the expected worth of
    its picks less that of the served ones.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    slots: int
    agreed: float
    lift: float


class WaveManifest(Manifest):
    """A wave, and what it was served with; from ``offers`` on since format 2.

    ``campaign`` is its file, for several may lie in one folder; ``prices`` float[k] a contact, in
    reward units; ``content`` is what the decision ids hang on; ``policy``, ``reward`` and
    ``pressure`` are the sections of campaign.toml as they were; ``past`` are the waves whose
    contacts it looked at, ``heard`` the last delivery of outcomes whose refusals it knew, None of
    one that does not say or was decided while it heard; ``arm_prices`` float[k] of each
    "experiment:arm" that had a part of the limits of its own, where ``prices`` are everybody
    else's; ``model`` is what made moments of the snapshot's sums, with the features of the
    actions, None where each learned alone;
    ``campaign_seed`` decides holdout and shares, ``seed`` everything else; ``live``: its customers
    were decided for one by one, each at the placements that were asked for; ``log`` digests the log
    that a wave of others was read from; ``experiments`` are those whose members it assigned;
    ``trigger`` decided, at events; ``made``: its variables and segments, None where it had none;
    ``shadow`` decided beside it, None where none did; ``asked``: how often it was asked for
    contacts in each of 24 hours, where that plans the prices of later days; ``pinned``: as
    ``model``, of the snapshots that arms of ``experiments`` decided by, by version.
    """

    wave: str
    at: dt.datetime
    seed: int
    config: str
    snapshot: str
    campaign: str = DEFAULT_FILE
    actions: tuple[Pair, ...]
    placements: tuple[str, ...]
    groups: tuple[str, ...]
    features: Features
    d: int
    decisions: int
    summary: dict[str, Any]
    versions: dict[str, str]
    prices: tuple[float, ...] | None = None
    arm_prices: dict[str, tuple[float, ...]] = {}
    forgotten: int = 0
    offers: tuple[Offer, ...] | None = None
    channels: tuple[Channel, ...] | None = None
    policy: Policy | None = None
    reward: Reward | None = None
    pressure: Pressure | None = None
    past: tuple[str, ...] | None = None
    heard: int | None = None
    campaign_seed: int | None = None
    content: str | None = None
    model: dict[str, Any] | None = None
    user: str | None = None
    live: bool = False
    trigger: str | None = None
    log: str | None = None
    experiments: tuple[Served, ...] = ()
    made: Made | None = None
    shadow: Shadowed | None = None
    asked: tuple[int, ...] = ()
    pinned: dict[str, dict[str, Any] | None] = {}

    @property
    def space(self) -> ActionSpace:
        """The actions as the wave numbers them."""
        return ActionSpace.of_pairs(self.actions)

    @property
    def unit(self) -> str | None:
        """What rewards are counted in."""
        unit = self.reward.unit if self.reward else self.summary.get("unit")
        return None if unit is None else str(unit)


class Fold(BaseModel):
    """What a snapshot was made of: each wave with the key of its statistics."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    waves: tuple[tuple[str, str], ...]
    half_life_days: float | None
    ridge: float
    intercept: float | None = None
    window_days: float
    model: dict[str, Any] | None = None


class SnapshotManifest(Manifest):
    """A version of the posterior.

    ``model`` holds the strengths of what its actions share, None where each learned alone;
    ``kinds`` are the kinds of events that it learned apart, with how each counts, None where a
    reward is what an event says; ``restored`` is the older version that a rollback put back.
    """

    campaign: str = DEFAULT_FILE
    actions: tuple[Pair, ...]
    features: Features
    parent: str | None
    unit: str
    fold: Fold | None = None
    model: dict[str, Any] | None = None
    kinds: dict[str, str] | None = None
    restored: str | None = None


class OutcomesManifest(Manifest):
    """One delivery; ``events`` is None for the rewards of a log."""

    events: int | None
    rejected: int


class StatisticsManifest(Manifest):
    """Sums of one wave; since format 2 with its name."""

    wave: str | None = None


def upgraded(content: dict[str, Any]) -> dict[str, Any]:
    """A manifest of any known format in the shape of the newest.

    Format 1 knew neither catalogue, policy nor user; those stay unknown.
    """
    return content
