"""How fast to forget: which half-life would have foretold each wave best from those before it.

A wave's rows are ``r = xᵀθ + noise``; of a θ that others taught, their log likelihood is
``−½ Σ (r² − 2 θᵀ x r + (xᵀθ)²)/σ²``, which the wave's sums say. So candidates are held against each
other from sums alone, each wave by those whose outcomes were known when it began.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bandit.core.types import Float64
from bandit.models.hybrid import Strengths, solve, split
from bandit.models.posterior import Posterior
from bandit.models.sums import Sums

HALF_LIVES = (240.0, 120.0, 60.0, 30.0, 15.0)
"""Days, each half of the one before; never forgetting stands beside them."""
NEWEST = 6
"""Waves that are foretold: further back it was another time."""
CLEAR = 3.0
"""Log likelihood by which forgetting must win before it is suggested: odds of twenty to one."""
WORTH = 0.1
"""And as a share of what never forgetting foretells over each action's mean: straight lines through
what is curved fit those customers better who get an action now, so forgetting always wins a little.
"""


class Told(NamedTuple):
    """What a wave has shown: ``at`` and ``known`` are days, when it was and when it was closed."""

    at: float
    known: float
    sums: Posterior


class Gains(NamedTuple):
    """Log likelihoods of w waves: ``over`` never forgetting float64[h, w], of each of `HALF_LIVES`.

    ``foretold`` float64[w]: of never forgetting over what is alike for all customers. ``timed``
    float64[h, w]: over the same waves all weighed alike, of as much weight together. What
    forgetting wins by knowing less of everything, where a few lucky purchases were taken at their
    word, is not for time.
    """

    over: Float64
    foretold: Float64
    timed: Float64

    def plus(self, other: Gains) -> Gains:
        """Of two kinds of events together."""
        return Gains(
            self.over + other.over, self.foretold + other.foretold, self.timed + other.timed
        )


def gains(waves: Sequence[Told], features: Float64, strengths: Strengths) -> Gains:
    """How well each wave is foretold by those that were known when it began.

    Of the newest w ≤ `NEWEST` waves that some other was known before, in units of the noise that
    `strengths` say; ``waves`` in the order of their time.
    """
    parts = split(features)
    chosen = [wave for wave in waves if any(other.known <= wave.at for other in waves)]
    noise = strengths.noise or 1.0
    found, timed = np.zeros((2, len(HALF_LIVES), len(chosen[-NEWEST:])))
    alike = np.zeros(found.shape[1])
    for place, wave in enumerate(chosen[-NEWEST:]):
        before = [other for other in waves if other.known <= wave.at]
        whole = _taught(before, wave.at, None)
        never = _loss(wave.sums, solve(whole, parts, strengths).mean)
        alike[place] = _loss(wave.sums, np.tile(whole.baseline * whole.unit, (len(features), 1)))
        alike[place] -= never
        for row, half_life in enumerate(HALF_LIVES):
            taught = _taught(before, wave.at, half_life)
            loss = _loss(wave.sums, solve(taught, parts, strengths).mean)
            found[row, place] = never - loss
            if len(before) > 1:
                even = whole.decay(_kept(before, wave.at, half_life))
                timed[row, place] = _loss(wave.sums, solve(even, parts, strengths).mean) - loss
    return Gains(0.5 * found / noise, 0.5 * alike / noise, 0.5 * timed / noise)


def suggested(gained: Gains) -> float | None:
    """The half-life whose waves were likeliest together, None for never: if it is worth it.

    It must win over never forgetting, and over forgetting as much of every wave.
    """
    total = np.minimum(gained.over.sum(axis=1), gained.timed.sum(axis=1))
    best = int(total.argmax())
    least = max(CLEAR, WORTH * float(gained.foretold.sum()))
    return HALF_LIVES[best] if total[best] >= least else None


def _taught(waves: Sequence[Told], at: float, half_life: float | None) -> Sums:
    """The sums of waves as they weigh at day ``at``."""
    found: Sums | None = None
    for wave in waves:
        keep = 1.0 if half_life is None else 0.5 ** ((at - wave.at) / half_life)
        part = wave.sums.decay(keep)
        found = part if found is None else found.merge(part)
    if found is None:
        raise ValueError("a wave is foretold by others that were known before it")
    return found


def _kept(waves: Sequence[Told], at: float, half_life: float) -> float:
    """The share of the rows of ``waves`` that is left by then."""
    rows = np.array([wave.sums.count.sum() for wave in waves])
    keep = 0.5 ** ((at - np.array([wave.at for wave in waves])) / half_life)
    return float(rows @ keep / max(rows.sum(), 1.0))


def _loss(seen: Sums, theta: Float64) -> float:
    """``Σ (r − xᵀθ)²`` less Σ r², of the rows of ``seen``."""
    met = np.einsum("kij,kj->ki", seen.gram, theta) - 2.0 * seen.shift
    return float(np.einsum("ki,ki->k", theta, met).sum())
