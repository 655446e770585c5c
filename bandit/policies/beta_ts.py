"""Beta–Bernoulli Thompson sampling: no contexts, rewards between 0 and 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bandit.kernels import beta, keyed_random, thompson
from bandit.kernels.threads import spread
from bandit.policies.lin_ts import TINY
from bandit.policies.policy import Policy, best_action
from bandit.policies.posterior import Posterior
from bandit.policies.problem import Problem
from bandit.types import Float64, Int32

GRAIN = 256
"""Rows that a thread takes at a time: each costs several integrals."""


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
        out = np.zeros(problem.n)
        spread(
            thompson.taken_probability_into, problem.n, GRAIN, quantiles, slopes,
            problem.eligible, problem.packing, problem.values, problem.costs, action, out,
        )  # fmt: skip
        return np.clip(out, 0.0, 1.0)

    def distribution(self, problem: Problem) -> Float64:
        """Probability of every action."""
        quantiles, slopes = problem.needs_posterior().rates
        out = np.zeros((problem.n, problem.k))
        spread(
            thompson.all_probabilities_into, problem.n, GRAIN, quantiles, slopes,
            problem.eligible, problem.packing, problem.values, problem.costs, out,
        )  # fmt: skip
        return out

    def decision(self, problem: Problem) -> tuple[Int32, Float64, Float64]:
        """Draw; what was taken has a positive probability."""
        action, chance, score = super().decision(problem)
        return action, np.maximum(chance, TINY), score

    def score_spread(self, posterior: Posterior | None, moment: Float64) -> Float64:
        """Standard deviation of each action's Beta."""
        if posterior is None:
            return super().score_spread(posterior, moment)
        won, lost = posterior.rate_shapes
        total = won + lost
        return np.asarray(np.sqrt(won * lost / (total + 1.0)) / total)

    def score_table(self, problem: Problem) -> Float64:
        """Posterior mean rate of every action, the same in every row."""
        won, lost = problem.needs_posterior().rate_shapes
        return np.tile(won / (won + lost), (problem.n, 1))

    def score_of(self, problem: Problem, action: Int32) -> Float64:
        """Posterior mean rate of one action a row."""
        won, lost = problem.needs_posterior().rate_shapes
        rates: Float64 = (won / (won + lost))[action]
        return rates
