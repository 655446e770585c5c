"""What every estimator asks of its arrays; each fault has its own sentence."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bandit.checks.arrays import as_numbers, bounded, known
from bandit.core.errors import ConfigError, DataError
from bandit.core.types import Float64


def vector(name: str, values: npt.ArrayLike, n: int | None = None) -> Float64:
    """Finite float64[n]; NaN, infinity, another length or shape is a `DataError`."""
    array = np.ascontiguousarray(as_numbers(name, values))
    if array.ndim != 1:
        raise DataError(f"{name} must be one number a row, its shape is {array.shape}")
    if not array.size:
        raise DataError(f"{name} is empty; a log needs at least one row")
    if n is not None and array.size != n:
        raise DataError(f"{name} has {array.size} rows, the log has {n}")
    return bounded(name, array, remedy="drop the row or fill it in")


def weights(name: str, values: npt.ArrayLike, n: int) -> Float64:
    """Importance weights: finite and not negative."""
    return bounded(
        name, vector(name, values, n), least=0.0, remedy="they are ratios of two probabilities"
    )


def propensities(values: npt.ArrayLike, n: int) -> Float64:
    """Probabilities of the logged actions, in (0, 1]."""
    array = np.ascontiguousarray(as_numbers("propensity", values))
    if array.shape != (n,):
        raise DataError(f"propensity must be one number a row: {array.shape} for {n} rows")
    bad = np.flatnonzero(~((array > 0.0) & (array <= 1.0)))
    if bad.size:
        value = array[bad[0]]
        advice = "it is missing or no number" if np.isnan(value) else "was the action eligible?"
        raise DataError(f"propensity must lie in (0, 1], row {bad[0]} has {value}; {advice}")
    return array


def clusters(values: npt.ArrayLike | None, n: int) -> npt.NDArray[np.generic] | None:
    """Labels that say which rows belong together, one a row."""
    if values is None:
        return None
    array = known("clusters", values)
    if array.shape != (n,):
        raise DataError(f"clusters must be one label a row: {array.shape} for {n} rows")
    return array


def probability(name: str, value: float) -> float:
    """A number strictly between 0 and 1."""
    if not 0.0 < value < 1.0:
        raise ConfigError(f"{name} must lie between 0 and 1, it is {value}")
    return float(value)


def parameter(name: str, value: float, *, most: float = np.inf) -> float:
    """A number in (0, most]."""
    if not 0.0 < value <= most:
        raise ConfigError(f"{name} must lie in (0, {most}], it is {value}")
    return float(value)
