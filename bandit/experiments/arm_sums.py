"""The two arms of an experiment as sums that merge: effect, adjustment, errors.

A unit is what was assigned as a whole: a customer, or a household (``clusters``). Each unit adds
up its rows, the size that its values are divided by (the rows, or the denominator of a ratio), its
values and its covariate; an arm's mean is the ratio of two totals, so that single rows, clusters
and ratios are one case. What a unit moves the mean m = Σy/Σs by is, to first order,

    ψ = (y - m s) / Σs          (delta method; exact where every unit has the same size)

and var(m) = u/(u-1) Σ ψ² over u units. The covariate moves both arms to the common mean:

    effect = Δy - θ Δx,     var = var_t(y - θx) + var_c(y - θx) - 2 cov.

θ from both arms as one sample is CUPED: Deng, Xu, Kohavi, Walker (2013), Improving the sensitivity
of online controlled experiments. θ = (1-p) θ_t + p θ_c with a slope an arm and p the share of the
treated is the coefficient of the treatment in y ~ treated × (x - mean x): Lin (2013), Agnostic
notes on regression adjustments, equation (3); it never loses to no adjustment, whatever p.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from bandit.checks import columns as checks
from bandit.core.errors import ConfigError, DataError
from bandit.core.types import Array, Bool, Float64
from bandit.stats.comoments import Comoments
from bandit.stats.moderated import Spread, lacking
from bandit.stats.ratios import Errors
from bandit.stats.units import first_seen

ROWS, SIZE, VALUE, COVARIATE = range(4)
"""Columns of a unit's totals."""
ADJUSTMENTS = ("cuped", "lin")


class Contrast(NamedTuple):
    """Means of treated and control as they compare, with their variances and covariance."""

    treated: float
    control: float
    errors: Errors
    units: tuple[int, int, int]

    @property
    def variance(self) -> float:
        """Variance of treated less control."""
        return max(
            self.errors.numerator + self.errors.denominator - 2 * self.errors.covariance, 0.0
        )

    @property
    def freedom(self) -> float:
        """Degrees of freedom of the difference."""
        return self._welch(self.errors.numerator, self.errors.denominator)

    @property
    def log_freedom(self) -> float:
        """Degrees of freedom of the difference of logarithms."""
        return self._welch(
            self.errors.numerator / self.treated**2, self.errors.denominator / self.control**2
        )

    def _welch(self, one: float, other: float) -> float:
        """Welch and Satterthwaite's; units - 1 where some stand in both arms."""
        m, k, both = self.units
        if both:
            return float(m + k - both - 1)
        below = one**2 / (m - 1) + other**2 / (k - 1)
        return (one + other) ** 2 / below if below > 0.0 else float(m + k - 2)


