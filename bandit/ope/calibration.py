"""An outcome model brought to where a target's weights lie, so that it cannot do harm.

A model that predicts well on average may be far off on the few rows that a target would have
decided alike: then the residuals that doubly robust estimators weigh are larger than the rewards
themselves, and dr is wider than snips.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bandit.checks import columns as checks
from bandit.core.types import Float64


class Calibrated(NamedTuple):
    """Predictions of the logged actions and their means under the target, float64[n] each."""

    q_logged: Float64
    q_target: Float64


def calibrated(
    rewards: npt.ArrayLike,
    weights: npt.ArrayLike,
    q_logged: npt.ArrayLike,
    q_target: npt.ArrayLike,
    fold: npt.NDArray[np.int64],
) -> Calibrated:
    """α + β q̂ in place of q̂, with α and β of the other folds' Σ w²(r - α - βq̂)² least, β in [0, 1].

    w²(r - q̂)² is what the logged actions add to the variance of dr. β = 0 is the self-normalised
    estimator up to terms of order 1/n, α = 0 and β = 1 the model as it came: dr is then about as
    sharp as the sharper of the two. β is drawn to 0 by what of it is noise, 1 - (2 se(β)/β)², for a
    slope that is learned from a handful of heavy rows. The mean that is taken over the target moves
    likewise, so that nothing is biased. ``fold`` int[n] from `fold_of`; folds whose others have no
    weight keep q̂. Cao, Tsiatis, Davidian (2009), Improving efficiency and robustness of the doubly
    robust estimator, minimise the same over a model's parameters.
    """
    r = checks.vector("rewards", rewards)
    w = checks.weights("weights", weights, len(r))
    q, qt = checks.vector("q_logged", q_logged, len(r)), checks.vector("q_target", q_target, len(r))
    found = Calibrated(q.copy(), qt.copy())
    for f in range(int(fold.max()) + 1):
        others, mine = fold != f, fold == f
        square = w[others] ** 2
        if square.sum() > 0.0:
            reward, guess, slope = _line(square, r[others], q[others])
            found.q_logged[mine] = reward + slope * (q[mine] - guess)
            found.q_target[mine] = reward + slope * (qt[mine] - guess)
    return found


def _line(square: Float64, rewards: Float64, guesses: Float64) -> tuple[float, float, float]:
    """Weighted means of rewards and guesses, and the slope between them with its doubt taken."""
    total = float(square.sum())
    reward, guess = float(square @ rewards) / total, float(square @ guesses) / total
    apart, away = guesses - guess, rewards - reward
    spread = float(square @ (apart * apart))
    slope = float(square @ (apart * away)) / spread if spread > 0.0 else 0.0
    if not slope > 0.0:
        return reward, guess, 0.0
    variance = float(np.sum((square * apart * (away - slope * apart)) ** 2)) / spread**2
    return reward, guess, min(slope * max(0.0, 1.0 - 4.0 * variance / slope**2), 1.0)
