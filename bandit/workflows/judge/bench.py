"""A log with its folds: what the customers of the other folds have to teach each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from bandit.config.campaign import Campaign
from bandit.config.section import Link
from bandit.config.worths import Worths, worths
from bandit.core.types import Array, Float64
from bandit.features.action_features import action_features
from bandit.features.score_layout import layout, products_of
from bandit.models.moments import Moments
from bandit.models.posterior import Posterior
from bandit.ope.cross_fitting import Ridge, cross_fit, fold_of
from bandit.sources.catalogue import Catalogue
from bandit.workflows.judge import kinds
from bandit.workflows.judge.logged import Logged
from bandit.workflows.serve.moments import Known, rising

BLOCK_CELLS = 4_000_000
"""Probabilities made at a time: 32 MB."""


@dataclass(frozen=True, eq=False)
class Bench:
    """A log with its folds and what has been fitted on them."""

    logged: Logged
    campaign: Campaign
    folds: int
    seed: int

    @cached_property
    def fold(self) -> Array:
        """Fold of each row, whole customers together."""
        log = self.logged.log
        return fold_of(log.n, self.folds, log.clusters, self.seed)

    @cached_property
    def q(self) -> Float64:
        """Cross-fitted outcome model: net reward of each action, float64[n, k]."""
        log = self.logged.log
        return cross_fit(
            Ridge(None),
            log.contexts,
            log.actions,
            log.rewards,
            log.n_actions,
            self.folds,
            log.clusters,
            self.seed,
        )

    @cached_property
    def _worths(self) -> Worths | None:
        """What events are worth today after the log's actions; None without kinds of them."""
        waves, served = self.logged.waves, self.logged.catalogue.served
        if waves is None or waves.events is None or served is None:
            return None
        return worths(self.campaign.reward, served.offers, self.logged.catalogue.actions)

    @cached_property
    def _taught(self) -> Float64:
        return kinds.taught(self.logged, self._worths)

    @cached_property
    def _sums(self) -> list[Posterior]:
        log, taught = self.logged.log, self._taught
        folds = [self.fold == f for f in range(self.folds)]
        return [
            kinds.summed(log.contexts[f], log.actions[f], taught[f], log.n_actions) for f in folds
        ]

    def posteriors(self, ridge: float | None, link: Link | None = None) -> list[Moments]:
        """For each fold what the others have to teach; alone, at ``ridge``, if there is one.

        ``link`` is the campaign's where None.
        """
        through = self.campaign.model.link if link is None else link
        if ridge is not None or not (self.campaign.model.share or through == "logit"):
            return self._risen([kinds.moments(s, self._worths, None) for s in self._alone(ridge)])
        return self._curved if through == "logit" else self._pooled

    def _risen(self, found: Sequence[Moments]) -> list[Moments]:
        space = self.logged.catalogue.actions
        return [rising(one, self._catalogue, space, self._worths) for one in found]

    @property
    def _catalogue(self) -> Catalogue:
        """As it was served, today's for a log of others."""
        today = Catalogue(self.campaign.offer, self.campaign.channel)
        return self.logged.catalogue.served or today

    @cached_property
    def _pooled(self) -> list[Moments]:
        return self._shared(curved=False)

    @cached_property
    def _curved(self) -> list[Moments]:
        return self._shared(curved=True)

    def _shared(self, *, curved: bool) -> list[Moments]:
        """What actions share is found anew on each fold's own rows, and the curves of counts."""
        found = []
        for f, sums in enumerate(self._alone(None)):
            others = self.fold != f
            read = kinds.rows(self.logged.log, self._taught, others) if curved else None
            found.append(kinds.moments(sums, self._worths, self._known, read))
        return self._risen(found)

    @cached_property
    def _known(self) -> Known:
        d = self.logged.log.contexts.shape[1]
        space = self.logged.catalogue.actions
        features = action_features(space, self._catalogue, self.campaign.model.columns, d)
        products = products_of(self.campaign.basket, self._catalogue)
        return Known(space, features, layout(self.logged.spec, space, products))

    def _alone(self, ridge: float | None) -> list[Posterior]:
        prior = self.campaign.reward.ridge if ridge is None else ridge
        found = []
        for f in range(self.folds):
            others = [s for g, s in enumerate(self._sums) if g != f]
            merged = others[0]
            for other in others[1:]:
                merged = merged.merge(other)
            found.append(replace(merged, ridge=prior, constant=self.logged.spec.constant))
        return found

    def blocks(self, f: int | None = None) -> Iterator[Array]:
        """Row numbers, of one fold or of all, a bounded number at a time."""
        rows = np.arange(self.logged.n) if f is None else np.flatnonzero(self.fold == f)
        size = max(1, BLOCK_CELLS // self.logged.log.n_actions)
        for start in range(0, len(rows), size):
            yield rows[start : start + size]
