"""The action that looks best today."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bandit.core.types import Float64, Int32
from bandit.policies.linear import choose_linear, outcomes
from bandit.policies.policy import DeterministicPolicy
from bandit.policies.problem import Problem


@dataclass(frozen=True)
class Greedy(DeterministicPolicy):
    """Exploit only: score ``μ = xᵀA⁻¹b``."""

    vets: ClassVar[bool] = True

    def decide(self, problem: Problem) -> Int32:
        """Take the action whose posterior mean is worth most."""
        return choose_linear(problem, 0.0, scored=False)[0]

    def decision(self, problem: Problem) -> tuple[Int32, Float64, Float64]:
        """Take the action whose posterior mean is worth most, in one pass."""
        action, mean, _, certain = choose_linear(problem, 0.0)
        return action, certain, outcomes(problem, mean)
