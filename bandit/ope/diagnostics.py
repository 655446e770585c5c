"""Can this log answer the question at all? What an importance-weighted estimate rests on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bandit.checks import columns as checks
from bandit.core.errors import DataError
from bandit.core.types import Array, Float64
from bandit.ope.estimate import effective_sample_size
from bandit.ope.log import Log
from bandit.ope.moments import Moments
from bandit.stats.quantiles import normal_tail
from bandit.stats.rare import effective_rewards
from bandit.stats.statistic import standard_error_of
from bandit.stats.units import first_seen

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


class Calibration(NamedTuple):
    """Are logged propensities true? Per action Σ 1/p over its rows, against the rows it could have.

    ``ratio`` float64[k] should be one, ``error`` float64[k] is its standard error (NaN for an
    action never eligible or never logged), ``p`` the Bonferroni p-value of the worst action.
    """

    ratio: Float64
    error: Float64
    p: float


class Drift(NamedTuple):
    """Means over slices of time, float64[s]; Bonferroni p-values that one departs from the rest.

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
    ratio[known] = total[known] / able[known]
    spread = squares[known] / able[known] - ratio[known] ** 2
    error[known] = np.sqrt(np.maximum(spread, 0.0) / (able[known] - 1.0))
    return Calibration(ratio, error, _worst((ratio - 1.0)[known], error[known]))


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
    """Mean of each slice, and the p-value that the farthest from all others' mean is by chance."""
    parts = np.array_split(values, pieces)
    means = np.array([part.mean() for part in parts])
    errors = np.array([part.std(ddof=1) / np.sqrt(len(part)) for part in parts])
    rest = (values.sum() - means * [len(p) for p in parts]) / [len(values) - len(p) for p in parts]
    rest_error = values.std(ddof=1) / np.sqrt(len(values) * (1.0 - 1.0 / pieces))
    return means, _worst(means - rest, np.hypot(errors, rest_error))


def _worst(gaps: Array, errors: Array) -> float:
    """Bonferroni p-value of the largest |gap| in standard errors; 1 where nothing varies."""
    moving = errors > 0.0
    if not moving.any():
        return 1.0
    z = float(np.max(np.abs(gaps[moving]) / errors[moving]))
    return min(1.0, int(moving.sum()) * normal_tail(z))


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
