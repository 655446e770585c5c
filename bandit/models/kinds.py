"""Sums of several kinds of events over the same decisions, and the money that they make together.

The sums of K kinds lie in one posterior of K·k actions, kind by kind: contexts and counts are those
of the same rows, so that only shifts and sums of rewards differ. Each kind is a model of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from bandit.core.errors import ConfigError
from bandit.core.types import Array, Float64, Int32
from bandit.kernels.beta.beta_below import Tables
from bandit.kernels.linear.decide import Model
from bandit.models.moments import Moments
from bandit.models.owned import OwnedPosterior
from bandit.models.packed import model_of, root_factors
from bandit.models.pooled import PooledPosterior
from bandit.models.posterior import Posterior
from bandit.models.relative import RelativePosterior
from bandit.models.sums import rate_tables

HALF = 0.5
"""Events that a kind is taken to have had where none was seen."""
LEAST = 1e-12
"""Share of the noise that an action keeps whose events are all worth nothing: a width is needed."""


def updated(sums: Posterior, contexts: Array, actions: Int32, events: Float64) -> Posterior:
    """Learn from n rows ``contexts`` float[n, d] with ``events`` float64[K, n] of each kind.

    Rows without an event of a kind add to its gram and count alone, which all kinds share. One
    reward float64[n] is learned as ever.
    """
    if events.ndim == 1:
        return sums.update(contexts, actions, events)
    parts = split(sums, len(events))
    seen = parts[0].update(contexts, actions, np.zeros(len(actions)))
    found = []
    for part, came in zip(parts, events, strict=True):
        some = np.flatnonzero(came)
        told = part.update(contexts[some], actions[some], came[some])
        found.append(replace(told, gram=seen.gram, count=seen.count))
    return stacked(found)


def split(sums: Posterior, kinds: int) -> list[Posterior]:
    """The sums of each kind, of k actions."""
    k = sums.n_actions // kinds
    blocks = [slice(first, first + k) for first in range(0, kinds * k, k)]
    return [
        replace(
            sums,
            gram=sums.gram[block],
            shift=sums.shift[block],
            count=sums.count[block],
            reward_sum=sums.reward_sum[block],
            square_sum=sums.square_sum[block],
        )
        for block in blocks
    ]


def stacked(parts: Sequence[Posterior]) -> Posterior:
    """The sums of all kinds as one posterior."""
    return replace(
        parts[0],
        gram=np.concatenate([part.gram for part in parts]),
        shift=np.concatenate([part.shift for part in parts]),
        count=np.concatenate([part.count for part in parts]),
        reward_sum=np.concatenate([part.reward_sum for part in parts]),
        square_sum=np.concatenate([part.square_sum for part in parts]),
    )


def aligned(sums: Posterior, kinds: int, places: Array) -> Posterior:
    """`Posterior.align` of each kind: action i of the result is ``places[i]``, -1 a new one."""
    return stacked([part.align(places) for part in split(sums, kinds)])


def noise(part: Moments, sums: Posterior) -> float:
    """Standard deviation of a kind about its model; of one that never came, by half an event."""
    seen = float(sums.count.sum())
    if seen > 0.0 and not sums.square_sum.any():
        return float(np.sqrt(HALF / (seen + 1.0)))
    return part.noise_scale


@dataclass(frozen=True, eq=False)
class Composed:
    """Money of k actions: ``Σ_e w_ea · N(xᵀ mean_ea, σ_e² xᵀ S_ea x)``, the kinds independent.

    The sum is normal with mean ``xᵀ Σ w mean`` and variance ``xᵀ (Σ w² σ² S) x``, so that policies
    and kernels see one linear model. ``parts`` K models, ``weights`` float64[K, k] their worths,
    ``noises`` float64[K] their standard deviations, ``counts`` float64[k] how often each was seen.
    """

    parts: tuple[Moments, ...]
    weights: Float64
    noises: Float64
    counts: Float64

    @property
    def n_actions(self) -> int:
        """How many actions there are: k."""
        return int(self.weights.shape[1])

    @property
    def n_features(self) -> int:
        """How many features a context has: d."""
        return self.parts[0].n_features

    @property
    def link(self) -> Literal["identity"]:
        """Money is the score itself."""
        return "identity"

    @cached_property
    def mean(self) -> Float64:
        """``Σ_e w_ea mean_ea``, float64[k, d]."""
        found = np.zeros((self.n_actions, self.n_features))
        for w, part in zip(self.weights, self.parts, strict=True):
            found += w[:, None] * part.mean
        return found

    @cached_property
    def split_mean(self) -> tuple[Float64, Float64]:
        """Shared and own part of `mean`, float64[k, d] each; all is own of who learns alone."""
        shared = np.zeros_like(self.mean)
        for w, part in zip(self.weights, self.parts, strict=True):
            if isinstance(part, PooledPosterior | OwnedPosterior | RelativePosterior):
                shared += w[:, None] * part.split_mean[0]
        return shared, self.mean - shared

    @cached_property
    def _variances(self) -> Float64:
        """``(w σ)²`` float64[K, k], never all zero."""
        found = (self.weights * self.noises[:, None]) ** 2
        total = found.sum(axis=0)
        found[0, total == 0.0] = LEAST * (total.max(initial=0.0) or 1.0)
        return found

    @cached_property
    def scale(self) -> Float64:
        """``√Σ_e (w σ)²`` of each action, float64[k]."""
        found: Float64 = np.sqrt(self._variances.sum(axis=0))
        return found

    @cached_property
    def noise_scale(self) -> float:
        """`scale` over all actions, by how often each was seen."""
        seen = self.counts if self.counts.any() else np.ones(self.n_actions)
        return float(np.sqrt(self._variances.sum(axis=0) @ seen / seen.sum()))

    @cached_property
    def covariance(self) -> Float64:
        """``Σ_e (w σ)² S_ea``, in units of the noise variance, float64[k, d, d]."""
        shares = self._variances / self.noise_scale**2
        found = np.zeros((self.n_actions, self.n_features, self.n_features))
        for share, part in zip(shares, self.parts, strict=True):
            found += share[:, None, None] * part.covariance
        return found

    @cached_property
    def model(self) -> tuple[Model, bool]:
        """Means, factors and width bounds as the choose kernels read them; whether bounds hold."""
        sparse = any(
            part.sparse if isinstance(part, RelativePosterior) else isinstance(part, OwnedPosterior)
            for part in self.parts
        )
        return model_of(self.mean, self.covariance, root_factors(self.covariance), sparse=sparse)

    @property
    def rate_shapes(self) -> tuple[Float64, Float64]:
        """Refused: money has no rate."""
        raise ConfigError("beta_ts learns the rate of one outcome, [reward.events] are several")

    @property
    def rates(self) -> Tables:
        """Refused: money has no rate."""
        return rate_tables(*self.rate_shapes)


def composed(parts: Sequence[Moments], sums: Sequence[Posterior], weights: Float64) -> Composed:
    """What K kinds make together at ``weights`` float64[K, k]."""
    noises = np.array([noise(part, own) for part, own in zip(parts, sums, strict=True)])
    return Composed(tuple(parts), weights, noises, sums[0].count)
