"""Features that only some actions have coefficients on: the scores of their own offers.

Sums and moments are over all d features of a context. Each action is learned in coordinates of its
own, those that all have and then e − d₀ slots for what is its own: so what its offer's score is
worth has something in common with what another score is worth to another offer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np

from bandit.core.types import Array, Bool, Float64
from bandit.kernels.beta.beta_below import Tables
from bandit.kernels.linear.decide import Model
from bandit.models.hybrid import Strengths
from bandit.models.packed import model_of, root_factors
from bandit.models.pooled import PooledPosterior
from bandit.models.posterior import Posterior

FIRST, WEIGHTS = 10.0**0.5, (0.01, 0.1, 1.0, 10.0**0.5, 10.0)
"""How much larger a slot's coefficients are taken to be than those of what all have; where scores
are noise the least is the likeliest, which is none."""
LEAST = 1e-9
"""Variance of a coefficient that an action has not, as a share of its others: a factor needs one.
Widths grow by a billionth of what they are."""


class Layout(NamedTuple):
    """Where each action's own coordinates stand among the d features of a context.

    ``places`` int64[k, e], the first ``common`` alike for all actions, −1 where an action leaves a
    slot empty; ``rising`` bool[e]: coefficients that are not negative.
    """

    places: Array
    common: int
    rising: Bool


@dataclass(frozen=True, eq=False)
class OwnedPosterior:
    """A hybrid posterior in the actions' own coordinates, told in those of the contexts.

    ``weight`` multiplies the features of slots, ``dropped`` bool[k, e] are coefficients that are
    zero because what was seen made them negative.
    """

    sums: Posterior
    layout: Layout
    features: Float64
    strengths: Strengths
    weight: float
    dropped: Bool

    @cached_property
    def inner(self) -> PooledPosterior:
        """The model in coordinates of the actions' own."""
        return PooledPosterior(self._gathered(), self.features, self.strengths)

    def _gathered(self) -> Posterior:
        return gathered(self.sums, self.layout, self.weight, self.dropped)

    @property
    def n_actions(self) -> int:
        """How many actions there are: k."""
        return self.sums.n_actions

    @property
    def n_features(self) -> int:
        """How many features a context has: d."""
        return self.sums.n_features

    @property
    def link(self) -> Literal["identity"]:
        """The outcome is the score itself."""
        return "identity"

    @property
    def noise_scale(self) -> float:
        """As in `PooledPosterior`."""
        return self.inner.noise_scale

    @property
    def scale(self) -> Float64:
        """As `PooledPosterior.scale`."""
        return self.inner.scale

    @property
    def evidence(self) -> float:
        """As in `PooledPosterior`."""
        return self.inner.evidence

    @cached_property
    def mean(self) -> Float64:
        """float64[k, d], zero where an action has no coefficient."""
        return self._spread(self.inner.mean)

    @cached_property
    def split_mean(self) -> tuple[Float64, Float64]:
        """As in `PooledPosterior`, in the contexts' coordinates."""
        shared, own = self.inner.split_mean
        return self._spread(shared), self._spread(own)

    @cached_property
    def covariance(self) -> Float64:
        """float64[k, d, d], `LEAST` of its others' variance where there is no coefficient."""
        k, d = self.n_actions, self.n_features
        own = self.inner.covariance * self._factor[:, :, None] * self._factor[:, None, :]
        variance = np.einsum("kii->ki", own)
        least = LEAST * variance.sum(axis=1) / (variance > 0.0).sum(axis=1)
        # One place more takes what stands nowhere.
        found = np.zeros((k, d + 1, d + 1))
        row = np.arange(k)[:, None, None]
        found[row, self._places[:, :, None], self._places[:, None, :]] = own
        found = np.ascontiguousarray(found[:, :d, :d])
        diagonal = np.einsum("kii->ki", found)
        np.copyto(diagonal, least[:, None], where=diagonal == 0.0)
        return found

    @property
    def rate_shapes(self) -> tuple[Float64, Float64]:
        """As in `Posterior`."""
        return self.sums.rate_shapes

    @property
    def rates(self) -> Tables:
        """As in `Posterior`."""
        return self.sums.rates

    @cached_property
    def model(self) -> tuple[Model, bool]:
        """Means, factors and width bounds as the choose kernels read them; whether bounds hold."""
        factors = root_factors(self.covariance)
        return model_of(self.mean, self.covariance, factors, sparse=True)

    @cached_property
    def _places(self) -> Array:
        places = np.where(self.dropped, -1, self.layout.places)
        return np.where(places < 0, self.n_features, places)

    @cached_property
    def _factor(self) -> Float64:
        return _factors(self.layout, self.weight, self.dropped)

    def _spread(self, means: Float64) -> Float64:
        found = np.zeros((self.n_actions, self.n_features + 1))
        np.put_along_axis(found, self._places, means * self._factor, axis=1)
        return np.ascontiguousarray(found[:, :-1])


