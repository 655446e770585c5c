"""Can this log answer the question at all? What an importance-weighted estimate rests on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bandit.checks import columns as checks
from bandit.core.errors import DataError
from bandit.core.types import Float64
from bandit.ope.estimate import effective_sample_size
from bandit.ope.log import Log
from bandit.ope.moments import Moments
from bandit.stats.quantiles import bennett_tail, normal_tail
from bandit.stats.rare import effective_rewards
from bandit.stats.statistic import standard_error_of
from bandit.stats.units import first_seen

UNSEEN = 3.0
"""How much larger than the largest weight seen one may be that has not come yet."""
SLICES = 10
"""Pieces of the log, in order of time, that drift is looked for in."""


@dataclass(frozen=True)
class Diagnostics:
    """Overlap of one target with a log.

    ``mean_weight_p`` is the two-sided p-value of the mean weight being one (cluster robust);
    ``max_weight_share`` the largest weight's share of their sum; ``unsupported_share`` the
    target's probability on actions that were never logged, NaN where it was not looked at;
    ``effective_rewards`` is (Σz)²/Σz² of z = w r, NaN where no rewards were given.
    """

    n: int
    effective_sample_size: float
    mean_weight: float
    mean_weight_error: float
    mean_weight_p: float
    max_weight: float
    max_weight_share: float
    unsupported_share: float
    effective_rewards: float = float("nan")

    @property
    def mean_weight_z(self) -> float:
        """Standard errors between the mean weight and one."""
        off = self.mean_weight - 1.0
        return off / self.mean_weight_error if self.mean_weight_error > 0.0 else 0.0

    @property
    def missing_by_chance(self) -> float:
        """Chance that so many rows of `UNSEEN` times the largest weight did not come.

        As many as would make up for a mean below one; 0 where it is not. Drawn now and then, such
        rows are missing from the mean and from its error at once (ADR 373).
        """
        lacking = self.n * (1.0 - self.mean_weight)
        scale = UNSEEN * self.max_weight
        return float(np.exp(-lacking / scale)) if min(lacking, scale) > 0.0 else 0.0


class Calibration(NamedTuple):
    """Are logged propensities true? Per action Σ 1/p over its rows, against the rows it could have.

    ``ratio`` float64[k] should be one, ``error`` float64[k] is its standard error (NaN for an
    action never eligible or never logged), ``p`` a bound of the p-value of the worst action,
    Bonferroni over all.
    """

    ratio: Float64
    error: Float64
    p: float


class Drift(NamedTuple):
    """Means over slices of time, float64[s], and bounds of p-values that one departs from all.

    A mean weight that moves says that propensities or eligibility changed; a reward that moves,
    that the past may not speak for tomorrow.
    """

    mean_weight: Float64
    mean_reward: Float64
    weight_p: float
    reward_p: float


def diagnose(log: Log, target: npt.ArrayLike) -> Diagnostics:
    """Overlap of target probabilities float[n, k] with a log that has propensities."""
    weights = log.weights(target)
    mass = np.asarray(target, dtype=np.float64).sum(axis=0)
    logged = np.bincount(log.actions, minlength=log.n_actions)
    share = unsupported_share(mass, logged)
    return weigh(weights, clusters=log.clusters, rewards=log.rewards, unsupported_share=share)


def weigh(
    weights: npt.ArrayLike,
    *,
    clusters: npt.ArrayLike | None = None,
    rewards: npt.ArrayLike | None = None,
    unsupported_share: float = float("nan"),
) -> Diagnostics:
    """Overlap from importance weights float[n]; how many of ``rewards`` float[n] speak for it."""
    w = checks.vector("weights", weights)
    w = checks.weights("weights", w, len(w))
    labels = checks.clusters(clusters, len(w))
    heard = float("nan")
    if rewards is not None:
        heard = effective_rewards(w, checks.vector("rewards", rewards, len(w)), labels)
    excess = w - w.mean()
    if labels is not None:
        place, count = first_seen(labels)
        excess = np.bincount(place, weights=excess, minlength=count)
    error = standard_error_of(excess / len(w))
    found = _diagnostics(
        len(w), float(w.sum()), float(w @ w), float(w.max()), error, unsupported_share
    )
    return replace(found, effective_rewards=heard)


def weigh_moments(
    moments: Moments, target: str, unsupported_share: float = float("nan")
) -> Diagnostics:
    """Overlap of a target from a streamed log."""
    t = moments.targets.index(target)
    total, rows = moments.groups.parts[:, t, 0], moments.groups.rows
    squares, largest = moments.weights[t, :2]
    n = float(rows.sum())
    seen = rows > 0.0
    error = standard_error_of((total - total.sum() / n * rows)[seen] / n)
    return _diagnostics(
        moments.n, float(total.sum()), float(squares), float(largest), error, unsupported_share
    )


def unsupported_share(mass: npt.ArrayLike, logged: npt.ArrayLike) -> float:
    """Share of the target's probability on actions never logged.

    ``mass`` float[k] is the target's probability summed over the rows, ``logged`` int[k] how
    often each action was taken; both add up over blocks.
    """
    total, count = np.asarray(mass, dtype=np.float64), np.asarray(logged)
    if total.shape != count.shape or not total.sum() > 0.0:
        raise DataError(
            f"mass and logged must be a number an action, they are {total.shape}, {count.shape}"
        )
    return float(total[count == 0].sum() / total.sum())


def calibrate(log: Log) -> Calibration:
    """Check propensities against how often each action was taken where it was eligible.

    If they are true, 1/p over the rows of action a has the expectation 1 on every row where a is
    eligible (and could be drawn).
    """
    if log.propensities is None:
        raise DataError("this log has no propensities to check")
    k = log.n_actions
    inverse = 1.0 / log.propensities
    able = log.eligible.sum(axis=0).astype(np.float64)
    total = np.bincount(log.actions, weights=inverse, minlength=k)
    squares = np.bincount(log.actions, weights=inverse * inverse, minlength=k)
    known = (able > 1.0) & (total > 0.0)
    ratio, error = np.full(k, np.nan), np.full(k, np.nan)
    if not known.any():
        return Calibration(ratio, error, 1.0)
    able, total, squares = able[known], total[known], squares[known]
    # What 1/p is on average where the action is drawn is the mean of 1/p over who can get it.
    variance = able * np.maximum(squares / np.minimum(total, able) - 1.0, 0.0)
    ratio[known], error[known] = total / able, np.sqrt(variance) / able
    # What is missing may be rows of the log's smallest propensity that were not drawn (ADR 371).
    missing = np.maximum(able - total, 0.0)
    unseen = np.exp(-missing * float(log.propensities.min()))
    off = np.abs(total - able) / np.sqrt(np.where(variance > 0.0, variance, np.inf))
    chance = [normal_tail(float(z)) for z in off]
    p = np.where(missing > 0.0, np.maximum(chance, unseen), chance)
    return Calibration(ratio, error, min(1.0, len(p) * float(p.min())))


def drift(weights: npt.ArrayLike, rewards: npt.ArrayLike, slices: int = SLICES) -> Drift:
    """Means of weights and rewards float[n] over equal slices of rows in order of time."""
    w = checks.vector("weights", weights)
    r = checks.vector("rewards", rewards, len(w))
    pieces = min(slices, len(w) // 2)
    if pieces < 2:
        raise DataError(f"drift needs at least 4 rows, the log has {len(w)}")
    mean_weight, weight_p = _over_slices(w, pieces)
    mean_reward, reward_p = _over_slices(r, pieces)
    return Drift(mean_weight, mean_reward, weight_p, reward_p)


def _over_slices(values: Float64, pieces: int) -> tuple[Float64, float]:
    """Mean of each slice, and a bound of the p-value that one is so far from that of all by chance.

    Chance is any order of the rows, bounded by Bennett's inequality: a slice that a handful of
    purchases missed has next to no spread of its own, and looks far from all others (ADR 370).
    """
    parts = np.array_split(values, pieces)
    means, mean = np.array([part.mean() for part in parts]), float(values.mean())
    rows = np.array([len(part) for part in parts], dtype=np.float64)
    variance = rows * float(values.var())
    above = bennett_tail(rows * (means - mean), variance, values.max() - mean)
    below = bennett_tail(rows * (mean - means), variance, mean - values.min())
    return means, min(1.0, 2.0 * pieces * float(min(above.min(), below.min())))


def _diagnostics(
    n: int, total: float, squares: float, largest: float, error: float, unsupported: float
) -> Diagnostics:
    mean = total / n
    p = normal_tail((mean - 1.0) / error) if error > 0.0 else float(mean == 1.0)
    return Diagnostics(
        n,
        effective_sample_size(total, squares),
        mean,
        error,
        p,
        largest,
        largest / total if total > 0.0 else 0.0,
        unsupported,
    )
