"""Where sales are rare: how many of them speak for a value, and how much its error is doubted.

A log of 5,000 rows with 1 % conversion holds 50 sales. Which weights they fell on is chance, and
what the sample does not hold yet (the large sale on the large weight) is missing from its standard
error too: estimate and error are small together, so that the truth lies above.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bandit.core.types import Float64
from bandit.stats.quantiles import normal_quantile
from bandit.stats.units import first_seen

PRIOR_REWARDS = 150.0
"""How many rewards the assumption is worth that they fall on rows whatever their weight."""


OTHERS = 10.0
"""How many rewards those of everybody are worth in what a reward of a few people amounts to."""


class Rewards(NamedTuple):
    """``total`` Σ|z| and ``squares`` Σz² of z = w r, what rewards r bring to a weighted sum.

    Where several rows are one unit, as a household is, `lumped` is in the squares: a home of four
    that buys together is one purchase and not four.
    """

    total: float = 0.0
    squares: float = 0.0

    @classmethod
    def of(cls, z: Float64, units: npt.NDArray[np.generic] | None = None) -> Rewards:
        """Sum up ``z`` float64[n]; those that are 0 say nothing. ``units`` [n]: whose they are."""
        squares = float(np.dot(z, z))
        return cls(float(np.abs(z).sum()), squares + lumped(z, units))

    def plus(self, other: Rewards, factor: float = 1.0) -> Rewards:
        """With others, each ``factor`` ≥ 0 times as heavy."""
        return Rewards(self.total + factor * other.total, self.squares + factor**2 * other.squares)

    @property
    def effective(self) -> float:
        """(Σ|z|)²/Σz²: how many equal rewards would speak as loudly; 0 without any."""
        return self.total**2 / self.squares if self.squares > 0.0 else 0.0

    @property
    def amount(self) -> float:
        """Σz²/Σ|z|: what one that is met by chance amounts to; 0 without any."""
        return self.squares / self.total if self.total > 0.0 else 0.0

    def amount_among(self, every: Rewards) -> float:
        """The same where few are seen: no less than with `OTHERS` of ``every`` beside them."""
        seen = self.effective
        both = (seen * self.amount + OTHERS * every.amount) / (seen + OTHERS)
        return max(self.amount, both)


def lumped(values: Float64, units: npt.NDArray[np.generic] | None) -> float:
    """What units of several rows add to the variance of a sum: Σ_u (Σ r)² - Σ r², r over the mean.

    0 where each row is alone (None), or where rows of a unit have nothing in common.
    """
    if units is None or not len(values):
        return 0.0
    r = values - values.mean()
    place, count = first_seen(units)
    together = np.bincount(place, weights=r, minlength=count)
    return max(float(together @ together) - float(r @ r), 0.0)


def seldom(
    variance: float, people: float, rewards: Rewards, every: Rewards, confidence: float = 0.95
) -> tuple[float, float]:
    """How far below and above it the sum lies of what ``people`` bring, few of whom bring anything.

    A sum of few rewards says little of its error: without any it has none. What comes seldom varies
    as it comes: if the sum were M rather than T, by V(M) = V + a (1 - ρ)(M - T), a being what a
    reward amounts to (`Rewards.amount_among`), ρ the share of people who had one and V the larger
    of the ``variance`` seen and a (1 - ρ) Σ|x|. The upper end is the largest M with
    (M - T)² ≤ z² V(M), Wilson's where rewards are all alike; the lower one z √V below. Where most
    have a reward both are the normal's. docs/adr/0416.
    """
    z = normal_quantile(0.5 + 0.5 * confidence)
    share = min(rewards.effective / people, 1.0) if people > 0.0 else 1.0
    each = rewards.amount_among(every) * (1.0 - share)
    spread = max(variance, each * rewards.total)
    half = 0.5 * z * z * each
    return z * float(np.sqrt(spread)), half + float(np.sqrt(half * half + z * z * spread))


def effective_rewards(
    weights: Float64, rewards: Float64, clusters: npt.NDArray[np.generic] | None = None
) -> float:
    """How many equal rewards would speak as loudly as these, see `Rewards`.

    z is summed within ``clusters`` first: two sales to one customer are no two customers.
    """
    z = weights * rewards
    if clusters is not None:
        place, count = first_seen(clusters)
        z = np.asarray(np.bincount(place, weights=z, minlength=count), np.float64)
    return Rewards.of(z).effective


def caution(slopes: Float64, residuals: Float64, effective: float) -> float:
    """Factor ≥ 1 on the standard error of Σ a e, a ``slopes`` and e ``residuals`` float64[n].

    The sample's Σ a²e² is pulled towards mean(a²) Σ e², what it would be on average if rewards fell
    on rows whatever their weight, which knows the weights of the rows without a sale too: as if
    `PRIOR_REWARDS` had been seen to do so beside the ``effective`` ones. Never below one; it is
    gone where rewards are many.
    """
    squares = float(np.dot(slopes * residuals, slopes * residuals))
    if not squares > 0.0:
        return 1.0
    apart = float(np.mean(slopes * slopes)) * float(np.dot(residuals, residuals)) / squares
    pulled = (effective + PRIOR_REWARDS * apart) / (effective + PRIOR_REWARDS)
    return float(np.sqrt(max(1.0, pulled)))
