"""What a treatment did: the effect on those assigned, on those contacted, and guardrails."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy.typing as npt

from bandit.checks import columns as checks
from bandit.core.errors import ConfigError
from bandit.experiments.arm_sums import Arms, Contrast, truths
from bandit.stats.quantiles import normal_quantile, student_t_quantile, student_t_tail
from bandit.stats.ratios import Ratio, fieller, log_ratio


@dataclass(frozen=True)
class Comparison:
    """Treated less control: ``effect`` in the unit of the values, ``relative`` to the control.

    ``lower`` and ``upper`` are limits at the confidence asked for; those of ``relative`` are
    infinite where the data do not bound it. ``p_value`` is two-sided against no effect;
    ``freedom`` the degrees of freedom of its Student's t. ``n_treated`` and ``n_control`` count
    rows, ``units_treated`` and ``units_control`` what was assigned.
    """

    effect: float
    lower: float
    upper: float
    relative: float
    relative_lower: float
    relative_upper: float
    p_value: float
    standard_error: float
    freedom: float
    mean_treated: float
    mean_control: float
    n_treated: int
    n_control: int
    units_treated: int
    units_control: int

    def within(self, limit: float) -> tuple[float, float]:
        """Lower and upper limit ``limit`` standard errors away: of a look or of a sequence."""
        half = float(limit) * self.standard_error
        return self.effect - half, self.effect + half

    def passes(self, limit: float) -> bool:
        """Whether the effect lies more than ``limit`` standard errors from zero."""
        return abs(self.effect) > float(limit) * self.standard_error

    def guardrail(self, margin: float, *, harm: str = "lower") -> str:
        """Say whether the treatment does no worse than the control by ``margin`` or more.

        ``held``: shown to do no such harm; ``broken``: shown to do it; ``not shown``: the interval
        holds both. ``harm`` says which values are bad, ``lower`` or ``higher`` ones. The one-sided
        level is half of what the interval misses.
        """
        if not (margin > 0.0 and harm in {"lower", "higher"}):
            raise ConfigError(
                "a guardrail needs a margin above 0 and harm 'lower' or 'higher', they are "
                f"{margin} and {harm!r}"
            )
        worst, best = (self.lower, self.upper) if harm == "lower" else (-self.upper, -self.lower)
        if worst > -margin:
            return "held"
        return "broken" if best < -margin else "not shown"


def compare(
    values: npt.ArrayLike,
    treated: npt.ArrayLike,
    *,
    covariate: npt.ArrayLike | None = None,
    clusters: npt.ArrayLike | None = None,
    sizes: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    adjustment: str = "cuped",
    rare: bool = False,
) -> Comparison:
    """Effect of being assigned to the treatment (intention to treat).

    Parameters
    ----------
    values
        float[n], what each row was worth.
    treated
        bool[n].
    covariate
        float[n], known before the treatment: explains part of the spread away.
    clusters
        Labels [n] of what was assigned as a whole, say households; each row alone where absent.
    sizes
        float[n], denominator of a ratio metric (Σ values / Σ sizes); 1 a row where absent.
    confidence
        Of the intervals, by Student's t with Welch's degrees of freedom.
    adjustment
        ``cuped`` takes one slope of the covariate from both arms, ``lin`` one from each: never
        wider than no adjustment, also where one arm is small.
    rare
        Values are 0 for nearly all, as what people spend is: an arm in which hardly anybody bought
        takes its spread from both arms (docs/adr/0415), else it seems to know that nobody buys.

    Raises
    ------
    DataError
        Arrays of another length, numbers that are none, fewer than two units in an arm.
    ConfigError
        A confidence outside (0, 1) or an unknown adjustment.
    """
    arms = Arms.of(values, treated, covariate=covariate, sizes=sizes, clusters=clusters)
    lacking = (0.0, 0.0)
    if rare:
        lacking = arms.lacking(
            values, treated, adjustment, covariate=covariate, sizes=sizes, clusters=clusters
        )
    return conclude(arms, confidence=confidence, adjustment=adjustment, lacking=lacking)


def conclude(
    arms: Arms,
    *,
    confidence: float = 0.95,
    adjustment: str = "cuped",
    lacking: tuple[float, float] = (0.0, 0.0),
) -> Comparison:
    """Compare from sums, which may come from many blocks of rows; as `compare` otherwise.

    ``lacking`` is added to the variances of the treated's and the control's mean (`Arms.lacking`).
    """
    level = 0.5 + 0.5 * checks.probability("confidence", confidence)
    found = arms.contrast(adjustment)
    errors = found.errors
    found = found._replace(
        errors=errors._replace(
            numerator=errors.numerator + lacking[0],
            denominator=errors.denominator + lacking[1],
        )
    )
    effect, error = found.treated - found.control, math.sqrt(found.variance)
    half = student_t_quantile(level, found.freedom) * error
    relative = relative_interval(found, level)
    treated, control = arms.treated, arms.control
    return Comparison(
        effect,
        effect - half,
        effect + half,
        relative.value - 1.0,
        relative.lower - 1.0,
        relative.upper - 1.0,
        _p_value(effect, error, found.freedom),
        error,
        found.freedom,
        found.treated,
        found.control,
        round(treated.total[0]),
        round(control.total[0]),
        treated.count,
        control.count,
    )


def _p_value(effect: float, error: float, freedom: float) -> float:
    if error > 0.0:
        return student_t_tail(effect / error, freedom)
    return 1.0 if effect == 0.0 else 0.0


def relative_interval(found: Contrast, level: float) -> Ratio:
    """Treated over control: on the logarithmic scale where both means are surely positive.

    Elsewhere Fieller's set, which has no ends where the control's mean may be zero. ``level`` is
    one-sided.
    """
    means = found.treated, found.control, found.errors
    exact = fieller(*means, student_t_quantile(level, found.freedom))
    if found.control <= 0.0 or not exact.bounded or exact.lower <= 0.0:
        return exact
    return log_ratio(*means, student_t_quantile(level, found.log_freedom))


def contacted_effect(
    values: npt.ArrayLike,
    treated: npt.ArrayLike,
    contacted: npt.ArrayLike,
    *,
    clusters: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    rare: bool = False,
) -> Ratio:
    """Effect on those whom the treatment made a contact: effect on values over effect on contacts.

    ``contacted`` bool[n] says who was really reached, in either arm. Wald (1940), The fitting of
    straight lines if both variables are subject to error; Imbens, Angrist (1994): the mean effect
    on those who are contacted when treated and not else, as far as the assignment acts through
    contact alone. The interval is Fieller's: not bounded where both arms may be contacted alike.
    ``rare`` as in `compare`.
    """
    level = 0.5 + 0.5 * checks.probability("confidence", confidence)
    reached = truths("contacted", contacted, len(checks.vector("values", values)))
    arms = Arms.of(values, treated, covariate=reached, clusters=clusters)
    effect, share, errors = arms.effects()
    if rare:
        lacking = arms.lacking(values, treated, None, clusters=clusters)
        errors = errors._replace(numerator=errors.numerator + sum(lacking))
    return fieller(effect, share, errors, normal_quantile(level))
