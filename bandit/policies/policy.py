"""What every policy is: hyperparameters, and pure functions from a posterior to decisions."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from bandit.kernels import moments, worth
from bandit.policies.posterior import Posterior
from bandit.policies.problem import Problem, pose
from bandit.types import Array, Choice, Float32, Float64, Int32


def posterior_means(problem: Problem) -> Float64:
    """``xᵀA⁻¹b`` float64[n, k]; zeros where there is no posterior."""
    out = np.zeros((problem.n, problem.k))
    if problem.posterior is not None:
        moments.means_into(problem.contexts, problem.posterior.mean, out)
    return out


def posterior_widths(problem: Problem) -> Float64:
    """``√(xᵀA⁻¹x)`` float64[n, k]."""
    out = np.zeros((problem.n, problem.k))
    moments.widths_into(problem.contexts, problem.needs_posterior().inverse_factor, out)
    return out


def best_action(problem: Problem, scores: Float64) -> Int32:
    """Pick the eligible action of the largest ``value·score − cost``, lowest index on ties."""
    action = np.zeros(problem.n, np.int32)
    worth.best_into(
        scores, problem.eligible, problem.packing, problem.values, problem.costs, action
    )
    return action


class Policy(ABC):
    """A distribution over actions given a posterior, a context and what is eligible.

    A subclass says how it decides, how probable a decision was and how it scores; checking,
    keyed randomness and the shape of the answer are here.
    """

    def choose(
        self,
        posterior: Posterior | None,
        contexts: Array,
        *,
        eligible: Array | None = None,
        values: Array | None = None,
        costs: Array | None = None,
        keys: Array | None = None,
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
            uint64[n], the customers' keys (row numbers where absent): with ``seed``, ``wave`` and
            ``draw`` (the slot's number) they decide every random number.
        """
        problem = pose(
            posterior, contexts, eligible=eligible, values=values, costs=costs, keys=keys,
            seed=seed, wave=wave, draw=draw,
        )  # fmt: skip
        action = self.decide(problem)
        propensity = self.propensity(problem, action, action)
        return Choice(
            action=action,
            propensity=propensity,
            score=self.score_of(problem, action),
            group=np.zeros(problem.n, np.int16),
            joint=np.stack([propensity, np.zeros(problem.n)], axis=1),
        )

    def probabilities(
        self,
        posterior: Posterior | None,
        contexts: Array,
        *,
        eligible: Array | None = None,
        values: Array | None = None,
        costs: Array | None = None,
    ) -> Float64:
        """Probability of every action, float64[n, k]; rows sum to one. Arguments as in `choose`."""
        return self.distribution(
            pose(posterior, contexts, eligible=eligible, values=values, costs=costs)
        )

    def scores(self, posterior: Posterior | None, contexts: Array) -> Float64:
        """Score of every action, float64[n, k]: posterior means, LinUCB upper bounds."""
        return self.score_table(pose(posterior, contexts))

    @abstractmethod
    def decide(self, problem: Problem) -> Int32:
        """Draw an action for each row, int32[n]."""

    @abstractmethod
    def propensity(self, problem: Problem, action: Int32, decided: Int32) -> Float64:
        """Probability of ``action`` int32[n]; ``decided`` is what `decide` returned."""

    @abstractmethod
    def distribution(self, problem: Problem) -> Float64:
        """Probability of every action, float64[n, k]."""

    def score_table(self, problem: Problem) -> Float64:
        """Score of every action, float64[n, k]."""
        return posterior_means(problem)

    def score_of(self, problem: Problem, action: Int32) -> Float32:
        """Score of one action a row, float32[n]."""
        table = self.score_table(problem)
        return table[np.arange(problem.n), action].astype(np.float32)


class DeterministicPolicy(Policy):
    """A policy that always takes the same action in the same situation."""

    def propensity(self, problem: Problem, action: Int32, decided: Int32) -> Float64:
        """One where ``action`` is what the policy decided, else zero."""
        del problem
        return (action == decided).astype(np.float64)

    def distribution(self, problem: Problem) -> Float64:
        """One in the column of the decided action."""
        out = np.zeros((problem.n, problem.k))
        out[np.arange(problem.n), self.decide(problem)] = 1.0
        return out
