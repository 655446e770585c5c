"""The action that looks best today."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bandit.core.types import Float64, Int32
from bandit.policies.choice_request import ChoiceRequest
from bandit.policies.linear import choose_linear, outcomes
from bandit.policies.policy import DeterministicPolicy


@dataclass(frozen=True)
class Greedy(DeterministicPolicy):
    """Exploit only: score ``μ = xᵀA⁻¹b``."""

    validates: ClassVar[bool] = True

    def decide(self, request: ChoiceRequest) -> Int32:
        """Take the action whose posterior mean is worth most."""
        return choose_linear(request, 0.0, scored=False)[0]

    def decision(self, request: ChoiceRequest) -> tuple[Int32, Float64, Float64]:
        """Take the action whose posterior mean is worth most, in one pass."""
        action, mean, _, certain = choose_linear(request, 0.0)
        return action, certain, outcomes(request, mean)
