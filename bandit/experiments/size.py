"""How many customers an experiment needs, and what it can see with those that there are.

    n = (z(1-α/2) + z(power))² (σ_c²/q + σ_t²/(1-q)) / δ² · (1-ρ²) · (1 + (m-1) ICC)

q is the control's share, δ the effect in the unit of the values, ρ the correlation of the covariate
with the values, m the mean size of a cluster and ICC what its members have in common.

Where a reading takes an arm's spread from both arms (`compare(..., rare=True)`), it is by its own
error that an effect must pass, and by the true one that it scatters: found with the power is what

    |δ| = z(1-α/2) se(n) + z(power) σ(n),     se² = σ² + Σ lacking

says, with what `bandit.stats.moderated` adds to the variance of an arm of that size.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from bandit.checks import columns as checks
from bandit.core.errors import ConfigError
from bandit.core.types import Float64
from bandit.stats.moderated import short
from bandit.stats.quantiles import normal_quantile, normal_tail

_RATE = 0.01
"""How near sd² is to mean (1 - mean), relatively, where the metric is taken for a rate: two digits
of sd are enough to be one, and of what is none by chance the spread would hardly differ."""


class Tails(NamedTuple):
    """What a past tells of rare values, for a `Plan`.

    ``kurtosis`` Σr⁴ n/(Σr²)² of their distances from the mean; ``amount`` Σx²/Σ|x| of what was
    bought, what one purchase met by chance amounts to.
    """

    kurtosis: float
    amount: float

    @classmethod
    def of(cls, values: Float64, bought: Float64) -> Tails:
        """Of n customers' ``values`` float64[n] and what they ``bought`` float64[n]."""
        square = (values - values.mean()) ** 2
        total, spread = float(np.abs(bought).sum()), float(square.sum())
        return cls(
            len(values) * float(square @ square) / spread**2 if spread > 0.0 else 1.0,
            float(bought @ bought) / total if total > 0.0 else 0.0,
        )


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is known before an experiment: ``mean`` and ``sd`` of the control's values a customer.

    Of a rate (sd² = mean (1 - mean)) the treated have the spread of their own rate. With ``tails``
    a rise is one of purchases, so that the treated spread as by more of them, and the reading takes
    an arm's spread from both; else they have that of the control, each arm its own. ``looks`` is by
    what the planned looks multiply n (`inflation`).
    """

    mean: float
    sd: float
    power: float = 0.8
    alpha: float = 0.05
    control_share: float = 0.5
    rho: float = 0.0
    icc: float = 0.0
    cluster_size: float = 1.0
    looks: float = 1.0
    tails: Tails | None = None

    def __post_init__(self) -> None:
        """Refuse what is no share, no spread and no correlation."""
        for name in ("power", "alpha", "control_share"):
            checks.probability(name, getattr(self, name))
        checks.parameter("sd", self.sd)
        if not (-1.0 < self.rho < 1.0 and 0.0 <= self.icc <= 1.0 and self.cluster_size >= 1.0):
            raise ConfigError(
                "rho must lie in (-1, 1), icc in [0, 1] and cluster_size be at least 1; they are "
                f"{self.rho}, {self.icc} and {self.cluster_size}"
            )
        if not (math.isfinite(self.mean) and self.looks >= 1.0):
            raise ConfigError(
                f"mean must be finite and looks at least 1, they are {self.mean} and {self.looks}"
            )

    def variance(self, effect: float) -> float:
        """Variance of the estimated effect times n."""
        control, treated = self._spreads(effect)
        spread = control / self.control_share + treated / (1.0 - self.control_share)
        return spread * self._left

    def size(self, effect: float) -> float:
        """Customers in all for which ``effect`` is found with the power asked for."""
        if not math.isfinite(effect) or effect == 0.0:
            raise ConfigError(f"effect must be a number other than 0, it is {effect}")
        fewest = self.looks * (self._reach() / effect) ** 2 * self.variance(effect)
        if self.tails is None or self._shows(effect, fewest):
            return fewest
        low, high = fewest, 2.0 * fewest
        while not self._shows(effect, high):
            low, high = high, 2.0 * high
        return _least(low, high, lambda n: self._shows(effect, n))

    def detectable(self, n: float) -> float:
        """Least rise that ``n`` customers find with the power asked for; infinite: no rate does."""
        checks.parameter("n", n)
        if self._is_rate:
            highest = 1.0 - self.mean
            if not self._shows(highest, n):
                return math.inf
            return _least(0.0, highest, lambda rise: self._shows(rise, n))
        alike = self._reach() * math.sqrt(self.looks * self.variance(0.0) / n)
        if self.tails is None:
            return alike
        low, high = 0.0, alike
        while not self._shows(high, n):
            low, high = high, 2.0 * high
        return _least(low, high, lambda rise: self._shows(rise, n))

    def chance(self, effect: float, n: float) -> float:
        """Power: how likely ``n`` customers show an ``effect``."""
        read, true = self._errors(effect, checks.parameter("n", n))
        z = (abs(effect) - normal_quantile(1.0 - 0.5 * self.alpha) * read) / true
        return 1.0 - 0.5 * normal_tail(z) if z > 0.0 else 0.5 * normal_tail(z)

    def _shows(self, effect: float, n: float) -> bool:
        """Whether n customers show it with the power asked for."""
        read, true = self._errors(effect, n)
        below = normal_quantile(1.0 - 0.5 * self.alpha) * read + normal_quantile(self.power) * true
        return abs(effect) >= below

    def _errors(self, effect: float, n: float) -> tuple[float, float]:
        """Standard errors of the effect: as it will be read, and as it is."""
        true = self.looks * self.variance(effect) / n
        if self.tails is None:
            return math.sqrt(true), math.sqrt(true)
        control, treated = self._spreads(effect)
        shares = self.control_share, 1.0 - self.control_share
        pooled, lacking = shares[0] * control + shares[1] * treated, 0.0
        alone = 1.0 + (self.cluster_size - 1.0) * self.icc
        for spread, share in zip((control, treated), shares, strict=True):
            # Of values that are rarer the fourth power sinks as the square does.
            freedom = share * n * spread / (self.tails.kurtosis * alone * control)
            lacking += short(spread, pooled, freedom) / (share * n)
        return math.sqrt(true + self.looks * lacking * self._left), math.sqrt(true)

    def _spreads(self, effect: float) -> tuple[float, float]:
        """Variances of a customer's values in the control and in the treatment."""
        base = self.sd**2
        if self._is_rate:
            rate = self.mean + effect
            if not 0.0 <= rate <= 1.0:
                raise ConfigError(
                    f"an effect of {effect:g} moves the rate {self.mean:g} to {rate:g}; an effect "
                    "is in the unit of the metric, not relative to its mean"
                )
            return base, rate * (1.0 - rate)
        if self.tails is None:
            return base, base
        # E x² rises by what those who buy more often bring: amount a unit of what they bring.
        return base, base + max(0.0, effect * (self.tails.amount - 2.0 * self.mean - effect))

    @property
    def _left(self) -> float:
        """By what covariate and clusters multiply a variance."""
        return (1.0 - self.rho**2) * (1.0 + (self.cluster_size - 1.0) * self.icc)

    @property
    def _is_rate(self) -> bool:
        return math.isclose(self.sd**2, self.mean * (1.0 - self.mean), rel_tol=_RATE)

    def _reach(self) -> float:
        return normal_quantile(1.0 - 0.5 * self.alpha) + normal_quantile(self.power)


def _least(low: float, high: float, enough: Callable[[float], bool]) -> float:
    """The least x from low to high that is enough, as high is and all above x are."""
    for _ in range(100):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def sample_size(
    *,
    mean: float,
    sd: float,
    effect: float,
    power: float = 0.8,
    alpha: float = 0.05,
    control_share: float = 0.5,
    rho: float = 0.0,
    icc: float = 0.0,
    cluster_size: float = 1.0,
) -> int:
    """Customers in all that show ``effect`` (in the unit of the metric) with ``power``.

    ``mean`` and ``sd`` are those of the control; of a rate the treated have their own spread.

    Raises
    ------
    ConfigError
        Shares and correlations out of range, no effect, or one that leads a rate out of [0, 1].
    """
    plan = Plan(
        mean=mean,
        sd=sd,
        power=power,
        alpha=alpha,
        control_share=control_share,
        rho=rho,
        icc=icc,
        cluster_size=cluster_size,
    )
    return math.ceil(plan.size(effect))
