"""How many customers an experiment needs, and what it can see with those that there are.

    n = (z(1-α/2) + z(power))² (σ_c²/q + σ_t²/(1-q)) / δ² · (1-ρ²) · (1 + (m-1) ICC)

q is the control's share, δ the effect in the unit of the values, ρ the correlation of the covariate
with the values, m the mean size of a cluster and ICC what its members have in common.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from bandit.checks import columns as checks
from bandit.core.errors import ConfigError
from bandit.stats.quantiles import normal_quantile, normal_tail

_RATE = 0.01
"""How near sd² is to mean (1 - mean), relatively, where the metric is taken for a rate: two digits
of sd are enough to be one, and of what is none by chance the spread would hardly differ."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is known before an experiment: ``mean`` and ``sd`` of the control's values a customer.

    Of a rate (sd² = mean (1 - mean)) the treated have the spread of their own rate, else that of
    the control. ``looks`` is by what the planned looks multiply n (`inflation`).
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
        base, treated = self.sd**2, self.sd**2
        if self._is_rate:
            rate = self.mean + effect
            if not 0.0 <= rate <= 1.0:
                raise ConfigError(
                    f"an effect of {effect:g} moves the rate {self.mean:g} to {rate:g}; an effect "
                    "is in the unit of the metric, not relative to its mean"
                )
            treated = rate * (1.0 - rate)
        spread = base / self.control_share + treated / (1.0 - self.control_share)
        return spread * (1.0 - self.rho**2) * (1.0 + (self.cluster_size - 1.0) * self.icc)

    def size(self, effect: float) -> float:
        """Customers in all for which ``effect`` is found with the power asked for."""
        if not math.isfinite(effect) or effect == 0.0:
            raise ConfigError(f"effect must be a number other than 0, it is {effect}")
        return self.looks * (self._reach() / effect) ** 2 * self.variance(effect)

    def detectable(self, n: float) -> float:
        """Least rise that ``n`` customers find with the power asked for; infinite: no rate does."""
        checks.parameter("n", n)
        if not self._is_rate:
            return self._reach() * math.sqrt(self.looks * self.variance(0.0) / n)
        highest = 1.0 - self.mean
        if self.size(highest) > n:
            return math.inf
        low, high = 0.0, highest
        for _ in range(100):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if self.size(middle) > n else (low, middle)
        return high

    def chance(self, effect: float, n: float) -> float:
        """Power: how likely ``n`` customers show an ``effect``."""
        error = math.sqrt(self.looks * self.variance(effect) / checks.parameter("n", n))
        z = abs(effect) / error - normal_quantile(1.0 - 0.5 * self.alpha)
        return 1.0 - 0.5 * normal_tail(z) if z > 0.0 else 0.5 * normal_tail(z)

    @property
    def _is_rate(self) -> bool:
        return math.isclose(self.sd**2, self.mean * (1.0 - self.mean), rel_tol=_RATE)

    def _reach(self) -> float:
        return normal_quantile(1.0 - 0.5 * self.alpha) + normal_quantile(self.power)


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