@dataclass(frozen=True, eq=False)
class Arms:
    """Totals of the units of each arm; ``shared`` float64[4, 4] Σ u_t u_cᵀ of units in both."""

    treated: Comoments
    control: Comoments
    shared: Float64
    in_both: int

    @classmethod
    def of(
        cls,
        values: npt.ArrayLike,
        treated: npt.ArrayLike,
        *,
        covariate: npt.ArrayLike | None = None,
        sizes: npt.ArrayLike | None = None,
        clusters: npt.ArrayLike | None = None,
    ) -> Self:
        """Sum up n rows: ``values`` float[n], ``treated`` bool[n], labels ``clusters`` [n].

        ``covariate`` float[n] was known before the treatment; ``sizes`` float[n] is the denominator
        of a ratio, 1 a row where absent.

        Raises
        ------
        DataError
            Arrays of another length, numbers that are none, negative sizes, an arm of no size.
        """
        table, arm = _rows(values, treated, covariate, sizes)
        n = len(arm)
        labels = checks.clusters(clusters, n)
        if labels is None:
            return cls(Comoments.of(table[arm]), Comoments.of(table[~arm]), np.zeros((4, 4)), 0)
        place, units = first_seen(labels)
        one, other = (
            _totals(table[arm], place[arm], units),
            _totals(table[~arm], place[~arm], units),
        )
        in_one, in_other = one[:, ROWS] > 0.0, other[:, ROWS] > 0.0
        both = in_one & in_other
        shared = one[both].T @ other[both]
        return cls(
            Comoments.of(one[in_one]), Comoments.of(other[in_other]), shared, int(both.sum())
        )

    def merge(self, other: Self) -> Self:
        """Pool with other rows; a cluster has all its rows in one of the two."""
        return type(self)(
            self.treated.merge(other.treated),
            self.control.merge(other.control),
            self.shared + other.shared,
            self.in_both + other.in_both,
        )

    def contrast(self, adjustment: str = "cuped") -> Contrast:
        """Means of both arms at the common mean of the covariate, with their errors.

        Raises
        ------
        DataError
            An arm with fewer than two units, or whose sizes sum to zero.
        ConfigError
            An adjustment other than cuped and lin.
        """
        for name, arm in (("treated", self.treated), ("control", self.control)):
            if arm.count < 2 or arm.mean[SIZE] <= 0.0:
                raise DataError(
                    f"the {name} arm has {arm.count} units of size {arm.total[SIZE]:g}; "
                    "a comparison needs at least 2 in each arm, and a size above 0"
                )
        theta = self._slope(adjustment)
        one, other = (
            _of_values(a) - theta * _of_covariate(a) for a in (self.treated, self.control)
        )
        centre = _covariate_mean(self.treated.merge(self.control))
        return Contrast(
            _mean(self.treated) - theta * (_covariate_mean(self.treated) - centre),
            _mean(self.control) - theta * (_covariate_mean(self.control) - centre),
            Errors(
                self._within(self.treated, one, one),
                self._within(self.control, other, other),
                self._across(one, other),
            ),
            (self.treated.count, self.control.count, self.in_both),
        )

    def lacking(
        self,
        values: npt.ArrayLike,
        treated: npt.ArrayLike,
        adjustment: str | None,
        *,
        covariate: npt.ArrayLike | None = None,
        sizes: npt.ArrayLike | None = None,
        clusters: npt.ArrayLike | None = None,
    ) -> tuple[float, float]:
        """What the variances of both means lack where values are rare, by the rows summed here.

        Of treated and control, see `bandit.stats.moderated`. Without an ``adjustment`` the values
        are as they came.
        """
        table, arm = _rows(values, treated, covariate, sizes)
        labels = checks.clusters(clusters, len(arm))
        place = None if labels is None else first_seen(labels)[0]
        theta = 0.0 if adjustment is None else self._slope(adjustment)
        spreads, sums = [], (self.treated, self.control)
        for side, mine in zip(sums, (arm, ~arm), strict=True):
            residual = table[mine] @ (_of_values(side) - theta * _of_covariate(side))
            if place is not None:
                _, unit = np.unique(place[mine], return_inverse=True)
                residual = np.asarray(np.bincount(unit, weights=residual), np.float64)
            one = np.ones(len(residual))
            spreads.append(Spread.of(residual * side.total[SIZE], one, one))
        first, last = (
            lacks / float(side.total[SIZE]) ** 2
            for lacks, side in zip(lacking(*spreads), sums, strict=True)
        )
        return first, last

    def effects(self) -> tuple[float, float, Errors]:
        """Differences of values and of covariates, Δy and Δx, with their errors."""
        arms = (self.treated, self.control)
        y, x = tuple(map(_of_values, arms)), tuple(map(_of_covariate, arms))
        return (
            _mean(self.treated) - _mean(self.control),
            _covariate_mean(self.treated) - _covariate_mean(self.control),
            Errors(self._between(y, y), self._between(x, x), self._between(y, x)),
        )

    def _between(self, one: tuple[Float64, ...], other: tuple[Float64, ...]) -> float:
        """Covariance of two differences, each with its weights for treated and control."""
        within = self._within(self.treated, one[0], other[0])
        within += self._within(self.control, one[1], other[1])
        return within - self._across(one[0], other[1]) - self._across(other[0], one[1])

    def _within(self, arm: Comoments, one: Float64, other: Float64) -> float:
        """u/(u-1) Σ ψ ψ' over the units of an arm; of both arms where some stand in both."""
        units = self._all if self.in_both else arm.count
        return float(one @ arm.products @ other) * units / (units - 1.0)

    def _across(self, treated: Float64, control: Float64) -> float:
        return float(treated @ self.shared @ control) * self._all / (self._all - 1.0)

    @property
    def _all(self) -> int:
        return self.treated.count + self.control.count - self.in_both

    def _slope(self, adjustment: str) -> float:
        if adjustment not in ADJUSTMENTS:
            raise ConfigError(
                f"unknown adjustment {adjustment!r}; choose one of {', '.join(ADJUSTMENTS)}"
            )
        if adjustment == "cuped":
            return _slope(self.treated.merge(self.control))
        rows, others = self.treated.total[ROWS], self.control.total[ROWS]
        share = float(rows / (rows + others))
        return (1.0 - share) * _slope(self.treated) + share * _slope(self.control)


