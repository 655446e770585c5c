"""Every eligible action with the same probability."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bandit.core.types import Array, Float64, Int32
from bandit.kernels import keyed_random
from bandit.kernels.linear import masked_choice as worth
from bandit.kernels.threads import spread
from bandit.policies.policy import GRAIN, Policy
from bandit.policies.problem import Problem


def uniform_pick(problem: Problem, purpose: int) -> tuple[Int32, Float64]:
    """Draw uniformly over the eligible actions: action int32[n] and its probability float64[n]."""
    action = np.zeros(problem.n, np.int32)
    count = np.zeros(problem.n, np.int64)
    spread(
        worth.pick_uniform_into, problem.n, GRAIN, problem.eligible, problem.packing, problem.k,
        problem.stream(purpose), problem.keys, action, count,
    )  # fmt: skip
    return action, 1.0 / count


def uniform_pick_at(problem: Problem, purpose: int, rows: Array) -> Int32:
    """`uniform_pick`'s actions for ``rows`` int64[m] alone, int32[m]."""
    eligible = problem.eligible if problem.packing == worth.EVERYTHING else problem.eligible[rows]
    part = replace(problem, n=rows.shape[0], eligible=eligible, keys=problem.keys[rows])
    return uniform_pick(part, purpose)[0]


def uniform_at(problem: Problem, action: Int32) -> Float64:
    """Probability of ``action`` under the uniform draw, zero where it is not eligible."""
    count, included = np.zeros(problem.n, np.int64), np.zeros(problem.n, np.bool_)
    spread(
        worth.count_eligible_into, problem.n, GRAIN, problem.eligible, problem.packing, problem.k,
        action, count, included,
    )  # fmt: skip
    chance: Float64 = included / count
    return chance


def uniform_mean(problem: Problem, weights: Float64) -> Float64:
    """Mean of ``weights`` float64[k] over the eligible actions, float64[n]."""
    out = np.zeros(problem.n)
    spread(
        worth.mean_weight_into, problem.n, GRAIN, problem.eligible, problem.packing, weights, out
    )
    return out


def uniform_table(problem: Problem) -> Float64:
    """Probability of every action under the uniform draw, float64[n, k]."""
    mask = problem.mask()
    table: Float64 = mask / mask.sum(axis=1, keepdims=True)
    return table


@dataclass(frozen=True)
class Uniform(Policy):
    """Uniform over the eligible actions, whatever they are worth: the cleanest logging policy."""

    def decide(self, problem: Problem) -> Int32:
        """Draw an eligible action."""
        return uniform_pick(problem, keyed_random.UNIFORM_PICK)[0]

    def propensity(self, problem: Problem, action: Int32, decided: Int32) -> Float64:
        """One over the number of eligible actions."""
        del decided
        return uniform_at(problem, action)

    def distribution(self, problem: Problem) -> Float64:
        """One over the number of eligible actions, in their columns."""
        return uniform_table(problem)

    def mean_of(self, problem: Problem, weights: Float64) -> Float64:
        """Mean over the eligible actions."""
        return uniform_mean(problem, weights)
