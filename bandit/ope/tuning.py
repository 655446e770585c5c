"""Clip, threshold or shrinkage from the data: SLOPE, or the bound on the mean squared error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from bandit.checks import columns as checks
from bandit.core.errors import ConfigError
from bandit.kernels.stats.moments import SMOOTH
from bandit.ope.recipes import Recipe
from bandit.stats.quantiles import normal_quantile
from bandit.stats.statistic import Statistic, single
from bandit.stats.units import Terms, cluster_units


def slope(values: npt.ArrayLike, widths: npt.ArrayLike) -> int:
    """Index that Lepski's rule takes from estimates in order of growing bias and falling width.

    The last i whose intervals value_j ± 2 width_j, j ≤ i, all have a point in common: bias is
    accepted as long as it cannot be told from noise. Su, Srinath, Krishnamurthy (2020), Adaptive
    estimator selection for off-policy evaluation, section 3.
    """
    centre, half = np.asarray(values, np.float64), 2.0 * np.asarray(widths, np.float64)
    lowest = np.minimum.accumulate(centre + half)
    highest = np.maximum.accumulate(centre - half)
    apart = np.flatnonzero(highest > lowest)
    return int(apart[0]) - 1 if apart.size else len(centre) - 1


def tune(
    name: str,
    grid: Sequence[float],
    rewards: npt.ArrayLike,
    weights: npt.ArrayLike,
    *,
    q_logged: npt.ArrayLike | None = None,
    q_target: npt.ArrayLike | None = None,
    clusters: npt.ArrayLike | None = None,
    rule: Literal["slope", "mse"] = "slope",
    delta: float = 0.05,
) -> Recipe:
    """Choose an estimator's parameter from a ``grid``.

    "slope" is `slope` on normal widths at level δ. "mse" takes the least of variance + bias²,
    the bias bounded by the largest residual times the mass that shrinking took away (Wang, Agarwal,
    Dudík 2017, Optimal and adaptive off-policy evaluation in contextual bandits, section 4).
    """
    r = checks.vector("rewards", rewards)
    n = len(r)
    w = checks.weights("weights", weights, n)
    q = None if q_logged is None else checks.vector("q_logged", q_logged, n)
    qt = None if q_target is None else checks.vector("q_target", q_target, n)
    labels = checks.clusters(clusters, n)
    recipes = in_order_of_bias([Recipe(name, value) for value in grid])
    terms = [recipe.terms(r, w, q, qt) for recipe in recipes]
    found = [single(cluster_units(t, labels)) for t in terms]
    if rule == "slope":
        z = normal_quantile(1.0 - checks.probability("delta", delta) / 2.0)
        return recipes[slope([s.value for s in found], [z * s.standard_error for s in found])]
    if rule == "mse":
        bounds = [_mse_bound(t, s) for t, s in zip(terms, found, strict=True)]
        return recipes[int(np.argmin(bounds))]
    raise ConfigError(f"unknown rule {rule!r} of tuning; choose slope or mse")


def in_order_of_bias(recipes: Sequence[Recipe]) -> list[Recipe]:
    """From the least shrunk to the most."""
    if not recipes:
        raise ConfigError("tuning needs a grid of at least one value")
    smooth = recipes[0].kind.rule == SMOOTH
    return sorted(recipes, key=lambda recipe: recipe.strength, reverse=not smooth)


def _mse_bound(terms: Terms, found: Statistic) -> float:
    """Variance plus bias², |bias| ≤ max|r - q̂| · (1 - mean ŵ) as the mean of w is one."""
    farthest = float(np.abs(terms.reward - terms.q_logged).max())
    lost = max(0.0, 1.0 - float(terms.weight.mean()))
    return found.standard_error**2 + (farthest * lost) ** 2
