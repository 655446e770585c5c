"""LinUCB with disjoint linear models."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from bandit.core.errors import ConfigError
from bandit.core.types import Float64, Int32
from bandit.policies.linear import choose_linear, means_at, moments_table, outcomes, widths_at
from bandit.policies.policy import DeterministicPolicy
from bandit.policies.problem import Problem


@dataclass(frozen=True)
class LinUCB(DeterministicPolicy):
    """Optimism: score ``μ + alpha·s``, ``μ = xᵀA⁻¹b``, ``s = √(xᵀA⁻¹x)``.

    ``alpha`` ≥ 0 is the exploration width in units of the reward.

    References
    ----------
    Li, Chu, Langford, Schapire (2010), A contextual-bandit approach to personalized news article
    recommendation, WWW, algorithm 1.
    """

    vets: ClassVar[bool] = True

    alpha: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a width that is none."""
        if not (math.isfinite(self.alpha) and self.alpha >= 0.0):
            raise ConfigError(f"alpha must be a number of at least 0, it is {self.alpha}")

    def score_table(self, problem: Problem) -> Float64:
        """Upper confidence bounds float64[n, k]."""
        means, widths = moments_table(problem)
        return outcomes(problem, means + self.alpha * widths)

    def score_of(self, problem: Problem, action: Int32) -> Float64:
        """Upper confidence bound of one action a row."""
        bound = means_at(problem, action) + self.alpha * widths_at(problem, action)
        return outcomes(problem, bound)

    def decide(self, problem: Problem) -> Int32:
        """Take the action whose bound is worth most."""
        return choose_linear(problem, self.alpha, scored=False)[0]

    def decision(self, problem: Problem) -> tuple[Int32, Float64, Float64]:
        """Take the action whose bound is worth most, in one pass."""
        action, mean, width, certain = choose_linear(problem, self.alpha)
        return action, certain, outcomes(problem, mean + self.alpha * width)
