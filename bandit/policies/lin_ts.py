"""Linear Thompson sampling with exact propensities."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bandit.core.errors import ConfigError
from bandit.core.types import Bool, Float64, Int32
from bandit.kernels import keyed_random
from bandit.kernels.linear import win_probability_table as rivals_table
from bandit.kernels.linear.linear_choice import GRAIN
from bandit.kernels.linear.link import IDENTITY
from bandit.kernels.threads import spread
from bandit.models.moments import Moments
from bandit.policies.choice_request import ChoiceRequest
from bandit.policies.contest import Box, Contest
from bandit.policies.linear import (
    GIVEN,
    NOTHING,
    OWN,
    TAKEN,
    WEIGHTED,
    choose_linear,
    contest_linear,
    linked_table,
    moments_table,
    outcomes,
    tells_linear,
)
from bandit.policies.policy import Policy


@dataclass(frozen=True)
class LinTS(Policy):
    """Sample each action's outcome from ``N(μ, (alpha·s)²)`` and take the best.

    In the disjoint model sampling θ and projecting it on x is the same as sampling the scalar.
    The propensity is the integral ``∫ φ(z) Π Φ((μ_a + s_a z − μ_b)/s_b) dz``, to 1e-6. Where the
    model has a link function g, the outcome is g of what is sampled.

    References
    ----------
    Agrawal, Goyal (2013), Thompson sampling for contextual bandits with linear payoffs, ICML.
    """

    validates: ClassVar[bool] = True
    integrates: ClassVar[bool] = True

    alpha: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a width that is none."""
        if not (math.isfinite(self.alpha) and self.alpha >= 0.0):
            raise ConfigError(f"alpha must be a number of at least 0, it is {self.alpha}")

    def decide(self, request: ChoiceRequest) -> Int32:
        """Draw one keyed normal an action."""
        return self._sampled(request, NOTHING)[0]

    def decision(self, request: ChoiceRequest) -> tuple[Int32, Float64, Float64]:
        """Draw, and integrate over the same contenders."""
        action, mean, _, chance = self._sampled(request, OWN)
        return action, chance, outcomes(request, mean)

    def tells(self, posterior: Moments | None) -> bool:
        """Where the model has no link function."""
        return tells_linear(posterior)

    def contest(self, request: ChoiceRequest, wanted: Bool, box: Box) -> Contest:
        """Draw for whoever may win in the box."""
        stream = request.stream(keyed_random.SAMPLE)
        return contest_linear(request, self.alpha, wanted, box, thompson=True, stream=stream)

    def propensity(self, request: ChoiceRequest, action: Int32, decided: Int32) -> Float64:
        """Probability that ``action`` samples the largest worth."""
        del decided
        return choose_linear(request, self.alpha, propensity=GIVEN, given=action)[3]

    def choose_or_score(
        self, request: ChoiceRequest, given: Int32
    ) -> tuple[Int32, Float64, Float64 | None]:
        """Draw, integrate and score in one pass over the contenders."""
        stream = request.stream(keyed_random.SAMPLE)
        action, mean, _, chance = choose_linear(
            request, self.alpha, thompson=True, stream=stream, propensity=TAKEN, given=given
        )
        linear = request.needs_posterior().model[0].link == IDENTITY
        return action, chance, mean if linear else None

    def distribution(self, request: ChoiceRequest) -> Float64:
        """Probability of every action."""
        if request.needs_posterior().model[0].link != IDENTITY:
            return linked_table(request, self.alpha)
        out = np.zeros((request.n, request.k))
        means, widths = moments_table(request)
        spread(
            rivals_table.probabilities_into, request.n, GRAIN, means, widths, self.alpha,
            request.eligible, request.packing, request.values, request.costs, out,
        )  # fmt: skip
        return out

    def mean_of(self, request: ChoiceRequest, weights: Float64) -> Float64:
        """Expected weight of the action taken, over the contenders alone."""
        return choose_linear(request, self.alpha, propensity=WEIGHTED, weights=weights)[3]

    def score_spread(self, posterior: Moments | None, moment: Float64) -> Float64:
        """``α·√(tr(S E[x xᵀ]))`` of each action, S its covariance."""
        if posterior is None:
            return super().score_spread(posterior, moment)
        variance = np.einsum("aij,ji->a", posterior.covariance, moment)
        return np.asarray(self.alpha * np.sqrt(np.maximum(variance, 0.0)))

    def _sampled(
        self, request: ChoiceRequest, whose: int
    ) -> tuple[Int32, Float64, Float64, Float64]:
        stream = request.stream(keyed_random.SAMPLE)
        return choose_linear(
            request, self.alpha, thompson=True, stream=stream, propensity=whose,
            scored=whose == OWN,
        )  # fmt: skip
