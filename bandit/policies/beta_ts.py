"""Beta–Bernoulli Thompson sampling: no contexts, rewards between 0 and 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bandit.errors import DataError
from bandit.kernels import beta, keyed_random, thompson
from bandit.kernels.threads import spread
from bandit.policies.policy import Policy, best_action
from bandit.policies.problem import Problem
from bandit.types import Float64, Int32

_ROUNDING = 1e-9
GRAIN = 64
"""Rows that a thread takes at a time: each costs many integrals."""
TINY = float(np.finfo(np.float64).tiny)
"""Smallest probability reported for an action that was taken."""


def _shapes(problem: Problem) -> tuple[Float64, Float64]:
    """``1 + Σ r`` and ``1 + n − Σ r``, float64[1, k]; refuse rewards outside [0, 1]."""
    posterior = problem.needs_posterior()
    total, squares, count = posterior.reward_sum, posterior.square_sum, posterior.count
    slack = _ROUNDING * (1.0 + count)
    # Σ w r² ≤ Σ w r ≤ Σ w holds for rewards in [0, 1], and fails for any single reward outside.
    bad = (squares > total + slack) | (total > count + slack) | (total < -slack)
    if bad.any():
        action = int(np.argmax(bad))
        raise DataError(
            f"BetaTS needs rewards in [0, 1], action {action} has rewards outside "
            f"(sum {total[action]:g}, sum of squares {squares[action]:g}, count {count[action]:g})"
        )
    won = np.clip(total, 0.0, count)
    return (1.0 + won)[None, :], (1.0 + count - won)[None, :]


@dataclass(frozen=True)
class BetaTS(Policy):
    """Sample each action's rate from ``Beta(1 + Σ r, 1 + n − Σ r)`` and take the best worth.

    References
    ----------
    Chapelle, Li (2011), An empirical evaluation of Thompson sampling, NIPS, algorithm 2.
    """

    def decide(self, problem: Problem) -> Int32:
        """Draw one keyed Beta variate an action, by inversion."""
        first, second = _shapes(problem)
        sampled = np.zeros((problem.n, problem.k))
        stream = problem.stream(keyed_random.SAMPLE)
        spread(
            beta.beta_draws_into, problem.n, GRAIN, first[0], second[0], stream, problem.keys,
            sampled,
        )  # fmt: skip
        return best_action(problem, sampled)

    def propensity(self, problem: Problem, action: Int32, decided: Int32) -> Float64:
        """Probability that ``action`` samples the largest worth."""
        del decided
        first, second = _shapes(problem)
        out = np.zeros(problem.n)
        spread(
            thompson.taken_probability_into, problem.n, GRAIN, first[0], second[0],
            problem.eligible, problem.packing, problem.values, problem.costs, action, out,
        )  # fmt: skip
        return np.clip(out, 0.0, 1.0)

    def distribution(self, problem: Problem) -> Float64:
        """Probability of every action."""
        first, second = _shapes(problem)
        out = np.zeros((problem.n, problem.k))
        spread(
            thompson.all_probabilities_into, problem.n, GRAIN, first[0], second[0],
            problem.eligible, problem.packing, problem.values, problem.costs, out,
        )  # fmt: skip
        return out

    def score_table(self, problem: Problem) -> Float64:
        """Posterior mean rate of every action, the same in every row."""
        first, second = _shapes(problem)
        return np.repeat(first / (first + second), problem.n, axis=0)

    def score_of(self, problem: Problem, action: Int32) -> Float64:
        """Posterior mean rate of one action a row."""
        first, second = _shapes(problem)
        rates: Float64 = (first / (first + second))[0, action]
        return rates

    def decision(self, problem: Problem) -> tuple[Int32, Float64, Float64]:
        """Draw; what was taken has a positive probability."""
        action, chance, score = super().decision(problem)
        return action, np.maximum(chance, TINY), score
