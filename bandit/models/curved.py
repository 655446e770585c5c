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

from bandit.core.types import Array, Float64
from bandit.kernels.linear.curves import curves_into, empty_rooms, packed, taken_curves_into
from bandit.kernels.threads import spread
from bandit.models.moments import Moments
from bandit.models.moved import GRAIN, Moved, forms

_NONE: Float64 = np.zeros((0, 1))


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
        return self._filled(contexts, _NONE, _NONE)

    def charged(self, contexts: Array, values: Float64, costs: Float64) -> Float64:
        """As in `Moved`, and the lifts are never written down."""
        return self._filled(contexts, values, costs)

    def _filled(self, contexts: Array, values: Float64, costs: Float64) -> Float64:
        n, d = contexts.shape
        out, rooms = np.empty((n, self.n_actions)), empty_rooms(n, d, GRAIN)
        spread(
            curves_into, n, GRAIN, *forms(contexts), *self._packed, values, costs, GRAIN, rooms, out
        )
        return out

    def lifts_at(self, contexts: Array, action: Array) -> Float64:
        """The same bytes as `lifts` has for one action a row."""
        n, d = contexts.shape
        out, rooms = np.empty(n), empty_rooms(n, d, GRAIN)
        spread(
            taken_curves_into, n, GRAIN, *forms(contexts), *self._packed,
            np.ascontiguousarray(action, np.int32), GRAIN, rooms, out,
        )  # fmt: skip
        return out

    @cached_property
    def _packed(self) -> tuple[Float64, Float64]:
        curves = tuple(self.curves.values())
        theta, weight = np.stack([c.theta for c in curves]), np.stack([c.weight for c in curves])
        base = np.sum([curve.weight[:, None] * curve.mean for curve in curves], axis=0)
        return packed(theta, weight, base)


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
