"""The best allocation under capacities, budgets and committed volumes, for values in memory."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bandit.allocation.blocks import Block
from bandit.allocation.certificate import dual_bound, infeasible, relative_gap
from bandit.allocation.nested import Blocks, find
from bandit.allocation.passes import choose
from bandit.allocation.problem import check_problem, check_values, sides
from bandit.allocation.recovery import recover
from bandit.core.types import Array, Bool, Float64, Int32

ROWS = 65_536


class Solution(NamedTuple):
    """An allocation and the proof of how good it is.

    ``prices`` float64[m], what one more unit of each resource would be worth (negative: what one
    more committed unit would cost); ``primal_value`` Σ v of the assignment; ``dual_value``, which
    no allocation can pass; ``gap`` their difference over the dual value; ``assignment`` int32[n,
    slots], −1 where a slot stays empty; ``usage`` float64[m] of the assignment; ``passes`` over
    everybody; ``seconds``.
    """

    prices: Float64
    primal_value: float
    dual_value: float
    gap: float
    assignment: Int32
    usage: Float64
    passes: int
    seconds: float


def solve(
    values: npt.ArrayLike,
    usage: npt.ArrayLike,
    limits: npt.ArrayLike,
    *,
    minimums: npt.ArrayLike | None = None,
    eligible: npt.ArrayLike | None = None,
    slots: int = 1,
    exclusive: npt.ArrayLike | None = None,
) -> Solution:
    """Maximise Σ values of the contacts made, within limits, and no less than the minimums.

    Parameters
    ----------
    values : float32[n, k]
        Worth of each action to each customer, net of its cost; no contact is worth 0 and implied.
        float64 is taken as it is.
    usage : float[k, m]
        What one contact by an action uses of each resource. Not negative.
    limits, minimums : float[m]
        Most and least of each resource; infinite and 0 where there is none.
    eligible : bool[n, k], optional
        Who may get what.
    slots : int
        Contacts a customer may get; each action at most once.
    exclusive : int[k], optional
        Groups of which a customer gets at most one action; a negative number stands for none.

    Returns
    -------
    Solution
        Caps are never passed; the dual value is never below the true optimum, rounding included.

    Raises
    ------
    DataError
        An array does not fit, is negative or is not a number.
    InfeasibleError
        A minimum cannot be met: names the resource and the nearest feasible volume.
    """
    began = time.perf_counter()
    problem = check_problem(usage, limits, minimums, exclusive, slots)
    worth, mask = check_values(values, eligible, len(problem.usage))
    blocks = in_memory(worth, mask)
    found = find(blocks, len(worth), problem)
    inequalities = sides(problem)
    at = found.ascent.multipliers
    costs = inequalities.usage @ at
    sums, assignment = choose(Block(worth, mask), problem, costs)
    dual = dual_bound(sums, at, inequalities, len(worth), problem.slots)
    recovered = recover(found.people, inequalities, at, dual)
    if recovered.short.any():
        raise infeasible(blocks, problem, found, recovered)
    taken = recovered.chosen
    assignment[found.people.rows] = np.where(taken >= 0, found.people.action[taken], -1)
    assignment = _packed(assignment, int(slots))
    primal = _value(worth, assignment)
    return Solution(
        inequalities.prices(at, problem.usage.shape[1]),
        primal,
        dual,
        relative_gap(primal, dual),
        assignment,
        recovered.used,
        found.passes + 1,
        time.perf_counter() - began,
    )


def in_memory(values: Array, eligible: Bool | None, seed: int = 0) -> Blocks:
    """Blocks of arrays in memory; the sample is drawn by keyed random numbers of the rows."""

    def blocks(share: float) -> Iterator[Block]:
        random = np.random.Generator(np.random.Philox(seed))
        for start in range(0, len(values), ROWS):
            part = slice(start, start + ROWS)
            if share >= 1.0:
                yield Block(values[part], None if eligible is None else eligible[part])
                continue
            rows = start + np.flatnonzero(random.random(len(values[part])) < share)
            yield Block(values[rows], None if eligible is None else eligible[rows])

    return blocks


def _packed(assignment: Int32, slots: int) -> Int32:
    """Empty slots last, and as many columns as were asked for."""
    n, filled = assignment.shape
    packed = np.full((n, slots), -1, np.int32)
    order = np.argsort(assignment < 0, axis=1, kind="stable")
    packed[:, :filled] = np.take_along_axis(assignment, order, axis=1)
    return packed


def _value(values: Array, assignment: Int32) -> float:
    total = 0.0
    for slot in assignment.T:
        rows = np.flatnonzero(slot >= 0)
        total += float(values[rows, slot[rows]].sum(dtype=np.float64))
    return total
