r"""Scores of models elsewhere: each knows of one offer what no column says, in a scale of its own.

In a world with scores a customer wants offer o by a whim besides: ``ω_o ~ 1.5 · logistic``, added
to the logit of the appeal. The model of offer o has seen it through noise and writes

    score_o = σ(slope_o · (logit appeal_o + 0.7 · noise) + level_o),

so that it ranks customers well, and says nothing true of how likely a sale is.
"""

from __future__ import annotations

import numpy as np

from bandit.core.types import Array, Float64
from bandit.worlds.draws import logistic, uniform

WHIM, NOISE = 1.5, 0.7


def whims(ids: Array, scores: int, offers: int, seed: int) -> Float64:
    """float64[n, o]: what no column says of how much each wants the first ``scores`` offers."""
    found = np.zeros((len(ids), offers))
    found[:, :scores] = WHIM * logistic(seed, "whim", ids[:, None], np.arange(scores))
    return found


def scores(ids: Array, appeal: Float64, seed: int) -> Float64:
    """float64[n, scores] in (0, 1), of customers to whom offers appeal so, float64[n, scores]."""
    o = np.arange(appeal.shape[1])
    slope = np.exp(0.5 * logistic(seed, "score slope", o))
    level = 4.0 * uniform(seed, "score level", o) - 2.0
    seen = np.log(appeal / (1.0 - appeal)) + NOISE * logistic(seed, "score", ids[:, None], o)
    return np.asarray(1.0 / (1.0 + np.exp(-(slope * seen + level))), np.float64)