def _rows(
    values: npt.ArrayLike,
    treated: npt.ArrayLike,
    covariate: npt.ArrayLike | None,
    sizes: npt.ArrayLike | None,
) -> tuple[Float64, Bool]:
    """Each row's columns float64[n, 4], and whether it is treated, bool[n]."""
    y = checks.vector("values", values)
    n = len(y)
    arm = truths("treated", treated, n)
    x = np.zeros(n) if covariate is None else checks.vector("covariate", covariate, n)
    s = np.ones(n) if sizes is None else _sizes(sizes, n)
    return np.stack([np.ones(n), s, y, x], axis=1), arm


def truths(name: str, values: npt.ArrayLike, n: int) -> Bool:
    """One truth value a row, bool[n]; the numbers 0 and 1 will do."""
    found = np.asarray(values)
    if found.shape != (n,):
        raise DataError(f"{name} must be one truth value a row: {found.shape} for {n} rows")
    if found.dtype != np.bool_:
        bad = np.flatnonzero((found != 0) & (found != 1))
        if bad.size:
            raise DataError(
                f"{name} must be true or false, row {bad[0]} has {found[bad[0]]}; "
                "compare one arm with the control at a time"
            )
    return found.astype(np.bool_)


def _sizes(sizes: npt.ArrayLike, n: int) -> Float64:
    found = checks.vector("sizes", sizes, n)
    bad = np.flatnonzero(found < 0.0)
    if bad.size:
        raise DataError(
            f"sizes must not be negative, row {bad[0]} has {found[bad[0]]}; "
            "they are the denominator of a ratio"
        )
    return found


def _totals(table: Float64, place: Array, units: int) -> Float64:
    columns = [np.bincount(place, weights=column, minlength=units) for column in table.T]
    return np.stack(columns, axis=1)


def _mean(arm: Comoments) -> float:
    return float(arm.mean[VALUE] / arm.mean[SIZE])


def _covariate_mean(arm: Comoments) -> float:
    return float(arm.mean[COVARIATE] / arm.mean[ROWS])


def _of_values(arm: Comoments) -> Float64:
    weights = np.zeros(4)
    weights[VALUE], weights[SIZE] = 1.0, -_mean(arm)
    return np.asarray(weights / arm.total[SIZE])


def _of_covariate(arm: Comoments) -> Float64:
    weights = np.zeros(4)
    weights[COVARIATE], weights[ROWS] = 1.0, -_covariate_mean(arm)
    return np.asarray(weights / arm.total[ROWS])


def _slope(arm: Comoments) -> float:
    """Slope of values on the covariate over units; 0 where the covariate is constant."""
    y, x = _of_values(arm), _of_covariate(arm)
    spread = float(x @ arm.products @ x)
    return float(y @ arm.products @ x) / spread if spread > 0.0 else 0.0
