"""The experiments: random instances, the linear programme, a million customers."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from bandit import allocation
from bandit.allocation.blocks import Block
from bandit.allocation.passes import choose, contenders
from bandit.allocation.problem import check_problem
from reference.allocation import Instance, contacts, programme, random_instance
from simulations.allocation.environment import wave
from simulations.allocation.rivals import chunks, greedy_by_customer, greedy_by_value

ROUNDING = 1e-9


class Tally(NamedTuple):
    """What happened to one random instance; `loss` and `gap` relative to the optimum."""

    feasible: bool
    agreed: bool
    caps_kept: bool
    minimums_met: bool
    bound_holds: bool
    within_gap: bool
    loss: float
    gap: float
    settled: bool


def small(seed: int) -> Tally:
    """One random instance against HiGHS; `settled` is whether HiGHS proved its optimum."""
    given = random_instance(seed)
    exact = programme(given, whole=True, seconds=10)
    try:
        found = allocation.solve(given.values, given.usage, given.limits, **given.rules())
    except allocation.InfeasibleError:
        return Tally(False, exact.status == 2, True, True, True, True, 0.0, 0.0, True)
    used = contacts(given, found.assignment) @ given.usage
    least = np.zeros(len(used)) if given.minimums is None else given.minimums
    # Where HiGHS ran out of time its own bounds stand for the optimum.
    settled = exact.status == 0
    best = -exact.fun if exact.fun is not None else found.primal_value
    scale = max(abs(best), 1.0)
    return Tally(
        True,
        exact.status != 2,
        bool((used <= given.limits * (1 + ROUNDING)).all()),
        bool((used >= least * (1 - ROUNDING)).all()),
        found.dual_value >= best - ROUNDING * scale,
        best - found.primal_value <= found.gap * abs(found.dual_value) + ROUNDING * scale,
        max(best - found.primal_value, 0.0) / scale,
        found.gap,
        settled,
    )


class Bound(NamedTuple):
    slots: int
    above_programme: float
    gap: float
    seconds: float


def bound(slots: int, seed: int) -> Bound:
    """n 2,000, k 80: how far the dual bound lies above the linear programme, relative."""
    given = wave(2000, 80, seed)
    found = allocation.solve(given.values, given.usage, given.limits, slots=slots)
    instance = Instance(given.values, given.usage, given.limits, None, None, slots, None)
    exact = -programme(instance, whole=False).fun
    return Bound(slots, found.dual_value / exact - 1, found.gap, found.seconds)


class Large(NamedTuple):
    gap: float
    seconds: float
    passes: int
    tight: int
    resources: int
    losses: dict[str, float]


def large(customers: int) -> Large:
    """k 80, tight caps: the gap, and what others lose against the same bound."""
    given = wave(customers, 80)
    allocation.solve(given.values[:5000], given.usage, given.limits * 5000 / customers)
    found = allocation.solve(given.values, given.usage, given.limits)
    losses = {}
    for name, rival in (
        ("greedy by value", greedy_by_value),
        ("greedy in customer order", greedy_by_customer),
        ("chunks of 10,000", chunks),
    ):
        losses[name] = 1 - rival(given) / found.dual_value
    losses["solve"] = 1 - found.primal_value / found.dual_value
    tight = int((found.usage >= given.limits - 1).sum())
    return Large(found.gap, found.seconds, found.passes, tight, len(given.limits), losses)


class Speed(NamedTuple):
    seconds: float
    bytes_read: int


def pass_speed(rows: int, actions: int) -> dict[str, Speed]:
    """Best of five passes over one block, options a second by what is done to them."""
    given = wave(rows, actions)
    problem = check_problem(given.usage, given.limits, None, None, 1)
    costs = given.usage @ np.full(len(given.limits), 0.8)
    block = Block(given.values)
    masked = Block(given.values, np.random.default_rng(0).random(given.values.shape) < 0.5)
    jobs: dict[str, Callable[[], Any]] = {
        "choose": lambda: choose(block, problem, costs),
        "choose, eligibility mask": lambda: choose(masked, problem, costs),
        "contenders of a 2 % box": lambda: contenders([block], problem, 0.99 * costs, 1.01 * costs),
        "reading alone (numpy maximum)": given.values.max,
    }
    speeds = {}
    for name, job in jobs.items():
        times = []
        for _ in range(6):
            began = time.perf_counter()
            job()
            times.append(time.perf_counter() - began)
        speeds[name] = Speed(min(times[1:]), given.values.nbytes)
    return speeds
