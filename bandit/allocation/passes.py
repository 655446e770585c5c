"""Passes over customers, whose sums are all that the search for prices ever sees.

A pass at given action costs returns sums over customers, so it may run in parts, on several
machines, and be merged. Contenders are what a pass needs to keep of a customer: only those actions
that can win while the prices stay in a box (`bandit.kernels.allocation.contenders`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from bandit.allocation.blocks import AnyBlock, Bent, Block, Linear
from bandit.allocation.problem import Problem
from bandit.core.types import Array, Bool, Float64, Int32
from bandit.kernels.allocation.contenders import (
    UNDECIDED,
    classify_into,
    contender_moves_into,
    contender_pass_into,
    gather_into,
)
from bandit.kernels.allocation.linear_contenders import BLOCK
from bandit.kernels.allocation.passes import pass_into
from bandit.kernels.threads import spread

ROOM = 16 * BLOCK
"""Contenders that a block of customers may have without a table."""

CELLS = 1 << 22
"""Customers times actions of which all are listed at a time."""

NOTHING = 1e-12

EVERYTHING = np.zeros((0, 0), np.bool_)


class Sums(NamedTuple):
    """What a pass adds up: Σ h_i, Σ v of what is taken, and contacts per action int64[k]."""

    worth: float
    value: float
    counts: Array


class Passes(Protocol):
    """Customers, seen only through sums; parts of it merge by addition."""

    def sums(self, costs: Float64) -> Sums:
        """Let everybody choose at these action costs float64[k]."""
        ...

    def curvature(self, costs: Float64, usage: Float64, nearest: int) -> Float64:
        """Second derivative float64[s, s] of Σ h_i along usage float64[k, s], from near ties."""
        ...


def merge(parts: Iterable[Sums]) -> Sums:
    """Sums of several parts as those of all."""
    every = list(parts)
    return Sums(
        math.fsum(part.worth for part in every),
        math.fsum(part.value for part in every),
        np.sum([part.counts for part in every], axis=0),
    )


def choose(block: AnyBlock, problem: Problem, costs: Float64) -> tuple[Sums, Int32]:
    """One pass over all actions: the sums, and who takes what, int32[b, slots]."""
    values = block.values
    n, k = values.shape
    count = -(-n // BLOCK)
    chosen = np.full((n, problem.slots), -1, np.int32)
    worth, value = np.zeros(count), np.zeros(count)
    counts = np.zeros((count, k), np.int64)
    eligible = EVERYTHING if block.eligible is None else block.eligible
    spread(
        pass_into,
        count,
        1,
        values,
        eligible,
        costs,
        problem.groups,
        BLOCK,
        chosen,
        worth,
        value,
        counts,
    )
    return Sums(math.fsum(worth), math.fsum(value), counts.sum(axis=0)), chosen


class Contenders(NamedTuple):
    """Customers as the actions that can still win while costs stay between low and high.

    The r undecided ones row by row: ``rows`` int64[r] their places in the whole, ``offsets``
    int64[r + 1], ``action`` int32[e], ``value`` float64[e]. The decided ones only as sums:
    ``fixed_value`` and ``fixed_counts`` int64[k]; of these ``firm_counts`` int64[k] would take the
    same at any costs. ``customers`` counts everybody.
    """

    rows: Array
    offsets: Array
    action: Int32
    value: Float64
    fixed_value: float
    fixed_counts: Array
    firm_counts: Array
    customers: int
    problem: Problem

    def chosen(self, costs: Float64) -> tuple[Sums, Int32]:
        """Sums over everybody, and the places in ``action`` that the undecided take."""
        r = len(self.rows)
        size = max(256, r // 64)
        count = -(-r // size)
        places = np.full((r, self.problem.slots), -1, np.int32)
        worth, value = np.zeros(count), np.zeros(count)
        counts = np.zeros((count, len(costs)), np.int64)
        spread(
            contender_pass_into,
            count,
            1,
            self.offsets,
            self.action,
            self.value,
            costs,
            self.problem.groups,
            size,
            places,
            worth,
            value,
            counts,
        )
        fixed = self.fixed_value - float(self.fixed_counts @ costs)
        sums = Sums(
            math.fsum([*worth, fixed]),
            math.fsum([*value, self.fixed_value]),
            counts.sum(axis=0) + self.fixed_counts,
        )
        return sums, places

    def sums(self, costs: Float64) -> Sums:
        """See `Passes`."""
        return self.chosen(costs)[0]

    def curvature(self, costs: Float64, usage: Float64, nearest: int) -> Float64:
        """See `Passes`: how fast customers change over, from the `nearest` smallest margins.

        A customer who takes b instead of a once prices move by its margin contributes
        d dᵀ times the density of margins at zero, d = usage_a − usage_b; the density is
        estimated with a triangle kernel as wide as the margin of rank `nearest`.
        """
        r = len(self.rows)
        margin = np.empty(r)
        leaves, enters = np.empty(r, np.int32), np.empty(r, np.int32)
        spread(
            contender_moves_into,
            r,
            BLOCK,
            self.offsets,
            self.action,
            self.value,
            costs,
            self.problem.groups,
            self.problem.slots,
            margin,
            leaves,
            enters,
        )
        if r > nearest:
            near = np.argpartition(margin, nearest)[:nearest]
            width = margin[near].max()
        else:
            near = np.flatnonzero(np.isfinite(margin))
            width = margin[near].max(initial=0.0)
        if not (len(near) and np.isfinite(width) and width > 0):
            return np.zeros((usage.shape[1], usage.shape[1]))
        ended = np.vstack([usage, np.zeros(usage.shape[1])])
        change = ended[leaves[near]] - ended[enters[near]]
        weight = (1.0 - margin[near] / width) / width
        curved: Float64 = (change * weight[:, None]).T @ change
        return curved


@runtime_checkable
class Telling(Protocol):
    """Some customers who say themselves what can still win."""

    def contenders(self, problem: Problem, low: Float64, high: Float64) -> Contenders:
        """See `part`."""
        ...


@runtime_checkable
class Elsewhere(Protocol):
    """Blocks that many workers look at; who iterates over them reads them here."""

    def parts(self, problem: Problem, low: Float64, high: Float64) -> Iterable[Contenders]:
        """`part` of each block, in their order."""
        ...


def contenders(
    blocks: Iterable[AnyBlock | Telling], problem: Problem, low: Float64, high: Float64
) -> Contenders:
    """Keep of every customer what can win at action costs between `low` and `high` float64[k]."""
    return merged(
        blocks.parts(problem, low, high)
        if isinstance(blocks, Elsewhere)
        else (part(block, problem, low, high) for block in blocks),
        problem,
    )


def merged(found: Iterable[Contenders], problem: Problem) -> Contenders:
    """Contenders of several blocks as those of all."""
    parts = []
    start = 0
    for one in found:
        parts.append(one._replace(rows=one.rows + start))
        start += one.customers
    if not parts:
        parts = [_nobody(problem)]
    sizes = np.concatenate([np.diff(part.offsets) for part in parts])
    return Contenders(
        np.concatenate([part.rows for part in parts]),
        np.concatenate([[0], np.cumsum(sizes)]),
        np.concatenate([part.action for part in parts]),
        np.concatenate([part.value for part in parts]),
        math.fsum(part.fixed_value for part in parts),
        np.sum([part.fixed_counts for part in parts], axis=0),
        np.sum([part.firm_counts for part in parts], axis=0),
        start,
        problem,
    )


def part(block: AnyBlock | Telling, problem: Problem, low: Float64, high: Float64) -> Contenders:
    """The contenders among the customers of one block, by their places in it."""
    if isinstance(block, Telling):
        return block.contenders(problem, low, high)
    if problem.slots == 1 and not isinstance(block, Block):
        found = _listed(block, problem, low, high, ROOM)
        if found is not None:
            return found
        if isinstance(block, Bent):
            return _all_listed(block, problem, low, high)
    return _block_contenders(block, problem, low, high)


def told(
    taken: Int32,
    firm: Bool,
    rows: Array,
    offsets: Array,
    action: Int32,
    worth: Float64,
    problem: Problem,
    low: Float64,
    high: Float64,
) -> Contenders:
    """Contenders of one slot that somebody else found, no contact (action 0) among them.

    ``taken`` int32[n] is what a customer takes at all costs between ``low`` and ``high``, -1 where
    it hangs on them; ``firm`` bool[n], at any. Of these ``rows``, ``action`` and ``worth`` [e] are
    who can win. Where no contact cannot, a worth below everybody's takes its place; what the
    decided are worth is not told, and counted as what they cost at most.
    """
    k = len(problem.usage)
    fixed = np.bincount(taken[taken > 0], minlength=k)
    sure = np.bincount(taken[firm & (taken > 0)], minlength=k)
    value = worth
    if len(rows):
        row = np.repeat(np.arange(len(rows)), np.diff(offsets))
        least = np.maximum.reduceat(worth - high[action], offsets[:-1])
        most = np.maximum.reduceat(worth - low[action], offsets[:-1])
        nothing = least - (most - least) - NOTHING * (1.0 + np.abs(least))
        peace = action == 0
        nothing[row[peace]] = worth[peace]
        contact = ~peace
        value, action = (worth - nothing[row])[contact], action[contact]
        offsets = np.concatenate([[0], np.cumsum(contact)])[offsets]
    return Contenders(
        rows, offsets, action, value, float(fixed @ high), fixed, sure, len(taken), problem
    )


def _nobody(problem: Problem) -> Contenders:
    empty = np.zeros(0, np.int64)
    return Contenders(
        empty,
        np.zeros(1, np.int64),
        empty.astype(np.int32),
        np.zeros(0),
        0.0,
        np.zeros(len(problem.usage), np.int64),
        np.zeros(len(problem.usage), np.int64),
        0,
        problem,
    )


def _all_listed(block: Bent, problem: Problem, low: Float64, high: Float64) -> Contenders:
    """As `_listed` with room for everybody, for a table is of other last digits."""
    n, k = block.mask.shape
    step = max(1, CELLS // (BLOCK * k)) * BLOCK
    parts = (block.rows(first, first + step) for first in range(0, n, step))
    found = (_listed(part, problem, low, high, BLOCK * k) for part in parts)
    return merged((one for one in found if one is not None), problem)


def _listed(
    block: Linear | Bent, problem: Problem, low: Float64, high: Float64, room: int
) -> Contenders | None:
    """As `_block_contenders` for one slot, without a table; None where ``room`` is too little."""
    n, k = block.mask.shape
    count = -(-n // BLOCK)
    status, size = np.zeros(n, np.uint8), np.zeros(n, np.int32)
    action, worth = np.empty(count * room, np.int32), np.empty(count * room)
    value, counts = np.zeros(count), np.zeros((count, k), np.int64)
    packed = np.packbits(block.opened, bitorder="little")
    opened = np.zeros(-(-k // 64) * 8, np.uint8)
    opened[: packed.size] = packed
    spread(
        block.contenders_into, n, BLOCK,
        opened.view(np.int64), low, high, room, status, size, action, worth, value, counts,
    )  # fmt: skip
    if (size < 0).any():
        return None
    rows = np.flatnonzero(status == UNDECIDED)
    offsets = np.concatenate([[0], np.cumsum(size[rows], dtype=np.int64)])
    taken = offsets[np.searchsorted(rows, np.arange(count + 1) * BLOCK)]
    places = np.concatenate([np.arange(m) + b * room for b, m in enumerate(np.diff(taken))])
    return Contenders(
        rows, offsets, action[places], worth[places],
        math.fsum(value), counts.sum(axis=0), np.zeros(k, np.int64), n, problem,
    )  # fmt: skip


def _block_contenders(block: AnyBlock, problem: Problem, low: Float64, high: Float64) -> Contenders:
    values = block.values
    n, k = values.shape
    count = -(-n // BLOCK)
    eligible = EVERYTHING if block.eligible is None else block.eligible
    status, size = np.zeros(n, np.uint8), np.zeros(n, np.int32)
    value, counts = np.zeros(count), np.zeros((count, k), np.int64)
    rules = (low, high, problem.groups, problem.slots)
    spread(classify_into, count, 1, values, eligible, *rules, BLOCK, status, size, value, counts)
    rows = np.flatnonzero(status == UNDECIDED)
    offsets = np.concatenate([[0], np.cumsum(size[rows], dtype=np.int64)])
    action, worth = np.empty(offsets[-1], np.int32), np.empty(offsets[-1])
    spread(gather_into, len(rows), BLOCK, values, eligible, *rules, rows, offsets, action, worth)
    return Contenders(
        rows, offsets, action, worth,
        math.fsum(value), counts.sum(axis=0), np.zeros(k, np.int64), n, problem,
    )  # fmt: skip
