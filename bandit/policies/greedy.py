"""The action that looks best today."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bandit.core.types import Bool, Float64, Int32
from bandit.models.moments import Moments
from bandit.policies.choice_request import ChoiceRequest
from bandit.policies.contest import Box, Contest
from bandit.policies.linear import choose_linear, contest_linear, outcomes, tells_linear
from bandit.policies.policy import DeterministicPolicy


@dataclass(frozen=True)
class Greedy(DeterministicPolicy):
    """Exploit only: score ``μ = xᵀA⁻¹b``."""

    validates: ClassVar[bool] = True

    def decide(self, request: ChoiceRequest) -> Int32:
        """Take the action whose posterior mean is worth most."""
        return choose_linear(request, 0.0, scored=False)[0]

    def tells(self, posterior: Moments | None) -> bool:
        """Where the model has no link function."""
        return tells_linear(posterior)

    def contest(self, request: ChoiceRequest, wanted: Bool, box: Box) -> Contest:
        """The means of whoever may win in the box."""
        return contest_linear(request, 0.0, wanted, box)

    def decision(self, request: ChoiceRequest) -> tuple[Int32, Float64, Float64]:
        """Take the action whose posterior mean is worth most, in one pass."""
        action, mean, _, certain = choose_linear(request, 0.0)
        return action, certain, outcomes(request, mean)
