"""What every policy is: hyperparameters, and pure functions from a posterior to decisions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from bandit.core.types import Bool, Choice, Float64, Int32, Int64
from bandit.kernels import mixing
from bandit.kernels.linear import masked_choice as worth
from bandit.kernels.threads import spread
from bandit.models.moments import Moments
from bandit.policies.choice_request import ChoiceRequest, checked
from bandit.policies.contest import Box, Contest, settled
from bandit.policies.linear import means_at, moments_table, outcomes

GRAIN = 4096
"""Rows that a thread takes at a time."""


def best_action(request: ChoiceRequest, scores: Float64) -> Int32:
    """Pick the eligible action of the largest ``value·score − cost``, lowest index on ties."""
    action = np.zeros(request.n, np.int32)
    spread(
        worth.best_into, request.n, GRAIN,
        scores, request.eligible, request.packing, request.values, request.costs, action,
    )  # fmt: skip
    return action


class Policy(ABC):
    """A distribution over actions given a posterior, a context and what is eligible.

    A subclass says how it decides, how probable a decision was and how it scores; checking,
    keyed randomness and the shape of the answer are here.
    """

    validates: ClassVar[bool] = False
    """Whether `decision` itself refuses contexts and prices that are no numbers, as it goes."""

    heeds: ClassVar[bool] = True
    """Whether what an action costs can change a decision."""

    integrates: ClassVar[bool] = False
    """Whether `choose_or_score` draws and integrates in one pass over the same contenders."""

    def choose(
        self,
        posterior: Moments | None,
        contexts: npt.ArrayLike,
        *,
        eligible: npt.ArrayLike | None = None,
        values: npt.ArrayLike | None = None,
        costs: npt.ArrayLike | None = None,
        keys: npt.ArrayLike | None = None,
        seed: int = 0,
        wave: int = 0,
        draw: int = 0,
    ) -> Choice:
        """Decide for n customers.

        Parameters
        ----------
        posterior
            Of k actions over d features; None for policies that do not learn.
        contexts
            float32[n, d] (float64 too), finite.
        eligible
            bool[n, k], or bits uint8[n, ceil(k/8)] in little order; everything where absent. A
            row without an eligible action is a `DataError`.
        values, costs
            float[k] or float[n, k]: an action's worth is ``value·score − cost``.
        keys
            The customers' keys [n], whole numbers or text (row numbers where absent): with
            ``seed``, ``wave`` and ``draw`` (the slot's number) they decide every random number.
        """
        request = checked(
            posterior, contexts, eligible=eligible, values=values, costs=costs, keys=keys,
            seed=seed, wave=wave, draw=draw, validate=not self.validates,
        )  # fmt: skip
        action, propensity, score = self.decision(request)
        return Choice(
            action=action,
            propensity=propensity,
            score=score.astype(np.float32),
            group=np.zeros(request.n, np.int16),
            joint=np.stack([propensity, np.zeros(request.n)], axis=1),
        )

    def probabilities(
        self,
        posterior: Moments | None,
        contexts: npt.ArrayLike,
        *,
        eligible: npt.ArrayLike | None = None,
        values: npt.ArrayLike | None = None,
        costs: npt.ArrayLike | None = None,
    ) -> Float64:
        """Probability of every action, float64[n, k]; rows sum to one. Arguments as in `choose`."""
        return self.distribution(
            checked(posterior, contexts, eligible=eligible, values=values, costs=costs)
        )

    def expectation(
        self,
        posterior: Moments | None,
        contexts: npt.ArrayLike,
        weights: Float64,
        *,
        eligible: npt.ArrayLike | None = None,
        values: npt.ArrayLike | None = None,
        costs: npt.ArrayLike | None = None,
    ) -> Float64:
        """``Σ_a π(a)·weights[a]``, float64[n], of ``weights`` float64[k]; to 1e-6 of them."""
        return self.mean_of(
            checked(posterior, contexts, eligible=eligible, values=values, costs=costs), weights
        )

    def scores(self, posterior: Moments | None, contexts: npt.ArrayLike) -> Float64:
        """Score of every action, float64[n, k]: posterior means, LinUCB upper bounds."""
        return self.score_table(checked(posterior, contexts))

    def decision(self, request: ChoiceRequest) -> tuple[Int32, Float64, Float64]:
        """Draw an action for each row, with its propensity and score."""
        action = self.decide(request)
        return action, self.propensity(request, action, action), self.score_of(request, action)

    def choose_or_score(
        self, request: ChoiceRequest, given: Int32
    ) -> tuple[Int32, Float64, Float64 | None]:
        """``given`` int32[n] where it is not -1, else what is drawn; with its probability.

        The last is its `score_of`, where that comes along.
        """
        decided = self.decide(request)
        action = np.where(given < 0, decided, given).astype(np.int32)
        return action, self.propensity(request, action, decided), None

    @abstractmethod
    def decide(self, request: ChoiceRequest) -> Int32:
        """Draw an action for each row, int32[n]."""

    def order(self, k: int) -> Int64 | None:
        """The list int64[k] of all k actions of which the first eligible is taken, if one is."""
        del k
        return None

    def tells(self, posterior: Moments | None) -> bool:
        """Whether `contest` says what is taken at many prices, without being asked at each."""
        del posterior
        return not self.heeds

    def contest(self, request: ChoiceRequest, wanted: Bool, box: Box) -> Contest:
        """What `decide` may take in rows ``wanted`` bool[n] at prices of a box beside the costs.

        Asked only of a policy that `tells`.
        """
        del box
        return settled(self.decide(request), wanted)

    @abstractmethod
    def propensity(self, request: ChoiceRequest, action: Int32, decided: Int32) -> Float64:
        """Probability of ``action`` int32[n]; ``decided`` is what `decide` returned."""

    @abstractmethod
    def distribution(self, request: ChoiceRequest) -> Float64:
        """Probability of every action, float64[n, k]."""

    def mean_of(self, request: ChoiceRequest, weights: Float64) -> Float64:
        """Expected weight of the action taken, float64[n]."""
        return np.asarray(self.distribution(request) @ weights)

    def score_table(self, request: ChoiceRequest) -> Float64:
        """Score of every action, float64[n, k]; zeros where there is no posterior."""
        if request.posterior is None:
            return np.zeros((request.n, request.k))
        return outcomes(request, moments_table(request)[0])

    def score_of(self, request: ChoiceRequest, action: Int32) -> Float64:
        """Score of one action a row, float64[n]: the entry of `score_table`."""
        scores = means_at(request, action)
        return scores if request.posterior is None else outcomes(request, scores)

    def score_spread(self, posterior: Moments | None, moment: Float64) -> Float64:
        """Typical standard deviation of each action's sampled score, float64[k or 1].

        ``moment`` float64[d, d] is the mean of x xᵀ. Zero for a policy that does not sample scores.
        """
        del posterior, moment
        return np.zeros(1)


class DeterministicPolicy(Policy):
    """A policy that always takes the same action in the same situation."""

    def propensity(self, request: ChoiceRequest, action: Int32, decided: Int32) -> Float64:
        """One where ``action`` is what the policy decided, else zero."""
        if request.n == 1:  # to call a kernel takes longer
            return np.array([float(action[0] == decided[0])])
        certain = np.empty(request.n)
        spread(mixing.agree_into, request.n, GRAIN, action, decided, certain)
        return certain

    def mean_of(self, request: ChoiceRequest, weights: Float64) -> Float64:
        """Weight of the decided action."""
        return np.asarray(weights[self.decide(request)])

    def distribution(self, request: ChoiceRequest) -> Float64:
        """One in the column of the decided action."""
        out = np.zeros((request.n, request.k))
        out[np.arange(request.n), self.decide(request)] = 1.0
        return out
