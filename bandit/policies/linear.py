"""What LinUCB, Greedy and LinTS share: calls of the linear kernels."""

from __future__ import annotations

import threading

import numpy as np

from bandit.core.types import Float64, Int32
from bandit.kernels.linear import linear_choice, linked_choice
from bandit.kernels.linear import pair_moments as settle
from bandit.kernels.linear.decide import Model, Situation
from bandit.kernels.linear.linear_choice import GRAIN, TASK, Mode, Room
from bandit.kernels.linear.link import IDENTITY, responses_into
from bandit.kernels.threads import spread
from bandit.policies.problem import Problem

_NO_STREAM = np.uint64(0)
_NOBODY: Int32 = np.zeros(0, np.int32)
_EQUAL: Float64 = np.zeros(0)
NOTHING, OWN, GIVEN, WEIGHTED, TAKEN = range(5)
"""Whose propensity: nobody's, the decided action's, a given action's, all by their weights, the
given action's or else the decided one's."""


def _contexts(problem: Problem) -> tuple[Float64, Float64]:
    if problem.contexts.dtype == np.float32:
        return problem.contexts, np.zeros((0, 1))
    return np.zeros((0, problem.contexts.shape[1]), np.float32), problem.contexts


def _situation(problem: Problem) -> Situation:
    narrow, broad = _contexts(problem)
    return Situation(
        narrow, broad, problem.eligible, problem.packing, problem.values, problem.costs,
        problem.priced, problem.keys, problem.needs_posterior().model[1],
    )  # fmt: skip


class _Alone(threading.local):
    """A thread's scratch for single rows, by what is asked, and the model that it was made for."""

    def __init__(self) -> None:
        self.rooms: dict[tuple[bool, ...], tuple[Model, Room]] = {}

    def room(self, model: Model, situation: Situation, mode: Mode) -> Room:
        """Scratch as `linear_choice.empty_room` makes it: that takes longer than to decide."""
        asked = (
            mode.thompson or mode.propensity > NOTHING, mode.propensity == WEIGHTED,
            mode.propensity == NOTHING, situation.broad.size > 0, situation.bounded,
        )  # fmt: skip
        made = self.rooms.get(asked)
        if made is None or made[0] is not model:
            made = model, linear_choice.empty_room(model, situation, mode, 1)
            self.rooms[asked] = made
        return made[1]


_ALONE = _Alone()


def choose_linear(
    problem: Problem,
    alpha: float,
    *,
    thompson: bool = False,
    stream: np.uint64 = _NO_STREAM,
    propensity: int = NOTHING,
    given: Int32 = _NOBODY,
    weights: Float64 = _EQUAL,
    scored: bool = True,
) -> tuple[Int32, Float64, Float64, Float64]:
    """Run the choose loop: action int32[n], its mean, width and propensity float64[n].

    With ``propensity`` = GIVEN nothing is decided, only the propensity of ``given`` is filled in;
    with WEIGHTED only the sum of all propensities times ``weights``; with TAKEN the propensity is
    that of ``given`` where it is not -1. Without ``scored`` only actions (and propensities) count:
    the rest may be zero.
    """
    n = problem.n
    action, mean, width, chance = np.zeros(n, np.int32), np.zeros(n), np.zeros(n), np.ones(n)
    doubt = np.zeros(1, np.bool_)
    mode = Mode(float(alpha), thompson, propensity, stream, given, weights, scored, doubt)
    model = problem.needs_posterior().model[0]
    linear = model.link == IDENTITY
    if not linear:
        problem.vet()
    situation, out = _situation(problem), (action, mean, width, chance)
    if linear and n == 1:
        room = _ALONE.room(model, situation, mode)
        linear_choice.choose_rows_into(0, 1, model, situation, mode, *room, *out)
    else:
        kernel = linear_choice.choose_into if linear else linked_choice.choose_into
        spread(kernel, n, TASK, model, situation, mode, *out)
    if mode.doubt[0]:
        problem.vet()
    return action, mean, width, chance


def linked_table(problem: Problem, alpha: float) -> Float64:
    """Probability that each action samples the largest worth by the model's link, float64[n, k]."""
    out = np.zeros((problem.n, problem.k))
    means, widths = moments_table(problem)
    spread(
        linked_choice.probabilities_into, problem.n, GRAIN,
        problem.needs_posterior().model[0].link, means, widths, alpha, _situation(problem), out,
    )  # fmt: skip
    return out


def outcomes(problem: Problem, scores: Float64) -> Float64:
    """Outcomes that scores float64[n] or [n, k] stand for, by the model's link."""
    link = problem.needs_posterior().model[0].link
    if link == IDENTITY:
        return scores
    found = np.ascontiguousarray(scores.reshape(problem.n, -1))
    spread(responses_into, problem.n, TASK, link, found)
    return found.reshape(scores.shape)


def moments_table(problem: Problem) -> tuple[Float64, Float64]:
    """Mean ``xᵀA⁻¹b`` and width ``√(xᵀA⁻¹x)`` of every action, float64[n, k]."""
    means, widths = np.zeros((problem.n, problem.k)), np.zeros((problem.n, problem.k))
    model = problem.needs_posterior().model[0]
    narrow, broad = _contexts(problem)
    spread(
        linear_choice.moments_table_into, problem.n, GRAIN,
        narrow, broad, model.theta, model.inverse, means, widths,
    )  # fmt: skip
    return means, widths


def widths_at(problem: Problem, action: Int32) -> Float64:
    """Width of one action a row, float64[n]."""
    out = np.zeros(problem.n)
    narrow, broad = _contexts(problem)
    model = problem.needs_posterior().model[0]
    spread(
        settle.row_widths_into, problem.n, TASK,
        narrow, broad, action, model.theta, model.inverse, out,
    )  # fmt: skip
    return out


def means_at(problem: Problem, action: Int32) -> Float64:
    """Posterior mean of one action a row, float64[n]; zero where there is no posterior."""
    if problem.posterior is None:
        return np.zeros(problem.n)
    out = np.zeros(problem.n)
    narrow, broad = _contexts(problem)
    theta = problem.posterior.model[0].theta
    spread(settle.row_means_into, problem.n, TASK, narrow, broad, action, theta, out)
    return out
