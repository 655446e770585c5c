"""LinUCB with disjoint linear models."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from bandit.core.errors import ConfigError
from bandit.core.types import Bool, Float64, Int32
from bandit.models.moments import Moments
from bandit.policies.choice_request import ChoiceRequest
from bandit.policies.contest import Box, Contest
from bandit.policies.linear import (
    choose_linear,
    contest_linear,
    means_at,
    moments_table,
    outcomes,
    tells_linear,
    widths_at,
)
from bandit.policies.policy import DeterministicPolicy


@dataclass(frozen=True)
class LinUCB(DeterministicPolicy):
    """Optimism: score ``μ + alpha·s``, ``μ = xᵀA⁻¹b``, ``s = √(xᵀA⁻¹x)``.

    ``alpha`` ≥ 0 is the exploration width in units of the reward.

    References
    ----------
    Li, Chu, Langford, Schapire (2010), A contextual-bandit approach to personalized news article
    recommendation, WWW, algorithm 1.
    """

    validates: ClassVar[bool] = True

    alpha: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a width that is none."""
        if not (math.isfinite(self.alpha) and self.alpha >= 0.0):
            raise ConfigError(f"alpha must be a number of at least 0, it is {self.alpha}")

    def score_table(self, request: ChoiceRequest) -> Float64:
        """Upper confidence bounds float64[n, k]."""
        means, widths = moments_table(request)
        return outcomes(request, means + self.alpha * widths)

    def score_of(self, request: ChoiceRequest, action: Int32) -> Float64:
        """Upper confidence bound of one action a row."""
        bound = means_at(request, action) + self.alpha * widths_at(request, action)
        return outcomes(request, bound)

    def decide(self, request: ChoiceRequest) -> Int32:
        """Take the action whose bound is worth most."""
        return choose_linear(request, self.alpha, scored=False)[0]

    def tells(self, posterior: Moments | None) -> bool:
        """Where the model has no link function."""
        return tells_linear(posterior)

    def contest(self, request: ChoiceRequest, wanted: Bool, box: Box) -> Contest:
        """Bound whoever may win in the box."""
        return contest_linear(request, self.alpha, wanted, box)

    def decision(self, request: ChoiceRequest) -> tuple[Int32, Float64, Float64]:
        """Take the action whose bound is worth most, in one pass."""
        action, mean, width, certain = choose_linear(request, self.alpha)
        return action, certain, outcomes(request, mean + self.alpha * width)
