"""Beta–Bernoulli Thompson sampling: no contexts, rewards between 0 and 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bandit.core.types import Array, Float64, Int32
from bandit.kernels import keyed_random
from bandit.kernels.beta import beta
from bandit.kernels.beta import beta_rows as thompson
from bandit.kernels.linear.chances import TINY
from bandit.kernels.linear.masked_choice import EVERYTHING
from bandit.kernels.threads import spread
from bandit.models.moments import Moments
from bandit.policies.choice_request import ChoiceRequest
from bandit.policies.policy import Policy, best_action

GRAIN = 256
"""Rows that a thread takes at a time: each costs several integrals."""


def _alike(request: ChoiceRequest, columns: list[Array]) -> tuple[Array, Array, Array]:
    """Rows that share a probability: eligible ones of each kind, their row, the kind of each row.

    The posterior knows no context, so customers with the same eligible actions and the same
    ``columns`` uint8[n, w] are alike, unless values or costs are their own.
    """
    n = request.n
    if request.values.shape[0] > 1 or request.costs.shape[0] > 1 or n == 0:
        every = np.arange(n)
        return request.eligible, every, every
    masked = [] if request.packing == EVERYTHING else [request.eligible]
    if not masked and not columns:
        return request.eligible, np.zeros(1, np.int64), np.zeros(n, np.int64)
    kinds = np.ascontiguousarray(np.concatenate([*masked, *columns], axis=1))
    whole = kinds.view(f"V{kinds.shape[1]}").reshape(n)
    _, index, place = np.unique(whole, return_index=True, return_inverse=True)
    return request.eligible[index] if masked else request.eligible, index, place


@dataclass(frozen=True)
class BetaTS(Policy):
    """Sample each action's rate from ``Beta(1 + Σ r, 1 + n − Σ r)`` and take the best worth.

    References
    ----------
    Chapelle, Li (2011), An empirical evaluation of Thompson sampling, NIPS, algorithm 2.
    """

    def decide(self, request: ChoiceRequest) -> Int32:
        """Draw one keyed Beta variate an action, by inversion."""
        tables = request.needs_posterior().rates
        sampled = np.zeros((request.n, request.k))
        stream = request.stream(keyed_random.SAMPLE)
        spread(
            beta.beta_draws_into, request.n, GRAIN,
            tables.quantiles, tables.slopes, stream, request.keys, sampled,
        )  # fmt: skip
        return best_action(request, sampled)

    def propensity(self, request: ChoiceRequest, action: Int32, decided: Int32) -> Float64:
        """Probability that ``action`` samples the largest worth."""
        del decided
        tables = request.needs_posterior().rates
        eligible, index, place = _alike(request, [action.view(np.uint8).reshape(-1, 4)])
        taken, out = action[index], np.zeros(index.size)
        spread(
            thompson.taken_probability_into, index.size, 1, tables,
            eligible, request.packing, request.values, request.costs, taken, out,
        )  # fmt: skip
        chance: Float64 = np.clip(out, 0.0, 1.0)[place]
        return chance

    def distribution(self, request: ChoiceRequest) -> Float64:
        """Probability of every action."""
        tables = request.needs_posterior().rates
        eligible, index, place = _alike(request, [])
        out = np.zeros((index.size, request.k))
        spread(
            thompson.all_probabilities_into, index.size, 1, tables,
            eligible, request.packing, request.values, request.costs, out,
        )  # fmt: skip
        table: Float64 = out[place]
        return table

    def decision(self, request: ChoiceRequest) -> tuple[Int32, Float64, Float64]:
        """Draw; what was taken has a positive probability."""
        action, chance, score = super().decision(request)
        return action, np.maximum(chance, TINY), score

    def score_spread(self, posterior: Moments | None, moment: Float64) -> Float64:
        """Standard deviation of each action's Beta."""
        if posterior is None:
            return super().score_spread(posterior, moment)
        won, lost = posterior.rate_shapes
        total = won + lost
        return np.asarray(np.sqrt(won * lost / (total + 1.0)) / total)

    def score_table(self, request: ChoiceRequest) -> Float64:
        """Moments mean rate of every action, the same in every row."""
        won, lost = request.needs_posterior().rate_shapes
        return np.tile(won / (won + lost), (request.n, 1))

    def score_of(self, request: ChoiceRequest, action: Int32) -> Float64:
        """Moments mean rate of one action a row."""
        won, lost = request.needs_posterior().rate_shapes
        rates: Float64 = (won / (won + lost))[action]
        return rates
