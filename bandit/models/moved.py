"""Moments whose means are moved by what is no line in the context; widths stay.

A draw is normal as before, about another mean, and whoever decides pays ``value · lift`` less: so
decisions, propensities and prices are exact, and nothing else knows of it.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np

from bandit.core.types import Array, Float32, Float64
from bandit.kernels.beta.beta_below import Tables
from bandit.kernels.linear.decide import Model
from bandit.kernels.linear.posterior_mean_of import taken_mean_into
from bandit.kernels.threads import spread
from bandit.models.moments import Moments

GRAIN = 512
"""Rows that a thread takes at a time."""


NO_MEANS: Float32 = np.zeros(0, np.float32)


class Charged(NamedTuple):
    """What actions cost less what their lifts are worth, as `Situation` has it."""

    costs: Float64
    listed: Float64
    means: Float32


@dataclass(frozen=True, eq=False)
class Moved:
    """``inner`` with `lifts`; all else is the inner model's, its mean before any lift.

    No ABC: every call asks of its posterior whether it is one, which takes ten times as long there.
    """

    inner: Moments

    @abstractmethod
    def lifts(self, contexts: Array) -> Float64:
        """What the score of each action is moved by, float64[n, k]; the same in every batch."""

    def lifts_at(self, contexts: Array, action: Array) -> Float64:
        """Of `lifts` that of one action a row, float64[n]."""
        return self.lifts(contexts)[np.arange(len(action)), action]

    def charged(self, contexts: Array, values: Float64, costs: Float64) -> Charged:
        """``cost − value · lift`` of each action; both float64[1 or n, k]."""
        charges: Float64 = values * self.lifts(contexts)
        np.subtract(costs, charges, out=charges)
        return Charged(charges, charges, NO_MEANS)

    @property
    def n_actions(self) -> int:
        """How many actions there are: k."""
        return self.inner.n_actions

    @property
    def n_features(self) -> int:
        """How many features a context has: d."""
        return self.inner.n_features

    @property
    def mean(self) -> Float64:
        """float64[k, d], before any lift."""
        return self.inner.mean

    @property
    def covariance(self) -> Float64:
        """As in the model."""
        return self.inner.covariance

    @property
    def link(self) -> Literal["identity", "logit"]:
        """As in the model."""
        return self.inner.link

    @property
    def scale(self) -> Float64:
        """As in the model."""
        return self.inner.scale

    @property
    def noise_scale(self) -> float:
        """As in the model."""
        return self.inner.noise_scale

    @cached_property
    def model(self) -> tuple[Model, bool]:
        """As in the model without lifts."""
        return inner(self).model

    @property
    def rate_shapes(self) -> tuple[Float64, Float64]:
        """As in the model."""
        return self.inner.rate_shapes

    @property
    def rates(self) -> Tables:
        """As in the model."""
        return self.inner.rates


def inner(posterior: Moments) -> Moments:
    """The model without its lifts."""
    while isinstance(posterior, Moved):
        posterior = posterior.inner
    return posterior


def lifts_of(posterior: Moments, contexts: Array) -> Float64:
    """What means are moved by for contexts float[n, d], float64[n, k]; zero where none are."""
    if isinstance(posterior, Moved):
        return posterior.lifts(np.ascontiguousarray(contexts))
    return np.zeros((len(contexts), posterior.n_actions))


def forms(contexts: Array) -> tuple[Float32, Float64]:
    """Contexts as kernels take them: float32 or float64, the other empty."""
    if contexts.dtype == np.float32:
        return contexts, np.zeros((0, 1))
    return np.zeros((0, 1), np.float32), contexts


class TakenMean:
    """The mean of what was taken, as the record has it."""

    def __init__(self, posterior: Moments) -> None:
        self._mean = np.ascontiguousarray(posterior.mean)
        self._moved = posterior if isinstance(posterior, Moved) else None

    def of(self, contexts: Float32, action: Array, grain: int) -> Float32:
        """``xᵀθ_a`` and its lift, float32[m], of contexts float32[m, d] and actions [m]."""
        means = np.empty(action.shape[0])
        spread(taken_mean_into, means.size, grain, contexts, self._mean, action, means)
        found = means.astype(np.float32)
        if self._moved is not None:
            found += self._moved.lifts_at(contexts, action)
        return found
