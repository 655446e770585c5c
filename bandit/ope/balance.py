"""Was the log randomised as it says? Asked of the log itself, before any candidate.

If the propensities are true, every function of the context averages to the same over the rows of an
action, each counted 1/p, as over all rows that might have got it. A log whose actions were decided
by what customers would do anyway fails this, and no candidate's mean weight can tell: for a
constant it is exactly one as soon as the propensities are the shares that came out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bandit.core.errors import DataError
from bandit.core.types import Array, Float64
from bandit.ope.log import Log
from bandit.ope.over_represented import Kinds, Taken
from bandit.stats.quantiles import chi_square_tail
from bandit.stats.units import first_seen

LEAST_DRAWS = 50
"""Rows of an action below which its balance is not asked for."""

LARGEST_SHARE = 0.02
"""An action is passed over where one row holds more of Σ 1/p: fifty such rows would have to have
come, and what had not come yet would look like imbalance."""

MOST_ROWS = 100_000
"""A keyed part of the clusters is enough: what matters at p < 1e-6 shows in so many rows."""

RANK = 1e-9
"""Directions below this share of the largest variance hold nothing: features that are sums of
others, or the same for everybody."""


CONFOUNDED = 1e-6
"""Below this p no causal claim comes out of a log."""

TOO_OFTEN = 0.01
"""Some kind of customer must also have got some action more often than its propensities allow, at
this p: χ² alone takes rows of tiny propensities, which have not come yet, for imbalance."""


class Imbalance(NamedTuple):
    """One action: χ² of its imbalance, degrees of freedom, and z float64[d] by feature.

    ``often`` is Σ 1/p over the rows that might have got it: how often it was taken as the
    propensities say it would be, as a ratio.
    """

    action: int
    chi_square: float
    freedom: int
    z: Float64
    often: float


@dataclass(frozen=True)
class Balance:
    """``p`` is the Bonferroni p-value of the ``worst`` action, 1 where no action could be asked."""

    p: float
    worst: Imbalance | None
    asked: int

    def leading(self, several: int = 3) -> list[int]:
        """Features that explain the worst action best, by |z|."""
        if self.worst is None:
            return []
        return [int(j) for j in np.argsort(-np.abs(self.worst.z), kind="stable")[:several]]


def balance(log: Log, seed: int = 0) -> Balance:
    """Balance of every action over the features, with an intercept in front: χ² = gᵀV⁻¹g.

    g = Σ_i (1[a_i = a]/p_i - 1) x_i over the rows that might have got a. V is half of the robust
    Σ s sᵀ over clusters, s a cluster's part of g, and half of mean(1/p - 1) Σ x xᵀ, widened by the
    intercept's design effect: the first holds whatever p does, the second knows that a customer
    of a rare kind who did not get a rare action proves nothing. p-values by χ² with as many
    degrees of freedom as V has directions, times the actions asked. Where the least is below
    `CONFOUNDED` and nobody got anything too often (`over_represented`), it is that test's instead.
    """
    if log.propensities is None:
        raise DataError("this log has no propensities, so there is nothing to hold it against")
    rows = _part(log, seed)
    part = log if len(rows) == log.n else log.take(rows)
    x = np.column_stack([np.ones(part.n), np.asarray(part.contexts, dtype=np.float64)])
    asked = np.flatnonzero(np.bincount(part.actions, minlength=part.n_actions) >= LEAST_DRAWS)
    found = [one for a in asked if (one := _imbalance(part, x, int(a))) is not None]
    if not found:
        return Balance(1.0, None, 0)
    tails = [chi_square_tail(one.chi_square, one.freedom) for one in found]
    worst = int(np.argmin(tails))
    if tails[worst] == 0.0:
        worst = int(np.argmax([one.chi_square for one in found]))
    p = min(1.0, len(found) * tails[worst])
    if p < CONFOUNDED and np.isfinite(found[worst].chi_square):
        kinds = Kinds.of(x[:, 1:])
        often = len(asked) * min(kinds.p_value(_taken(part, int(a))) for a in asked)
        if often >= TOO_OFTEN:
            p = min(1.0, often)
    return Balance(p, found[worst], len(found))


def explained(found: Balance, actions: Sequence[str], features: Sequence[str]) -> str:
    """The verdict on a log that is not balanced, with what its actions hang on."""
    worst = found.worst
    if worst is None:
        return ""
    freedom = f"on {worst.freedom} degrees of freedom"
    test = f"(chi-square {worst.chi_square:.0f} {freedom}, p {found.p:.1g})"
    name = actions[worst.action]
    far = [j for j in found.leading() if abs(worst.z[j]) > 3.0]
    if not far:
        return (
            f"{name!r} was taken {worst.often:.2f} times as often as its propensities say {test}:"
            " the propensities are not those of this log, and no causal claim comes out of it"
        )
    columns = ", ".join(f"{features[j]} ({worst.z[j]:+.1f})" for j in far)
    return (
        f"the features explain who got {name!r} beyond its propensities {test}; most by {columns},"
        " in standard errors: no causal claim comes out of this log; it needs the probabilities"
        " that each customer really had, or a campaign in which chance decides"
    )


def _part(log: Log, seed: int) -> npt.NDArray[np.int64]:
    """Rows of whole clusters, about `MOST_ROWS` of them."""
    if log.n <= MOST_ROWS:
        return np.arange(log.n)
    place, count = first_seen(log.clusters)
    kept = np.random.default_rng(seed).random(count) < MOST_ROWS / log.n
    return np.flatnonzero(kept[place])


def _taken(log: Log, action: int) -> Taken:
    able = np.flatnonzero(log.eligible[:, action])
    propensities: Array = log.propensities if log.propensities is not None else np.ones(log.n)
    inverse = np.where(log.actions[able] == action, 1.0 / propensities[able], 0.0)
    return Taken(able, inverse, *first_seen(log.clusters[able]))


def _imbalance(log: Log, x: Float64, action: int) -> Imbalance | None:
    able, inverse, place, count = _taken(log, action)
    taken = inverse > 0.0
    if inverse.max() > LARGEST_SHARE * inverse.sum():
        return None
    rows = x[able]
    rows[:, 1:] -= rows[:, 1:].mean(axis=0)  # χ² is the same, and each z is beyond the intercept's
    often = float(inverse.mean())
    rest = inverse - 1.0
    columns = [np.bincount(place, weights=rest * column, minlength=count) for column in rows.T]
    scores = np.stack(columns, axis=1).astype(np.float64)
    robust = scores.T @ scores
    spread = float(np.dot(inverse, inverse - taken)) / len(able)
    if not spread > 0.0:
        # taken for certain by all who might: nothing was left to chance
        return None if taken.all() else Imbalance(action, np.inf, 1, _z(scores, robust), often)
    flat = spread * (rows.T @ rows)
    design = max(1.0, float(robust[0, 0] / flat[0, 0]))
    chi_square, freedom = _quadratic(scores.sum(axis=0), 0.5 * (robust + design * flat))
    return Imbalance(action, chi_square, freedom, _z(scores, 0.5 * (robust + design * flat)), often)


def _z(scores: Float64, variance: Float64) -> Float64:
    """Imbalance of each feature in standard errors, without the intercept, float64[d]."""
    spread = np.sqrt(np.diag(variance))
    z = np.divide(scores.sum(axis=0), spread, out=np.zeros(len(spread)), where=spread > 0.0)
    return np.asarray(z[1:])


def _quadratic(g: Float64, variance: Float64) -> tuple[float, int]:
    """gᵀ V⁺ g and the rank of V, features brought to one scale before."""
    scale = np.sqrt(np.diag(variance))
    scale[scale == 0.0] = 1.0
    values, vectors = np.linalg.eigh(variance / np.outer(scale, scale))
    kept = values > RANK * values[-1]
    along = vectors[:, kept].T @ (g / scale)
    return float(np.sum(along * along / values[kept])), int(kept.sum())
