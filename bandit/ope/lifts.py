"""What a candidate adds to another policy, judged on paired terms of the same rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bandit.checks import columns as checks
from bandit.core.types import Float64
from bandit.ope import row_terms
from bandit.ope.estimate import Estimate, Question, describe, summarise_weights
from bandit.ope.recipes import Recipe
from bandit.ope.row_terms import Range
from bandit.stats import rare
from bandit.stats.bounds import evidence
from bandit.stats.statistic import Statistic, difference
from bandit.stats.units import Terms, Units, cluster_units


class Pair(NamedTuple):
    """Row terms of a candidate and of what it is compared with."""

    candidate: Terms
    baseline: Terms


def lift(
    recipe: Recipe,
    rewards: npt.ArrayLike,
    weights: npt.ArrayLike,
    *,
    baseline: npt.ArrayLike | None = None,
    q_logged: npt.ArrayLike | None = None,
    q_target: npt.ArrayLike | None = None,
    q_baseline: npt.ArrayLike | None = None,
    q_logged_baseline: npt.ArrayLike | None = None,
    clusters: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    interval: str = "bootstrap",
    seed: int = 0,
    reward_range: Range | None = None,
) -> Estimate:
    """Value of a target less that of a baseline, by one estimator on the same rows.

    ``weights`` float[n] are those of the target. ``baseline`` float[n] are the weights of another
    policy, such as business as usual; without them it is the logging policy, whose value is the
    mean reward. ``q_target`` and ``q_baseline`` float[n] are the outcome model's means under
    the two; ``q_logged_baseline`` float[n] stands in for ``q_logged`` in the baseline's terms,
    where the model was calibrated for each. Rows that both treat alike cancel, and so does the
    noise that they share. Interval options as in `bandit.ope.estimators`.
    """
    w = checks.weights("weights", weights, len(checks.vector("weights", weights)))
    pair = paired_terms(
        recipe, rewards, w, baseline, q_logged, q_target, q_baseline, q_logged_baseline
    )
    labels = checks.clusters(clusters, len(w))
    return paired_lift(pair, w, labels, Question(interval, confidence, seed), reward_range)


def lift_evidence(
    recipe: Recipe,
    rewards: npt.ArrayLike,
    weights: npt.ArrayLike,
    *,
    baseline: npt.ArrayLike | None = None,
    margin: float = 0.0,
    reward_range: Range | None = None,
) -> Float64:
    """Evidence that the lift is above ``margin``, after each row: float64[n], natural logarithms.

    Look as often as you like: where the lift is not above the margin, the curve ever passes ln(1/δ)
    with probability at most δ. It is the capital behind ``interval="betting"``, whose lower limit
    leaves the margin where the curve passes ln(2/(1 - confidence)).
    """
    pair = paired_terms(recipe, rewards, weights, baseline)
    below = row_terms.lift_sides_of(*pair, None, reward_range).below
    return evidence(below, margin)


def paired_lift(
    pair: Pair,
    weights: Float64,
    labels: npt.NDArray[np.generic] | None,
    question: Question,
    reward_range: Range | None,
) -> Estimate:
    """Lift from checked row terms; ``weights`` float[n] are the candidate's before shrinkage."""
    candidate = pair.candidate
    return describe(
        contrast(pair, labels, cluster_units(pair.baseline, labels)),
        lambda: row_terms.lift_sides_of(*pair, labels, reward_range),
        summarise_weights(
            weights,
            candidate.weight,
            rare.effective_rewards(candidate.weight, candidate.reward, labels),
        ),
        question,
        len(weights),
    )


def contrast(pair: Pair, labels: npt.NDArray[np.generic] | None, baseline: Units) -> Statistic:
    """Difference of a pair over its clusters; ``baseline`` are the units of its second policy.

    A row's reward moves the difference by the difference of the two weights, each over its mean
    where the estimator divides by it: what falls on rows by chance is doubted with these.
    """
    candidate, other = pair
    slopes = _slopes(candidate) - _slopes(other)
    effective = rare.effective_rewards(slopes, candidate.reward, labels)
    doubt = rare.caution(slopes, row_terms.residuals(candidate), effective)
    return difference(cluster_units(candidate, labels), baseline, doubt)


def _slopes(terms: Terms) -> Float64:
    mean = float(terms.weight.mean())
    return terms.weight / mean if terms.ratio and mean > 0.0 else terms.weight


def paired_terms(
    recipe: Recipe,
    rewards: npt.ArrayLike,
    weights: npt.ArrayLike,
    baseline: npt.ArrayLike | None = None,
    q_logged: npt.ArrayLike | None = None,
    q_target: npt.ArrayLike | None = None,
    q_baseline: npt.ArrayLike | None = None,
    q_logged_baseline: npt.ArrayLike | None = None,
) -> Pair:
    """Checked row terms of a target and of its baseline; arguments as in `lift`."""
    r = checks.vector("rewards", rewards)
    n = len(r)

    def optional(name: str, values: npt.ArrayLike | None) -> Float64 | None:
        return None if values is None else checks.vector(name, values, n)

    w, q = checks.weights("weights", weights, n), optional("q_logged", q_logged)
    candidate = recipe.terms(r, w, q, optional("q_target", q_target))
    if baseline is None:
        return Pair(candidate, row_terms.model_free(r, np.ones(n), ratio=False))
    other = checks.weights("baseline", baseline, n)
    if q_logged_baseline is not None:
        q = optional("q_logged_baseline", q_logged_baseline)
    return Pair(candidate, recipe.terms(r, other, q, optional("q_baseline", q_baseline)))
