"""Which channel suits whom, whatever is offered: learned across offers, with its width."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from bandit.config.campaign import Campaign
from bandit.core.errors import BanditError, DataError
from bandit.core.types import Array, Float64
from bandit.features.action_features import CHANNEL, COMMON, ActionFeatures
from bandit.models.contrasts import contrast
from bandit.models.kinds import Composed
from bandit.models.moments import Moments
from bandit.models.moved import inner
from bandit.models.owned import OwnedPosterior
from bandit.models.pooled import PooledPosterior
from bandit.models.relative import RelativePosterior, unsure
from bandit.record.decisions import Decisions
from bandit.results.preference import Preference
from bandit.workflows.inspect import as_served
from bandit.workflows.serve.wave import Wave

ALL = ("", "")
"""Everybody, among segments by column and value."""


class Met:
    """Sums of the contexts float64[d] of ``customers``."""

    def __init__(self, d: int) -> None:
        self.total, self.customers = np.zeros(d), 0

    def add(self, contexts: Array) -> None:
        """Add customers with contexts float32[n, d]."""
        self.total += contexts.sum(axis=0, dtype=np.float64)
        self.customers += len(contexts)


def of_wave(
    campaign: Campaign, decisions: Decisions, met: Mapping[tuple[str, str], Met]
) -> tuple[dict[tuple[str, str], list[Preference]], list[str]]:
    """Of the mean customers of segments by a wave's own model; and why it cannot be asked."""
    try:
        wave = as_served.wave(campaign, decisions)
    except BanditError as e:
        return {}, [f"which channel suits whom cannot be told: {str(e).splitlines()[0]}"]
    known, value = Preferences(wave), _value(wave)
    return {
        key: known.of(m.total / m.customers, value) for key, m in met.items() if m.customers
    }, []


def _value(wave: Wave) -> float:
    """What a unit of outcome is worth on the mean over the offers; 1 where it is money already.

    Of offers whose value hangs on the customer nothing is known here: the others speak for them.
    """
    if wave.worths is not None:
        return 1.0
    fixed = [offer.value for offer in wave.catalogue.offers if not isinstance(offer.value, str)]
    return float(np.mean(fixed)) if fixed else 1.0


class _Part(NamedTuple):
    """Outcomes of a kind: ``worth`` of one in money; ``mean`` [c, d], ``covariance`` [c, d, d]."""

    worth: float
    noise: float
    mean: Float64
    covariance: Float64


class Preferences:
    """Of the channels of a wave's model, over the mean of them all.

    A channel's part is ``xᵀβ_c`` less the mean over the channels, of what contacts have in common
    by channel; a pair's own part, which hangs on the offer, is no part of it.
    """

    def __init__(self, wave: Wave) -> None:
        self.channels: tuple[str, ...] = ()
        self._parts: list[_Part] = []
        self._d = wave.posterior.n_features
        if wave.model is None:
            return
        features = ActionFeatures.from_json(wave.model["features"])
        columns = [i for i, (level, _) in enumerate(features.columns) if level == CHANNEL]
        if len(columns) < 2:
            return
        self.channels = tuple(features.columns[i][1] for i in columns)
        rows = np.tile([float(level == COMMON) for level, _ in features.columns], (len(columns), 1))
        rows[:, columns] = np.eye(len(columns))
        for part, worth, noise in _kinds(inner(wave.posterior)):
            if (found := _moments(part, rows, columns, self._d)) is not None:
                self._parts.append(_Part(worth, noise, *found))

    def of(self, context: Array, value: float) -> list[Preference]:
        """For a context float[d], or a mean of contexts, at ``value`` of a unit of outcome.

        The channel that suits best comes first; empty where each pair learns alone.
        """
        if not self._parts:
            return []
        x = context.astype(np.float64)
        means, variances = np.zeros(len(self.channels)), np.zeros(len(self.channels))
        for part in self._parts:
            worth = value * part.worth
            means += worth * (part.mean @ x)
            spread = np.einsum("i,cij,j->c", x, part.covariance, x)
            variances += (worth * part.noise) ** 2 * np.maximum(spread, 0.0)
        found = [
            Preference(*told)
            for told in zip(self.channels, means.tolist(), np.sqrt(variances).tolist(), strict=True)
        ]
        return sorted(found, key=lambda one: -one.mean)


def _kinds(posterior: Moments) -> list[tuple[Moments, float, float]]:
    """Models, what an outcome of each is worth on the mean over the contacts, and their noise."""
    if not isinstance(posterior, Composed):
        return [(posterior, 1.0, posterior.noise_scale)]
    worths = posterior.weights[:, 1:].mean(axis=1).tolist()
    return list(zip(posterior.parts, worths, posterior.noises.tolist(), strict=True))


def _moments(
    part: Moments, rows: Float64, columns: list[int], d: int
) -> tuple[Float64, Float64] | None:
    """A model's moments of the channels' parts over d features; None of one that shares nothing.

    ``rows`` float64[c, q] are the features of a contact on each channel, with no offer, which
    stand in ``columns``.
    """
    factor, heard = np.ones(len(rows)), None
    if isinstance(part, RelativePosterior):
        heard = _heard(part, columns)
        factor, part = part.factors.of(rows), part.inner
    # Of each channel less the mean over all.
    weights = (np.eye(len(rows)) - 1.0 / len(rows)) * factor
    if isinstance(part, PooledPosterior):
        return _told(part, rows, weights, heard)
    if not isinstance(part, OwnedPosterior):
        return None
    # A score says what an offer is worth, not a channel: of the slots nothing is taken.
    common = part.layout.common
    mean, covariance = _told(part.inner, rows, weights, heard)
    if not np.array_equal(part.layout.places[0, :common], np.arange(common)):
        raise DataError("features of scores must come last; restore the snapshot from a backup")
    wide, square = np.zeros((len(rows), d)), np.zeros((len(rows), d, d))
    wide[:, :common] = mean[:, :common]
    square[:, :common, :common] = covariance[:, :common, :common]
    return wide, square


def _heard(part: RelativePosterior, columns: list[int]) -> Float64:
    """Events that followed contacts on each channel, float64[c]: how often is known by these."""
    inner = part.inner.inner if isinstance(part.inner, OwnedPosterior) else part.inner
    on = inner.features[:, columns] == 1.0
    return np.asarray(part.sums.reward_sum @ on, np.float64)


def _told(
    part: PooledPosterior, rows: Float64, weights: Float64, heard: Float64 | None
) -> tuple[Float64, Float64]:
    """The channels' parts; of counts with the doubt about how often each channel's events come.

    The model takes a factor for certain, and what it adds to a channel is most of what is told
    here (docs/adr/0451).
    """
    mean, covariance = _contrast(part, rows, weights)
    if heard is not None:
        each = _contrast(part, rows, np.eye(len(rows)))[0]
        moved = weights**2 * unsure(heard) / part.noise_scale**2
        covariance = covariance + np.einsum("cj,ja,jb->cab", moved, each, each)
    return mean, covariance


def _contrast(part: PooledPosterior, rows: Float64, weights: Float64) -> tuple[Float64, Float64]:
    """Sums of ``m u + Z β`` over rows with ``weights`` float64[c, c]; m u stays if they do not."""
    mean, covariance = contrast(part, weights @ rows)
    level = part.sums.baseline * part.sums.unit
    return mean + np.outer(weights.sum(axis=1), level), covariance
