"""Several questions of one experiment: Holm, Benjamini and Hochberg, estimates that shrink."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bandit.checks import columns as checks
from bandit.core.errors import DataError
from bandit.core.types import Float64


def holm(p_values: npt.ArrayLike) -> Float64:
    """p-values float64[m] of which one below α is false with probability at most α.

    p̃_(i) = max_{j ≤ i} min(1, (m - j + 1) p_(j)), whatever the tests have in common. Holm (1979),
    A simple sequentially rejective multiple test procedure.
    """
    p, order = _ordered(p_values)
    raised = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return _back(raised, order)


def benjamini_hochberg(p_values: npt.ArrayLike) -> Float64:
    """p-values float64[m] of which those below q are false in a share of at most q.

    p̃_(i) = min_{j ≥ i} m p_(j)/j, for independent or positively dependent tests. Benjamini,
    Hochberg (1995), Controlling the false discovery rate.
    """
    p, order = _ordered(p_values)
    ratio = p[order] * len(p) / np.arange(1, len(p) + 1)
    return _back(np.minimum(1.0, np.minimum.accumulate(ratio[::-1])[::-1]), order)


class Shrunk(NamedTuple):
    """``effects`` and ``errors`` float64[m] moved to ``centre``; ``spread`` sd between segments."""

    effects: Float64
    errors: Float64
    centre: float
    spread: float


def shrunken(effects: npt.ArrayLike, errors: npt.ArrayLike) -> Shrunk:
    """Effects of m segments, each moved to their common mean by what of it is noise.

    With x_i ~ N(θ_i, s_i²) and θ_i ~ N(μ, τ²): B_i = (m-3)/(m-1) s_i²/(s_i² + τ²) of the way to μ,
    with variance (1 - B_i) s_i² + B_i² (var(μ) + 2/(m-3) (x_i - μ)²), the last for τ² being
    estimated; three segments or fewer stay as they are. Morris (1983), Parametric empirical
    Bayes inference, (5.2) and (5.3). τ² solves Σ (x - μ)²/(s² + τ²) = m - 1: Paule, Mandel
    (1982), Consensus values and weighting factors.

    Raises
    ------
    DataError
        Numbers that are none, errors that are not above 0, or none at all.
    """
    x = checks.vector("effects", effects)
    s = checks.vector("errors", errors, len(x))
    if (s <= 0.0).any():
        row = int(np.argmax(s <= 0.0))
        raise DataError(f"errors must be above 0, segment {row} has {s[row]}")
    count, tau = len(x), _between(x, s * s)
    weight = 1.0 / (s * s + tau)
    centre = float(weight @ x / weight.sum())
    gap, pull, doubt = centre - x, np.zeros(count), 0.0
    if count > 3:
        pull, doubt = (count - 3.0) / (count - 1.0) * s * s * weight, 2.0 / (count - 3.0)
    variance = (1.0 - pull) * s * s + pull**2 * (1.0 / weight.sum() + doubt * gap**2)
    return Shrunk(x + pull * gap, np.sqrt(variance), centre, float(np.sqrt(tau)))


def _between(x: Float64, noise: Float64) -> float:
    """τ² by bisection; 0 where the estimates differ by no more than their noise."""

    def excess(tau: float) -> float:
        weight = 1.0 / (noise + tau)
        return float(weight @ (x - weight @ x / weight.sum()) ** 2) - (len(x) - 1.0)

    if len(x) < 2 or excess(0.0) <= 0.0:
        return 0.0
    low, high = 0.0, float(np.ptp(x)) ** 2 + float(noise.max())
    while excess(high) > 0.0:
        low, high = high, 2.0 * high
    for _ in range(100):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if excess(middle) > 0.0 else (low, middle)
    return high


def _ordered(p_values: npt.ArrayLike) -> tuple[Float64, npt.NDArray[np.intp]]:
    p = checks.vector("p_values", p_values)
    bad = np.flatnonzero((p < 0.0) | (p > 1.0))
    if bad.size:
        raise DataError(f"p_values must lie in [0, 1], number {bad[0]} is {p[bad[0]]}")
    return p, np.argsort(p, kind="stable")


def _back(ordered: Float64, order: npt.NDArray[np.intp]) -> Float64:
    out = np.empty(len(order))
    out[order] = ordered
    return out
