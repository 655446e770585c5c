"""What a wave starts from: the newest snapshot, or a prior over freshly fitted features."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from bandit.config.campaign import Campaign
from bandit.core.actions import ActionSpace
from bandit.core.errors import ConfigError, DataError
from bandit.features.fit import fit
from bandit.features.spec import FeatureSpec
from bandit.models.kinds import aligned, split, stacked
from bandit.models.posterior import Posterior
from bandit.models.posterior_file import load_posterior, save_posterior
from bandit.record import snapshots
from bandit.record.manifests import Features
from bandit.sources.basket import column_of, products
from bandit.sources.columns import feature_relation
from bandit.sources.database import Database
from bandit.workflows.serve.fitted import features_config, fitted_before

LOGIT = "logit"
"""Where a model's record names the kinds of events whose counts go through the link."""


class ServingModel(NamedTuple):
    """``posterior`` the sums, ``model`` what pools them (None: each action learns alone).

    With ``kinds`` the sums are of several kinds of events, see `models.kinds`. ``odds`` are the
    expansions of those whose counts go through a link, kind by kind as the model's "logit" names
    them.
    ``pinned``, by their versions, are those that arms of experiments decide by.
    ``is_new``: the version is not stored yet and is published with the wave.
    """

    version: str
    parent: str | None
    actions: ActionSpace
    posterior: Posterior
    model: dict[str, Any] | None
    spec: FeatureSpec
    features: Features
    is_new: bool
    notes: list[str]
    kinds: dict[str, str]
    odds: Posterior | None = None
    pinned: Mapping[str, ServingModel] = MappingProxyType({})

    def over(self, space: ActionSpace) -> ServingModel:
        """The same over the actions of ``space``; those that it does not know at the prior."""
        places = space.positions_in(self.actions)
        odds = self.odds
        if odds is not None and self.model is not None:
            odds = aligned(odds, len(self.model[LOGIT]), places)
        posterior = aligned(self.posterior, max(len(self.kinds), 1), places)
        return self._replace(actions=space, posterior=posterior, odds=odds)


def serving_model(
    campaign: Campaign, data: Database, version: str | None, at: dt.datetime
) -> ServingModel:
    """The snapshot `version`, else the newest with the campaign's [features], else a prior.

    Features are fitted once for one [features]: those that some snapshot or wave was made with are
    taken up again, so that what is learned from all of them can be added up.
    """
    start = _start(campaign, data, version, at)
    return start._replace(notes=[*start.notes, *_unfitted(data, start)])


def _start(
    campaign: Campaign, data: Database, version: str | None, at: dt.datetime
) -> ServingModel:
    config = features_config(campaign)
    if version is not None:
        stored = snapshots.load(campaign.folder, version)
        if stored.features.config != config:
            raise DataError(
                f"snapshot {version} was learned with other [features]; restore them, or leave"
                " --snapshot out to start from a prior"
            )
        return _as_configured(of_snapshot(stored), campaign)
    same = snapshots.latest(campaign.folder, campaign.file, config)
    if same is not None:
        return _as_configured(of_snapshot(same), campaign)
    newest = snapshots.latest(campaign.folder, campaign.file)
    if newest is None:
        return _prior(campaign, data, at, None, [])
    parts = ("[features]", *("[[score]]",) * bool(campaign.score))
    said = " or ".join((*parts, *("[basket]",) * (campaign.basket is not None)))
    note = f"{said} changed since snapshot {newest.version}: this wave starts from a prior"
    return _prior(campaign, data, at, newest.version, [note])


def _unfitted(data: Database, start: ServingModel) -> Iterator[str]:
    """Gaps that were no features yet when the model's were fitted."""
    fitted = {column.name for column in start.spec.columns}
    if unknown := [name for name in data.table("customers").gaps if name not in fitted]:
        yield (
            f"[basket]: {', '.join(unknown)} told nobody from anybody, or no offer named the"
            " product, when the features were fitted: its offers are decided without; another"
            " [basket] days fits them anew and starts from a prior"
        )