def gathered(sums: Posterior, layout: Layout, weight: float, dropped: Bool) -> Posterior:
    """The sums in the actions' own coordinates: ``x_a = weight · x[places_a]``, 0 where empty."""
    places = np.maximum(layout.places, 0)
    factor = _factors(layout, weight, dropped)
    row = np.arange(sums.n_actions)[:, None]
    gram = sums.gram[row[:, :, None], places[:, :, None], places[:, None, :]]
    constant = None
    if sums.constant is not None:
        constant = np.zeros(places.shape[1])
        constant[: layout.common] = sums.constant[places[0, : layout.common]]
    return replace(
        sums,
        gram=gram * factor[:, :, None] * factor[:, None, :],
        shift=sums.shift[row, places] * factor,
        constant=constant,
    )


def _factors(layout: Layout, weight: float, dropped: Bool) -> Float64:
    factor = np.where((layout.places >= 0) & ~dropped, weight, 0.0)
    factor[:, : layout.common] = 1.0
    return factor


def owned(
    sums: Posterior, layout: Layout, features: Float64, levels: Array, *, rising: bool
) -> OwnedPosterior:
    """Strengths and the slots' weight by the evidence; negative slopes made zero where ``rising``.

    Slopes are dropped until none is negative: each by what is left, in the same order whatever the
    batches. They come back by themselves at the next `learn` that finds them positive.
    """
    none = np.zeros(layout.places.shape, np.bool_)

    def at(weight: float) -> PooledPosterior:
        return gathered(sums, layout, weight, none).pooled(features, levels=levels)

    def evidence(weight: float) -> float:
        own = gathered(sums, layout, weight, none)
        return PooledPosterior(own, found.features, found.strengths).evidence

    found, weight = at(FIRST), FIRST
    if (best := max(WEIGHTS, key=evidence)) != weight:
        found, weight = at(best), best
    posterior = OwnedPosterior(sums, layout, found.features, found.strengths, weight, none)
    return _held_up(posterior) if rising else posterior


def again(
    posterior: OwnedPosterior, sums: Posterior, find: Callable[[Posterior], Strengths], *,
    rising: bool,
) -> OwnedPosterior:  # fmt: skip
    """Of other ``sums``, at the strengths that ``find`` makes of them in the actions' coordinates.

    The slots' weight stays.
    """
    none = np.zeros_like(posterior.dropped)
    own = gathered(sums, posterior.layout, posterior.weight, none)
    told = replace(posterior, sums=sums, strengths=find(own), dropped=none)
    return _held_up(told) if rising else told


def _held_up(posterior: OwnedPosterior) -> OwnedPosterior:
    """The same with all slopes that should rise at zero or above."""
    layout = posterior.layout
    slopes = layout.rising & (layout.places >= 0)
    while (below := slopes & ~posterior.dropped & (posterior.inner.mean < 0.0)).any():
        posterior = replace(posterior, dropped=posterior.dropped | below)
    return posterior
