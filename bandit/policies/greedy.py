"""The action that looks best today."""

from __future__ import annotations

from dataclasses import dataclass

from bandit.policies.policy import DeterministicPolicy, best_action
from bandit.policies.problem import Problem
from bandit.types import Int32


@dataclass(frozen=True)
class Greedy(DeterministicPolicy):
    """Exploit only: score ``μ = xᵀA⁻¹b``."""

    def decide(self, problem: Problem) -> Int32:
        """Take the action whose posterior mean is worth most."""
        problem.needs_posterior()
        return best_action(problem, self.score_table(problem))
