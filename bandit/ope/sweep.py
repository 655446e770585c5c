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
from bandit.core.types import Array, Float64
from bandit.ope.cross_fitting import fold_of
from bandit.ope.estimate import Estimate, Question
from bandit.ope.lifts import Pair, paired_lift
from bandit.ope.row_terms import Range
from bandit.stats.quantiles import normal_quantile
from bandit.stats.statistic import Statistic, replicates
from bandit.stats.units import Terms

NORMAL_DRAWS = 20_000
"""The 97.5 % point of a maximum is then known to 0.01 standard errors; each draw counts twice."""


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
    """Intervals of all candidates that hold at once: studentised max-t over the common units.

    value - c₊ se to value - c₋ se, c₊ the quantile of the largest t* = (θ* - θ)/se* over the
    candidates, c₋ that of the smallest, half of the risk on each side; correlated candidates pay
    little for being many. The limits are never nearer than those of `bootstrap_t` for normal
    statistics with the candidates' own correlations. Romano, Wolf (2005), Stepwise multiple
    testing, algorithm 4.1. NaN where an outcome model alone speaks.
    """
    if not candidates:
        raise ConfigError("a sweep needs at least one candidate")
    risk = 0.5 * (1.0 - checks.probability("confidence", confidence))
    heard = {name: s for name, s in candidates.items() if not s.unheard}
    found = {name: Band(s.value, float("nan"), float("nan")) for name, s in candidates.items()}
    if not heard:
        return found
    effects = np.stack([statistic.effects for statistic in heard.values()], axis=1)
    if len(effects) < 2 or not np.isfinite(effects).all():
        raise DataError(
            "a sweep needs at least 2 independent units, and candidates that overlap with the log"
        )
    t = replicates(list(heard.values()), seed)
    normal = _normal_reach(effects, risk, seed)
    high = max(float(np.quantile(t.max(axis=1), 1.0 - risk)), normal)
    low = min(float(np.quantile(t.min(axis=1), risk)), -normal)
    for name, s in heard.items():
        error = s.caution * s.standard_error
        found[name] = Band(s.value, s.value - high * error, s.value - low * error)
    return found


def _normal_reach(effects: Float64, risk: float, seed: int) -> float:
    """1 - ``risk`` quantile of the largest of normals correlated as the columns of ``effects``."""
    length = np.sqrt(np.sum(effects * effects, axis=0))
    shape = effects / np.where(length > 0.0, length, 1.0)
    vectors = np.linalg.eigh(shape.T @ shape)
    root = vectors.eigenvectors * np.sqrt(np.maximum(vectors.eigenvalues, 0.0))
    draws = np.random.default_rng(seed).standard_normal((NORMAL_DRAWS, len(length))) @ root.T
    farthest = np.concatenate([draws.max(axis=1), -draws.min(axis=1)])
    return max(float(np.quantile(farthest, 1.0 - risk)), normal_quantile(1.0 - risk))


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
