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
from bandit.stats.units import first_seen

PRIOR_REWARDS = 150.0
"""How many rewards the assumption is worth that they fall on rows whatever their weight."""


class Rewards(NamedTuple):
    """``total`` Σ|z| and ``squares`` Σz² of z = w r, what rewards r bring to a weighted sum."""

    total: float = 0.0
    squares: float = 0.0

    @classmethod
    def of(cls, z: Float64) -> Rewards:
        """Sum up ``z`` float64[n]; those that are 0 say nothing."""
        return cls(float(np.abs(z).sum()), float(np.dot(z, z)))

    def plus(self, other: Rewards, factor: float = 1.0) -> Rewards:
        """With others, each ``factor`` ≥ 0 times as heavy."""
        return Rewards(self.total + factor * other.total, self.squares + factor**2 * other.squares)

    @property
    def effective(self) -> float:
        """(Σ|z|)²/Σz²: how many equal rewards would speak as loudly; 0 without any."""
        return self.total**2 / self.squares if self.squares > 0.0 else 0.0


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
