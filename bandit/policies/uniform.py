"""Every eligible action with the same probability."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bandit.core.types import Array, Bool, Float64, Int32, Int64
from bandit.kernels import keyed_random
from bandit.kernels.linear import masked_choice as worth
from bandit.kernels.threads import spread
from bandit.policies.choice_request import ChoiceRequest
from bandit.policies.policy import GRAIN, Policy


def uniform_pick(request: ChoiceRequest, purpose: int) -> tuple[Int32, Float64]:
    """Draw uniformly over the eligible actions: action int32[n] and its probability float64[n]."""
    action = np.zeros(request.n, np.int32)
    count = np.zeros(request.n, np.int64)
    spread(
        worth.pick_uniform_into, request.n, GRAIN, request.eligible, request.packing, request.k,
        request.stream(purpose), request.keys, action, count,
    )  # fmt: skip
    return action, 1.0 / count


def uniform_pick_at(request: ChoiceRequest, purpose: int, rows: Array) -> Int32:
    """`uniform_pick`'s actions for ``rows`` int64[m] alone, int32[m]."""
    eligible = request.eligible if request.packing == worth.EVERYTHING else request.eligible[rows]
    part = request._replace(n=rows.shape[0], eligible=eligible, keys=request.keys[rows])
    return uniform_pick(part, purpose)[0]


def count_eligible(request: ChoiceRequest, action: Int32) -> tuple[Int64, Bool]:
    """How many actions are eligible, int64[n], and whether ``action`` int32[n] is one, bool[n]."""
    count, included = np.zeros(request.n, np.int64), np.zeros(request.n, np.bool_)
    spread(
        worth.count_eligible_into, request.n, GRAIN, request.eligible, request.packing, request.k,
        action, count, included,
    )  # fmt: skip
    return count, included


def uniform_at(request: ChoiceRequest, action: Int32) -> Float64:
    """Probability of ``action`` under the uniform draw, zero where it is not eligible."""
    count, included = count_eligible(request, action)
    chance: Float64 = included / count
    return chance


def uniform_mean(request: ChoiceRequest, weights: Float64) -> Float64:
    """Mean of ``weights`` float64[k] over the eligible actions, float64[n]."""
    out = np.zeros(request.n)
    spread(
        worth.mean_weight_into, request.n, GRAIN, request.eligible, request.packing, weights, out
    )
    return out


def uniform_table(request: ChoiceRequest) -> Float64:
    """Probability of every action under the uniform draw, float64[n, k]."""
    mask = request.mask()
    table: Float64 = mask / mask.sum(axis=1, keepdims=True)
    return table


@dataclass(frozen=True)
class Uniform(Policy):
    """Uniform over the eligible actions, whatever they are worth: the cleanest logging policy."""

    heeds: ClassVar[bool] = False

    def decide(self, request: ChoiceRequest) -> Int32:
        """Draw an eligible action."""
        return uniform_pick(request, keyed_random.UNIFORM_PICK)[0]

    def propensity(self, request: ChoiceRequest, action: Int32, decided: Int32) -> Float64:
        """One over the number of eligible actions."""
        del decided
        return uniform_at(request, action)

    def distribution(self, request: ChoiceRequest) -> Float64:
        """One over the number of eligible actions, in their columns."""
        return uniform_table(request)

    def mean_of(self, request: ChoiceRequest, weights: Float64) -> Float64:
        """Mean over the eligible actions."""
        return uniform_mean(request, weights)
