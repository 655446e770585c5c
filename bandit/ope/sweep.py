"""Many candidates at once, without the winner's curse.

The best of many estimates is too good: it won partly by luck. Two answers: intervals that hold
for all candidates at once, or choosing on one half of the clusters and judging on the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bandit.checks import columns as checks
from bandit.core.errors import ConfigError, DataError
from bandit.core.types import Array
from bandit.ope.cross_fitting import fold_of
from bandit.ope.estimate import Estimate, Question
from bandit.ope.lifts import Pair, paired_lift
from bandit.ope.row_terms import Range
from bandit.stats.bounds import resampled
from bandit.stats.statistic import Statistic
from bandit.stats.units import Terms


class Band(NamedTuple):
    """Interval of one candidate that holds together with all others'."""

    value: float
    lower: float
    upper: float


class Winner(NamedTuple):
    """Chosen on one half, judged on the other; ``seen`` are the lifts on the half that chose."""

    name: str
    lift: Estimate
    seen: dict[str, Estimate]


def simultaneous(
    candidates: Mapping[str, Statistic], *, confidence: float = 0.95, seed: int = 0
) -> dict[str, Band]:
    """Intervals of all candidates that hold at once: max-t bootstrap over the common units.

    value ± c·se with c the quantile of max over candidates |θ* - θ|/se; correlated candidates pay
    little for being many. Romano, Wolf (2005), Stepwise multiple testing, algorithm 4.1.
    """
    if not candidates:
        raise ConfigError("a sweep needs at least one candidate")
    confidence = checks.probability("confidence", confidence)
    effects = np.stack([statistic.effects for statistic in candidates.values()], axis=1)
    if len(effects) < 2 or not np.isfinite(effects).all():
        raise DataError(
            "a sweep needs at least 2 independent units, and candidates that overlap with the log"
        )
    errors = np.array([statistic.standard_error for statistic in candidates.values()])
    scale = np.where(errors > 0.0, errors, 1.0)
    farthest = np.abs(resampled(effects, seed) / scale).max(axis=1)
    critical = float(np.quantile(farthest, confidence))
    return {
        name: Band(s.value, s.value - critical * error, s.value + critical * error)
        for (name, s), error in zip(candidates.items(), errors.tolist(), strict=True)
    }


def choose_then_judge(
    candidates: Mapping[str, Pair],
    *,
    clusters: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    interval: str = "bootstrap",
    seed: int = 0,
    reward_range: Range | None = None,
) -> Winner:
    """Take the candidate with the highest lower limit on a random half, judge it on the other.

    ``candidates`` are paired terms by name (`lifts.paired_terms`), all over the same rows; whole
    clusters go to one half. The interval of the winner needs no correction.
    """
    if not candidates:
        raise ConfigError("a sweep needs at least one candidate")
    n = len(next(iter(candidates.values())).candidate.reward)
    labels = checks.clusters(clusters, n)
    half = fold_of(n, 2, labels, seed)
    question = Question(interval, confidence, seed)

    def on(part: int, pair: Pair) -> Estimate:
        rows = np.flatnonzero(half == part)
        inside = None if labels is None else labels[rows]
        part_of = Pair(*(_take(terms, rows) for terms in pair))
        shrunk = part_of.candidate.weight
        return paired_lift(part_of, shrunk, inside, question, reward_range)

    seen = {name: on(0, pair) for name, pair in candidates.items()}
    best = max(seen, key=lambda name: seen[name].lower)
    return Winner(best, on(1, candidates[best]), seen)


def _take(terms: Terms, rows: Array) -> Terms:
    return Terms(
        terms.reward[rows],
        terms.weight[rows],
        terms.q_logged[rows],
        terms.q_target[rows],
        terms.ratio,
        terms.modelled,
    )
