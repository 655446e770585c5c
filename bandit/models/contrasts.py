"""What a combination of action features adds by itself: the shared part and nothing else."""

from __future__ import annotations

import numpy as np

from bandit.core.types import Float64
from bandit.models.hybrid import covariances, solve, split
from bandit.models.pooled import PooledPosterior


def contrast(posterior: PooledPosterior, rows: Float64) -> tuple[Float64, Float64]:
    """Moments of ``Z β`` of features ``rows`` float64[m, q]: float64[m, d] and float64[m, d, d].

    An action of these features that nobody has seen has the mean ``m u + Z β̂`` and the covariance
    ``Z A₀⁻¹ Zᵀ + P⁻¹/λ``; the level m u and its own part are taken off again. In units of the noise
    variance.
    """
    sums, k = posterior.sums, posterior.n_actions
    unseen = posterior.add_actions(len(rows), features=rows)
    given = unseen.sums, split(unseen.features), unseen.strengths
    mean, covariance = solve(*given, first=k).mean, covariances(*given, first=k)
    own = np.eye(posterior.n_features)
    own += posterior.strengths.intercept * np.outer(sums.unit, sums.unit)
    return mean - sums.baseline * sums.unit, covariance - own / posterior.own
