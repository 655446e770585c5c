"""Beta–Bernoulli Thompson sampling: no contexts, rewards between 0 and 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bandit.core.types import Array, Float64, Int32
from bandit.kernels import keyed_random
from bandit.kernels.beta import beta
from bandit.kernels.beta import beta_win_probability as thompson
from bandit.kernels.linear.masked_choice import EVERYTHING
from bandit.kernels.threads import spread
from bandit.models.moments import Moments
from bandit.policies.lin_ts import TINY
from bandit.policies.policy import Policy, best_action
from bandit.policies.problem import Problem

GRAIN = 256
"""Rows that a thread takes at a time: each costs several integrals."""


def _alike(problem: Problem, columns: list[Array]) -> tuple[Array, Array, Array]:
    """Rows that share a probability: eligible ones of each kind, their row, the kind of each row.

    The posterior knows no context, so customers with the same eligible actions and the same
    ``columns`` uint8[n, w] are alike, unless values or costs are their own.
    """
    n = problem.n
    if problem.values.shape[0] > 1 or problem.costs.shape[0] > 1 or n == 0:
        every = np.arange(n)
        return problem.eligible, every, every
    masked = [] if problem.packing == EVERYTHING else [problem.eligible]
    if not masked and not columns:
        return problem.eligible, np.zeros(1, np.int64), np.zeros(n, np.int64)
    kinds = np.ascontiguousarray(np.concatenate([*masked, *columns], axis=1))
    whole = kinds.view(f"V{kinds.shape[1]}").reshape(n)
    _, index, place = np.unique(whole, return_index=True, return_inverse=True)
    return problem.eligible[index] if masked else problem.eligible, index, place


@dataclass(frozen=True)
class BetaTS(Policy):
    """Sample each action's rate from ``Beta(1 + Σ r, 1 + n − Σ r)`` and take the best worth.

    References
    ----------
    Chapelle, Li (2011), An empirical evaluation of Thompson sampling, NIPS, algorithm 2.
    """

    def decide(self, problem: Problem) -> Int32:
        """Draw one keyed Beta variate an action, by inversion."""
        quantiles, slopes = problem.needs_posterior().rates
        sampled = np.zeros((problem.n, problem.k))
        stream = problem.stream(keyed_random.SAMPLE)
        spread(
            beta.beta_draws_into, problem.n, GRAIN,
            quantiles, slopes, stream, problem.keys, sampled,
        )  # fmt: skip
        return best_action(problem, sampled)

    def propensity(self, problem: Problem, action: Int32, decided: Int32) -> Float64:
        """Probability that ``action`` samples the largest worth."""
        del decided
        quantiles, slopes = problem.needs_posterior().rates
        eligible, index, place = _alike(problem, [action.view(np.uint8).reshape(-1, 4)])
        taken, out = action[index], np.zeros(index.size)
        spread(
            thompson.taken_probability_into, index.size, 1, quantiles, slopes,
            eligible, problem.packing, problem.values, problem.costs, taken, out,
        )  # fmt: skip
        chance: Float64 = np.clip(out, 0.0, 1.0)[place]
        return chance

    def distribution(self, problem: Problem) -> Float64:
        """Probability of every action."""
        quantiles, slopes = problem.needs_posterior().rates
        eligible, index, place = _alike(problem, [])
        out = np.zeros((index.size, problem.k))
        spread(
            thompson.all_probabilities_into, index.size, 1, quantiles, slopes,
            eligible, problem.packing, problem.values, problem.costs, out,
        )  # fmt: skip
        table: Float64 = out[place]
        return table

    def decision(self, problem: Problem) -> tuple[Int32, Float64, Float64]:
        """Draw; what was taken has a positive probability."""
        action, chance, score = super().decision(problem)
        return action, np.maximum(chance, TINY), score

    def score_spread(self, posterior: Moments | None, moment: Float64) -> Float64:
        """Standard deviation of each action's Beta."""
        if posterior is None:
            return super().score_spread(posterior, moment)
        won, lost = posterior.rate_shapes
        total = won + lost
        return np.asarray(np.sqrt(won * lost / (total + 1.0)) / total)

    def score_table(self, problem: Problem) -> Float64:
        """Moments mean rate of every action, the same in every row."""
        won, lost = problem.needs_posterior().rate_shapes
        return np.tile(won / (won + lost), (problem.n, 1))

    def score_of(self, problem: Problem, action: Int32) -> Float64:
        """Moments mean rate of one action a row."""
        won, lost = problem.needs_posterior().rate_shapes
        rates: Float64 = (won / (won + lost))[action]
        return rates