def save(start: ServingModel, partial: Path, campaign: Campaign) -> None:
    """Write a new version's files into `partial`."""
    snapshots.fill(
        partial,
        start.version,
        save=lambda path: save_posterior(path, start.posterior),
        actions=start.actions,
        features=start.features,
        parent=start.parent,
        campaign=campaign.file,
        about={
            "fold": None,
            "unit": campaign.reward.unit,
            **({"kinds": start.kinds} if start.kinds else {}),
        },
    )


def _as_configured(start: ServingModel, campaign: Campaign) -> ServingModel:
    """Without its model where [model] says that each pair is served alone."""
    start = of_kinds(start, campaign)
    if not campaign.model.share:
        return start._replace(model=None, odds=None)
    if campaign.model.link == "logit" or start.model is None:
        return start
    model = {key: value for key, value in start.model.items() if key != LOGIT}
    return start._replace(model=model, odds=None)


def of_kinds(start: ServingModel, campaign: Campaign) -> ServingModel:
    """A model of the kinds that [reward.events] names; ConfigError if it has learned of others."""
    wanted, kinds = campaign.reward.counting, start.kinds
    if kinds == wanted:
        return start
    if start.posterior.count.any():
        raise ConfigError(
            f"snapshot {start.version} has learned of {_listed(kinds)}, [reward.events] names"
            f" {_listed(wanted)}: run `bandit learn`, which counts the outcomes of all waves anew"
        )
    nothing = split(start.posterior, max(len(kinds), 1))[0]
    return start._replace(posterior=stacked([nothing] * max(len(wanted), 1)), kinds=wanted)


def _listed(kinds: Mapping[str, str]) -> str:
    return ", ".join(map(repr, kinds)) or "no kinds of events"


def of_version(campaign: Campaign, version: str) -> ServingModel:
    """A stored version as the campaign serves it."""
    return _as_configured(of_snapshot(snapshots.load(campaign.folder, version)), campaign)


def sums_of(stored: snapshots.Snapshot) -> Posterior:
    """A snapshot's sums; DataError if its file holds anything else."""
    return _plain(stored, stored.posterior_file())


def _plain(stored: snapshots.Snapshot, file: Path) -> Posterior:
    found = load_posterior(file)
    if not isinstance(found, Posterior):
        raise DataError(f"{stored.folder}: a snapshot holds plain sums; restore it from a backup")
    return found


def of_snapshot(stored: snapshots.Snapshot) -> ServingModel:
    """A stored version as what a wave starts from."""
    posterior = sums_of(stored)
    spec = FeatureSpec.from_json(stored.features.spec)
    kinds = stored.manifest.kinds or {}
    expected = (len(stored.actions) * max(len(kinds), 1), len(spec.names))
    if (posterior.n_actions, posterior.n_features) != expected:
        raise DataError(
            f"{stored.folder}: the posterior has {posterior.n_actions} actions and"
            f" {posterior.n_features} features, its manifest says"
            f" {expected}; restore the folder from a backup"
        )
    return ServingModel(
        version=stored.version,
        parent=stored.manifest.parent,
        actions=stored.actions,
        posterior=posterior,
        model=stored.manifest.model,
        spec=spec,
        features=stored.features,
        is_new=False,
        notes=[],
        kinds=kinds,
        odds=None if (file := stored.odds_file()) is None else _plain(stored, file),
    )


def _prior(
    campaign: Campaign, data: Database, at: dt.datetime, parent: str | None, notes: list[str]
) -> ServingModel:
    spec = fitted_before(campaign)
    if spec is None:
        with data.limited():
            gaps = {column_of(product): product for product in products(data, campaign)}
            gaps = {c: p for c, p in gaps.items() if c in data.table("customers").gaps}
            relation = feature_relation(data, campaign)
            called = data.table("customers").shown
            spec = fit(campaign.features, relation, at, campaign.score, gaps, called)
    kinds, ridge = campaign.reward.counting, campaign.reward.ridge
    return ServingModel(
        version=snapshots.next_version(campaign.folder),
        parent=parent,
        actions=ActionSpace.of_pairs(()),
        posterior=Posterior.prior(max(len(kinds), 1), len(spec.names), ridge, spec.constant),
        model=None,
        spec=spec,
        features=Features(spec=spec.to_json(), config=features_config(campaign)),
        is_new=True,
        notes=notes,
        kinds=kinds,
    )
