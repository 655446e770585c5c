"""Terms of an estimator row by row, and their sums over units: the form in which moments merge.

Every estimator here is linear in the reward, with a (shrunk) weight ŵ and an outcome model q̂:

    value = Σ q̂π / n + Σ ŵ (r - q̂) / D,     D = n, or Σ ŵ where the estimator is self-normalised.

A unit is what is independent of the others: a row, a cluster, or a group of clusters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bandit.core.types import Float64


@dataclass(frozen=True, eq=False)
class Terms:
    """Row terms: ``reward``, ``weight`` ŵ, ``q_logged`` q̂ and ``q_target`` q̂π, each float64[n].

    ``ratio`` says that the estimator divides by Σ ŵ; ``modelled`` that q̂ is not simply zero.
    """

    reward: Float64
    weight: Float64
    q_logged: Float64
    q_target: Float64
    ratio: bool
    modelled: bool

    @property
    def residual(self) -> Float64:
        """ŵ (r - q̂), float64[n]."""
        return self.weight * (self.reward - self.q_logged)


class Units(NamedTuple):
    """Sums over u units in the order of time: Σ q̂π, Σ ŵ(r - q̂), Σ ŵ and the rows in each."""

    base: Float64
    residual: Float64
    weight: Float64
    rows: Float64
    ratio: bool

    @property
    def n(self) -> float:
        """Rows in all."""
        return float(self.rows.sum())


def row_units(terms: Terms) -> Units:
    """Each row a unit."""
    return Units(
        terms.q_target, terms.residual, terms.weight, np.ones(len(terms.reward)), terms.ratio
    )


def cluster_units(terms: Terms, clusters: npt.NDArray[np.generic] | None) -> Units:
    """Each cluster a unit, in the order in which the clusters first appear."""
    rows = row_units(terms)
    if clusters is None:
        return rows
    place, count = first_seen(clusters)

    def total(column: Float64) -> Float64:
        return np.asarray(np.bincount(place, weights=column, minlength=count), np.float64)

    return Units(
        total(rows.base), total(rows.residual), total(rows.weight), total(rows.rows), rows.ratio
    )


def first_seen(labels: npt.NDArray[np.generic]) -> tuple[npt.NDArray[np.int64], int]:
    """Number labels by first appearance: int64[n], and how many there are."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse], len(first)


def value_of(units: Units) -> float:
    """The estimate; NaN where a self-normalised one has no weight at all."""
    denominator = float(units.weight.sum()) if units.ratio else units.n
    if denominator <= 0.0:
        return float("nan")
    return float(units.base.sum() / units.n + units.residual.sum() / denominator)


def influence(units: Units) -> Float64:
    """What each unit moves the value by, float64[u], summing to zero.

    Linear estimators: (Σ_unit (term - value))/n. Self-normalised: the delta method,
    ψ_u = Σ(q̂π - mean q̂π)/n + Σ(ŵ(r - q̂) - ρ ŵ)/Σŵ with ρ the ratio, so that the noise of the
    denominator is in it.
    """
    n = units.n
    if not units.ratio:
        return np.asarray((units.base + units.residual - value_of(units) * units.rows) / n)
    total = units.weight.sum()
    if total <= 0.0:
        return np.full(len(units.rows), np.nan)
    ratio = units.residual.sum() / total
    centred = units.base - units.base.sum() / n * units.rows
    return np.asarray(centred / n + (units.residual - ratio * units.weight) / total)
