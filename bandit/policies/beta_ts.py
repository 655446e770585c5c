"""Beta–Bernoulli Thompson sampling: no contexts, rewards between 0 and 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bandit.errors import DataError
from bandit.kernels import beta, keyed_random, thompson
from bandit.policies.policy import Policy, best_action
from bandit.policies.problem import Problem
from bandit.types import Float64, Int32

_ROUNDING = 1e-9


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
        beta.beta_draws_into(first[0], second[0], stream, problem.keys, sampled)
        return best_action(problem, sampled)

    def propensity(self, problem: Problem, action: Int32, decided: Int32) -> Float64:
        """Probability that ``action`` samples the largest worth."""
        del decided
        first, second = _shapes(problem)
        out = np.zeros(problem.n)
        thompson.taken_probability_into(
            thompson.BETA, first, second, problem.eligible, problem.packing,
            problem.values, problem.costs, action, out,
        )  # fmt: skip
        return np.clip(out, np.finfo(np.float64).tiny, 1.0)

    def distribution(self, problem: Problem) -> Float64:
        """Probability of every action."""
        first, second = _shapes(problem)
        out = np.zeros((problem.n, problem.k))
        thompson.all_probabilities_into(
            thompson.BETA, first, second, problem.eligible, problem.packing,
            problem.values, problem.costs, out,
        )  # fmt: skip
        return out

    def score_table(self, problem: Problem) -> Float64:
        """Posterior mean rate of every action, the same in every row."""
        first, second = _shapes(problem)
        return np.repeat(first / (first + second), problem.n, axis=0)
