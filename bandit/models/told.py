"""How far an action's mean may be off, with what the model takes for certain where it draws.

Two things are found from the rows and then held as known: how often events follow an action, and
how much customers and actions differ at all. Where few events came the likeliest answer to the
second is "not at all", and no width is left although a difference was merely not found.
"""

from __future__ import annotations

import numpy as np

from bandit.core.types import Float64
from bandit.models.moments import Moments
from bandit.models.owned import OwnedPosterior
from bandit.models.pooled import PooledPosterior
from bandit.models.relative import RelativePosterior, unsure


def variance(part: Moments, noise: float, action: int, x: Float64, mean: float) -> float:
    """Of what ``part`` expects of a context float64[d], in outcomes squared; never below its own.

    ``mean`` is what is told: to the model's own variance, or that of a line that all actions share
    if this is more, comes what few events do not tell of a factor: a share of the mean.
    """
    spread = max(float(x @ part.covariance[action] @ x), 0.0)
    factor, doubt = 1.0, 0.0
    if isinstance(part, RelativePosterior):
        factor = float(part.factors.actions[action])
        doubt = mean**2 * float(unsure(part.factors.heard[action]))
        part = part.inner
    return noise**2 * max(spread, factor**2 * _line(part, x)) + doubt


def _line(part: Moments, x: Float64) -> float:
    """Of a line that all actions share, 0 where each learns alone and no strength was found.

    Of scores nothing is taken: what one is worth to its offer is no matter of all.
    """
    if isinstance(part, OwnedPosterior):
        common = part.layout.common
        x = np.append(x[part.layout.places[0, :common]], np.zeros(part.layout.rising.size - common))
        part = part.inner
    if not isinstance(part, PooledPosterior):
        return 0.0
    return float(x @ part.line @ x)
