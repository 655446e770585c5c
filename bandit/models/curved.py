"""Counts of events whose means go through the logistic link, in a model that is otherwise linear.

The linear model of counts knows how sure it is, and says of a mean what a line can: less than
nothing for who never buys, too little for who does. With the mode θ of a logistic model of the same
rows the expected count is ``σ(xᵀθ_a)``, and the means are moved there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from bandit.core.types import Array, Float32, Float64
from bandit.kernels.allocation.curved_contenders import Means
from bandit.kernels.linear import curved_means, curved_pairs, curves
from bandit.kernels.linear.decide import Model
from bandit.kernels.threads import spread
from bandit.models.moments import Moments
from bandit.models.moved import GRAIN, Charged, Moved, forms

ROUNDINGS = 16.0 * curved_means.UNIT


class Curve(NamedTuple):
    """``weight_a σ(xᵀ theta_a)`` where the inner model has ``weight_a xᵀ mean_a``.

    ``theta`` and ``mean`` float64[k, d], ``weight`` float64[k].
    """

    theta: Float64
    mean: Float64
    weight: Float64

    def of(self, action: int, context: Float64) -> float:
        """Events that are expected of a context float64[d] after an action."""
        return float(1.0 / (1.0 + np.exp(-(self.theta[action] @ context))))


@dataclass(frozen=True, eq=False)
class Curved(Moved):
    """``inner`` with ``curves`` in place of some of its lines, by the kind of event."""

    curves: dict[str, Curve]

    def lifts(self, contexts: Array) -> Float64:
        """``Σ weight_a (σ(xᵀ theta_a) − xᵀ mean_a)``."""
        n, d = contexts.shape
        out, rooms = np.empty((n, self.n_actions)), curves.empty_rooms(n, d, GRAIN)
        spread(curves.lifts_into, n, GRAIN, *forms(contexts), *self._packed, GRAIN, rooms, out)
        return out

    def charged(self, contexts: Array, values: Float64, costs: Float64) -> Charged:
        """Means are told in float32, for `model` bounds those; lifts are found of contenders."""
        if self.link != "identity":
            return super().charged(contexts, values, costs)
        n, d = contexts.shape
        means = np.empty((n, self.model[0].upper.size), np.float32)
        rooms = curved_means.empty_rooms(n, d, GRAIN)
        panels, weight = self._narrow[:2]
        spread(
            curved_means.means_into, n, GRAIN, *forms(contexts), panels, weight, GRAIN, rooms, means
        )
        return Charged(np.empty((n, self.n_actions)), costs, means.reshape(-1))

    def lifts_at(self, contexts: Array, action: Array) -> Float64:
        """Of `lifts` that of one action a row, to the last digits."""
        n = len(contexts)
        rooms = np.tile(curved_pairs.empty_room(self._pairs), (-(-max(n, 1) // GRAIN), 1))
        out = np.empty(n)
        spread(
            curved_pairs.taken_lifts_into, n, GRAIN, *forms(contexts), self._pairs,
            np.ascontiguousarray(action, np.int32), GRAIN, rooms, out,
        )  # fmt: skip
        return out

    @cached_property
    def model(self) -> tuple[Model, bool]:
        """The inner model, whose coarse means are those that `charged` tells."""
        plain, bounded = self.inner.model
        _, _, error, ground = self._narrow
        coarse = plain.coarse._replace(error=error, ground=plain.coarse.ground + ground)
        # How far means lie apart is known of lines alone.
        return plain._replace(coarse=coarse, curves=self._pairs, open=np.inf), bounded

    @cached_property
    def means(self) -> Means:
        """Outcomes that are expected, for whoever compares them at prices that are not fixed."""
        theta, share, base = self._parts
        rest = self.inner.mean - base
        panels, weight, error, ground = curved_means.packed(
            theta, share, rest, np.ones(len(rest[0]))
        )
        # A worth is made of a mean in float32: a few roundings of it.
        reach = float(error.max()) + ROUNDINGS * float(np.linalg.norm(rest, axis=1).max())
        ground += ROUNDINGS * float(np.abs(share).sum(axis=0).max())
        whole = (theta, share, -rest)
        return Means(
            panels, weight, reach, ground, curved_pairs.packed(*whole), curves.packed(*whole)
        )

    @cached_property
    def _pairs(self) -> curved_pairs.Curves:
        return curved_pairs.packed(*self._parts)

    @cached_property
    def _narrow(self) -> tuple[Float32, Float32, Float32, float]:
        theta, weight, base = self._parts
        inverse = self.inner.model[0].coarse.inverse[: theta.shape[2]].astype(np.float64)
        with np.errstate(divide="ignore"):
            scale = 1.0 / inverse
        return curved_means.packed(theta, weight, self.inner.mean - base, scale)

    @cached_property
    def _parts(self) -> tuple[Float64, Float64, Float64]:
        curves = tuple(self.curves.values())
        theta, weight = np.stack([c.theta for c in curves]), np.stack([c.weight for c in curves])
        return theta, weight, np.sum([c.weight[:, None] * c.mean for c in curves], axis=0)

    @cached_property
    def _packed(self) -> tuple[Float64, Float64]:
        return curves.packed(*self._parts)


def curved(
    inner: Moments, theta: Mapping[str, Float64], lines: Mapping[str, tuple[Float64, Float64]]
) -> Moments:
    """``inner`` with the modes ``theta`` float64[k, d] by kind, in place of its ``lines``.

    Those are what ``inner`` says of each kind: ``mean`` float64[k, d] and ``weight`` float64[k].
    """
    if not theta:
        return inner
    return Curved(inner, {kind: Curve(mode, *lines[kind]) for kind, mode in theta.items()})


def _of(posterior: Moments) -> Curved | None:
    while isinstance(posterior, Moved):
        if isinstance(posterior, Curved):
            return posterior
        posterior = posterior.inner
    return None


def curves_of(posterior: Moments) -> dict[str, Curve]:
    """The curves of a model by kind; none where none go through the link."""
    found = _of(posterior)
    return {} if found is None else found.curves


def bends_of(posterior: Moments, contexts: Array) -> Float64:
    """What the link alone moves means by, float64[n, k]."""
    found = _of(posterior)
    if found is None:
        return np.zeros((len(contexts), posterior.n_actions))
    return found.lifts(np.ascontiguousarray(contexts))
