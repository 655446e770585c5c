"""Linear Thompson sampling with exact propensities."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bandit.errors import ConfigError
from bandit.kernels import keyed_random, thompson, worth
from bandit.policies.policy import Policy, best_action, posterior_means, posterior_widths
from bandit.policies.problem import Problem
from bandit.types import Float64, Int32


@dataclass(frozen=True)
class LinTS(Policy):
    """Sample each action's outcome from ``N(μ, (alpha·s)²)`` and take the best.

    In the disjoint model sampling θ and projecting it on x is the same as sampling the scalar.
    The propensity is the integral ``∫ φ(z) Π Φ((μ_a + s_a z − μ_b)/s_b) dz``, to 1e-6.

    References
    ----------
    Agrawal, Goyal (2013), Thompson sampling for contextual bandits with linear payoffs, ICML.
    """

    alpha: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a width that is none."""
        if not (math.isfinite(self.alpha) and self.alpha >= 0.0):
            raise ConfigError(f"alpha must be a number of at least 0, it is {self.alpha}")

    def decide(self, problem: Problem) -> Int32:
        """Draw one keyed normal an action."""
        sampled = posterior_means(problem)
        stream = problem.stream(keyed_random.SAMPLE)
        worth.perturb_into(sampled, posterior_widths(problem), self.alpha, stream, problem.keys)
        return best_action(problem, sampled)

    def propensity(self, problem: Problem, action: Int32, decided: Int32) -> Float64:
        """Probability that ``action`` samples the largest worth."""
        del decided
        out = np.zeros(problem.n)
        means, deviations = posterior_means(problem), self.alpha * posterior_widths(problem)
        thompson.taken_probability_into(
            thompson.NORMAL, means, deviations, problem.eligible, problem.packing,
            problem.values, problem.costs, action, out,
        )  # fmt: skip
        return np.clip(out, np.finfo(np.float64).tiny, 1.0)

    def distribution(self, problem: Problem) -> Float64:
        """Probability of every action."""
        out = np.zeros((problem.n, problem.k))
        means, deviations = posterior_means(problem), self.alpha * posterior_widths(problem)
        thompson.all_probabilities_into(
            thompson.NORMAL, means, deviations, problem.eligible, problem.packing,
            problem.values, problem.costs, out,
        )  # fmt: skip
        return out
