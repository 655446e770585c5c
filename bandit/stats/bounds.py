"""Limits for the mean of independent terms; all take ``terms`` float64[u] and one-sided δ.

The range of the terms is that of the terms seen, zero included: of a reward that is never negative,
[0, x_max]. A range that is known beforehand enters through the betting sequences.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bandit.checks import columns as checks
from bandit.core.errors import ConfigError, DataError
from bandit.core.types import Bool, Float64
from bandit.kernels.stats import betting as ope_betting
from bandit.kernels.stats.bootstrap import hashed_groups_into, studentised_into
from bandit.kernels.threads import spread
from bandit.stats.quantiles import normal_quantile, student_t_quantile

DRAWS = 2000
"""Bootstrap replicates: the 2.5 % point is then known to ± 0.35 percentage points."""

FARTHEST = 20.0
"""Standard errors: beyond, a replicate says that the sample knows nothing of its own tail."""

POOLED_UNITS = 1_024
"""More units are pooled at random into so many before they are resampled.

Where sales are rare most of them stay apart, where they are not their sum is nearly normal. Pooling
keeps mean, variance and skewness of the total, which is all that the shape of t* takes from them;
the standard error that it is laid off in is that of the units themselves."""


def hoeffding(terms: Float64, delta: float) -> float:
    """Half-width range · √(ln(1/δ) / 2u): Hoeffding (1963)."""
    return _spread(terms) * math.sqrt(math.log(1.0 / delta) / (2.0 * len(terms)))


def bernstein(terms: Float64, delta: float) -> float:
    """Half-width 7 range ln(2/δ) / 3(u-1) + √(2 ln(2/δ) s²/(u-1)).

    Maurer, Pontil (2009), Empirical Bernstein bounds and sample variance penalization, theorem 4,
    with s² the mean squared deviation.
    """
    count, log_odds = len(terms), math.log(2.0 / delta)
    noise = math.sqrt(2.0 * log_odds * float(np.var(terms)) / (count - 1.0))
    return 7.0 * _spread(terms) * log_odds / (3.0 * (count - 1.0)) + noise


def student_t(terms: Float64, delta: float) -> float:
    """Half-width t(1-δ, u-1) s/√u."""
    error = float(np.std(terms, ddof=1)) / math.sqrt(len(terms))
    return student_t_quantile(1.0 - delta, len(terms) - 1.0) * error


def _spread(terms: Float64) -> float:
    return float(max(0.0, terms.max()) - min(0.0, terms.min()))


class Wager(NamedTuple):
    """Terms to bet on: the mean of y/s is at least (value - floor)/scale.

    ``terms`` y [u] ≥ 0 and ``sizes`` s [u] in (0, 1]; ``floor`` and ``scale`` lead back to the
    units of the value, which is at most floor + scale.
    """

    terms: Float64
    sizes: Float64
    floor: float
    scale: float


def wager(sums: Float64, rows: Float64, floor: float, scale: float) -> Wager:
    """Wager on unit sums Σ(term - floor) ≥ 0 over ``rows`` rows each; the value ≤ floor + scale."""
    scale, largest = (scale if scale > 0.0 else 1.0), float(rows.max())
    return Wager(np.maximum(sums, 0.0) / (scale * largest), rows / largest, floor, scale)


def betting(bet: Wager, delta: float) -> float:
    """Lower limit of the betting confidence sequence, valid at any stopping time.

    At a time fixed beforehand also for the average of means that drift; see the kernel.
    """
    limit = ope_betting.lower_limit(bet.terms, bet.sizes, 1.0 / delta, 1.0)
    return bet.floor + bet.scale * float(limit)


def evidence(bet: Wager, guess: float) -> Float64:
    """Logarithm of the capital against "the value is at most ``guess``" after each unit.

    It passes ln(1/δ) at any time with probability at most δ if the guess is right.
    """
    out = np.empty(len(bet.terms))
    mean = max((guess - bet.floor) / bet.scale, 0.0)
    ope_betting.capital_path_into(bet.terms, bet.sizes, mean, out)
    return out


def adaptive(bet: Wager, delta: float) -> float:
    """Lower limit of the empirical Bernstein sequence: learning logs, drifting means, stopping.

    The process exp(λ Σ(y - m s) - ψ(λ) V), ψ(λ) = -ln(1-λ) - λ, is a supermartingale for every λ
    in [0, 1) even where propensities depend on the past and the mean drifts (m s then is the
    sum of the means); an even mixture over λ is inverted. Howard et al. (2021), theorem 4;
    Waudby-Smith et al. (2022), section 3.
    """
    lam = 0.9 * 0.5 ** np.arange(16)
    penalty = (-np.log1p(-lam) - lam) * float(ope_betting.variance_process(bet.terms, bet.sizes))
    target = math.log(len(lam) / delta)

    def evidence(excess: float) -> float:
        return float(np.logaddexp.reduce(lam * excess - penalty))

    low, high = 0.0, 1.0
    while evidence(high) < target:
        low, high = high, 2.0 * high
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if evidence(middle) < target else (low, middle)
    limit = (float(bet.terms.sum()) - high) / float(bet.sizes.sum())
    return bet.floor + bet.scale * max(limit, 0.0)


class Parts(NamedTuple):
    """What the bootstrap draws from; see the kernel.

    ``sums`` float64[u, P, 4], ``ratio`` bool[P], ``contrasts`` int64[C, 2], ``values`` float64[C].
    """

    sums: Float64
    ratio: Bool
    contrasts: npt.NDArray[np.int64]
    values: Float64


def studentised(parts: Parts, seed: int, draws: int = DRAWS) -> Float64:
    """t* of each contrast in each replicate, float64[draws, C], within ± `FARTHEST`.

    The draws are a function of the seed and the replicate: threads and order change nothing.
    """
    sums = parts.sums
    if len(sums) > POOLED_UNITS:
        sums = _pooled(sums, seed)
    out = np.empty((draws, len(parts.values)))
    spread(
        studentised_into,
        draws,
        1,
        np.ascontiguousarray(sums),
        parts.ratio,
        parts.contrasts,
        parts.values,
        np.uint64(seed),
        out,
    )
    return np.clip(np.nan_to_num(out, nan=0.0, posinf=np.inf, neginf=-np.inf), -FARTHEST, FARTHEST)


def _pooled(sums: Float64, seed: int) -> Float64:
    place = np.empty(len(sums), dtype=np.int64)
    hashed_groups_into(np.arange(len(sums), dtype=np.uint64), POOLED_UNITS, np.uint64(seed), place)
    columns = [
        np.bincount(place, weights=c, minlength=POOLED_UNITS) for c in sums.reshape(len(sums), -1).T
    ]
    pooled = np.stack(columns, axis=1)[np.bincount(place, minlength=POOLED_UNITS) > 0]
    return np.asarray(pooled.reshape(-1, *sums.shape[1:]), dtype=np.float64)


def bootstrap_t(t: Float64, risk: float) -> tuple[float, float]:
    """Quantiles of t* float64[B] that a studentised interval lays off: lowest and highest.

    Never nearer than the normal's: a sample whose tail has not come yet is skewed the wrong way,
    and a correction for skewness may widen an interval but not narrow it.
    """
    low, high = np.quantile(t, [risk, 1.0 - risk])
    normal = normal_quantile(1.0 - risk)
    return min(float(low), -normal), max(float(high), normal)


def lower_bound(terms: npt.ArrayLike, method: str, delta: float = 0.05, *, seed: int = 0) -> float:
    """One-sided lower limit for the mean of ``terms`` float[n], missed with probability ≤ δ.

    ``method`` is hoeffding, bernstein, student_t, bootstrap (studentised) or betting. Hoeffding,
    Bernstein and betting take the terms for non-negative, or for bounded below by the least seen;
    the first two take the largest term seen for the bound from above.

    Raises
    ------
    DataError
        Terms that are not finite, or fewer than two of them.
    ConfigError
        An unknown method, or δ outside (0, 1).
    """
    x = checks.vector("terms", terms)
    delta = checks.probability("delta", delta)
    if len(x) < 2:
        raise DataError("a limit needs at least 2 terms, there is 1; gather more rows")
    if method == "bootstrap":
        ones = np.ones(len(x))
        mean, error = float(x.mean()), float(np.std(x, ddof=1)) / math.sqrt(len(x))
        columns = np.stack([0.0 * ones, x, ones, ones], axis=1)[:, None]
        parts = Parts(columns, np.zeros(1, np.bool_), np.array([[0, -1]]), np.array([mean]))
        return mean - bootstrap_t(studentised(parts, seed)[:, 0], delta)[1] * error
    if method == "betting":
        floor = min(0.0, float(x.min()))
        return betting(wager(x - floor, np.ones(len(x)), floor, float(x.max()) - floor), delta)
    if method not in HALF_WIDTHS:
        known = ", ".join(["betting", "bootstrap", *HALF_WIDTHS])
        raise ConfigError(f"unknown method {method!r} of a limit; choose one of {known}")
    return float(x.mean()) - HALF_WIDTHS[method](x, delta)


HALF_WIDTHS = {"student_t": student_t, "bernstein": bernstein, "hoeffding": hoeffding}
SEQUENCES = {"betting": betting, "adaptive": adaptive}
"""Limits that hold at any time, however often one looks."""
