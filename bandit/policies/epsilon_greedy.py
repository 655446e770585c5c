"""Greedy, but now and then anything."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bandit.core.errors import ConfigError
from bandit.core.types import Array, Float64, Int32
from bandit.kernels import keyed_random
from bandit.policies.choice_request import ChoiceRequest
from bandit.policies.greedy import Greedy
from bandit.policies.policy import Policy
from bandit.policies.uniform import uniform_at, uniform_mean, uniform_pick, uniform_table


@dataclass(frozen=True)
class EpsilonGreedy(Policy):
    """With probability ``epsilon`` uniform over the eligible actions, else greedy.

    References
    ----------
    Sutton, Barto (2018), Reinforcement Learning, 2nd edition, section 2.2.
    """

    epsilon: float = 0.1

    def __post_init__(self) -> None:
        """Refuse what is no probability."""
        if not 0.0 <= self.epsilon <= 1.0:
            raise ConfigError(f"epsilon must lie in [0, 1], it is {self.epsilon}")

    def decide(self, request: ChoiceRequest) -> Int32:
        """Flip the keyed coin, then explore or exploit."""
        return self._explored(request, Greedy().decide(request))

    def propensity(self, request: ChoiceRequest, action: Int32, decided: Int32) -> Float64:
        """``(1 − epsilon)·[greedy] + epsilon / eligible``."""
        del decided
        exploit = action == Greedy().decide(request)
        return self._mixed(exploit, uniform_at(request, action))

    def decision(self, request: ChoiceRequest) -> tuple[Int32, Float64, Float64]:
        """Flip the coin; the greedy action is found once."""
        greedy, _, _ = Greedy().decision(request)
        action = self._explored(request, greedy)
        chance = self._mixed(action == greedy, uniform_at(request, action))
        return action, chance, self.score_of(request, action)

    def _explored(self, request: ChoiceRequest, greedy: Int32) -> Int32:
        coin = np.empty(request.n)
        keyed_random.uniforms_into(request.stream(keyed_random.EPSILON), request.keys, coin)
        explored = uniform_pick(request, keyed_random.EPSILON_PICK)[0]
        return np.where(coin < self.epsilon, explored, greedy)

    def _mixed(self, exploit: Array, explore: Float64) -> Float64:
        mixed: Float64 = (1.0 - self.epsilon) * exploit + self.epsilon * explore
        return mixed

    def distribution(self, request: ChoiceRequest) -> Float64:
        """``(1 − epsilon)·[greedy] + epsilon / eligible`` for every action."""
        exploit = Greedy().distribution(request)
        return self._mixed(exploit, uniform_table(request))

    def mean_of(self, request: ChoiceRequest, weights: Float64) -> Float64:
        """``(1 − epsilon)·weight of the greedy action + epsilon·mean over the eligible ones``."""
        return self._mixed(Greedy().mean_of(request, weights), uniform_mean(request, weights))
