"""Prices over everybody, by way of growing samples.

Each level sees a keyed sample, keeps of it only what can win while the prices stay in a box, finds
the best prices in the box, and hands on a smaller box: the confidence region of its prices. The
last level is everybody. A box that proves too small is widened and the level done again, so a
wrong box costs time and never truth: within it nothing that could win is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from bandit.allocation.ascent import Ascent, approach, ascend
from bandit.allocation.blocks import AnyBlock
from bandit.allocation.passes import Contenders, Telling, contenders
from bandit.allocation.problem import Problem, Sides, sides
from bandit.core.types import Bool, Float64

FIRST_SAMPLE = 3000
GROWTH = 20
WIDTH = 5.0
"""Half width of a box in standard errors of the sample's prices."""
EXACT, ROUGH = 1e-7, 1e-4
"""Relative decrease of the dual at which a search ends; a sample's own error is far above ROUGH."""
NEARBY = 0.25
"""First half width, relative, of the box in which a similar problem's multipliers are sought."""
LITTLE = 1e-4
"""The same, of the spread of values, where the other problem's values are of another scale."""
WIDENINGS = 30
STRIDE, RAISES = 8.0, 12
"""There a box is widened by so many widths, and the end of all boxes so often at most."""
NEGLIGIBLE = 1e-5
"""Relative decrease of the dual, one more box's width away, that is not worth another pass."""
BOUNDLESS = 1e200
"""Action cost beyond everything; finite, because the kernels use fast-math."""

Blocks = Callable[[float], Iterable[AnyBlock]]
"""Blocks of the customers whose keyed random number in [0, 1) is below the share; 1.0 is all.

A block must be the same whenever it is asked for again.
"""
Tellers = Callable[[float], Iterable[Telling]]
"""The same of blocks who tell themselves what can win."""


class Box(NamedTuple):
    """Multipliers between ``low`` and ``high``, float64[s]."""

    low: Float64
    high: Float64


class Found(NamedTuple):
    """Multipliers and the customers for whom they were found.

    ``ascent`` of the last level; ``people`` its contenders, complete while multipliers stay in
    ``box``; ``outer`` the box that no sensible multiplier leaves; ``spread`` the range of values;
    ``blocks`` and ``share`` are whose contenders these are; ``passes`` over everybody's blocks.
    """

    ascent: Ascent
    people: Contenders
    box: Box
    outer: Box
    spread: float
    blocks: Blocks | Tellers
    share: float
    passes: int


def shares(customers: int, inequalities: int) -> list[float]:
    """Sample sizes as shares, the last 1.0: each level GROWTH times the one before."""
    size = max(FIRST_SAMPLE, 20 * inequalities)
    ladder = []
    while size * 4 < customers:
        ladder.append(size / customers)
        size *= GROWTH
    return [*ladder, 1.0]


def find(
    blocks: Blocks, customers: int, problem: Problem, ladder: list[float] | None = None
) -> Found:
    """Best multipliers over all customers, by a ladder of shares of which the last is 1.0."""
    inequalities = sides(problem)
    steps = ladder or shares(customers, len(inequalities.bound))
    found = _first(blocks, steps[0], problem, EXACT if len(steps) == 1 else ROUGH)
    for before, share in pairwise(steps):
        box = confidence(found, at_share(inequalities, before), before / share)
        precision = EXACT if share == steps[-1] else ROUGH
        found = gathered(found, blocks, share, box)
        found = refine(found, at_share(inequalities, share), tolerance=precision)
    return found


def gathered(found: Found, blocks: Blocks | Tellers, share: float, box: Box) -> Found:
    """The same multipliers with a share of `blocks` as the customers: what can win in `box`."""
    problem = found.people.problem
    people = contenders(blocks(share), problem, *_cost_range(sides(problem), box))
    passes = found.passes + (share >= 1.0)
    return found._replace(people=people, box=box, blocks=blocks, share=share, passes=passes)


def refine(found: Found, level: Sides, *, tolerance: float = EXACT, stride: float = 1.0) -> Found:
    """Best multipliers for `level`, inequalities of the share, looked for in the box first.

    Where they end at an end of it, it is widened by `stride` of its width to either side.
    """
    for _ in range(WIDENINGS):
        at, box = found.ascent.multipliers, found.box
        ascent = ascend(found.people, level, at, *box, spread=found.spread, tolerance=tolerance)
        found = found._replace(ascent=ascent)
        tight = _pressed(ascent.multipliers, box, found.outer)
        width = (box.high - box.low)[tight]
        regret = float(np.abs(level.bound - ascent.usage)[tight] @ width)
        if regret <= NEGLIGIBLE * max(abs(ascent.dual), found.spread):
            break
        wider = _widened(box, ascent.multipliers, tight, found.outer, stride)
        found = gathered(found, found.blocks, found.share, wider)
    return found


def beyond(found: Found, level: Sides, *, tolerance: float) -> Found:
    """As `refine` for customers whose worths are of another scale than what `found` was found for.

    A limit that is free by the one may be passed many times over by the other, so the box widens
    fast, and while a limit is passed at what bounds the search, that is moved out.
    """
    found = first = refine(found, level, tolerance=tolerance, stride=STRIDE)
    for _ in range(RAISES):
        outer = found.outer
        passed = (level.sign > 0) & (found.ascent.usage > level.bound + most_used(level))
        passed &= found.ascent.multipliers > (1.0 - 1e-3) * outer.high
        if not passed.any():
            return found
        more = 1.0 + 2.0 * STRIDE
        wider = outer._replace(high=np.where(passed, more, 1.0) * outer.high)
        found = found._replace(outer=wider, spread=more * found.spread)
        found = refine(found, level, tolerance=tolerance, stride=STRIDE)
    # Somebody takes it at any price.
    return first


def at_share(inequalities: Sides, share: float) -> Sides:
    """The inequalities that a share of the customers must keep."""
    return inequalities._replace(bound=inequalities.bound * share)


def confidence(found: Found, level: Sides, portion: float) -> Box:
    """Where the best multipliers of a larger level lie: the sandwich H⁻¹ G H⁻¹ of a sample's sums.

    H is the curvature, G the second moment of what a customer uses, `portion` the share of the
    larger level that the sample was.
    """
    people, at = found.people, found.ascent.multipliers
    # Of the search's own curvature, from a few near ties, a scarce resource may have no part.
    near = max(40, 10 * len(at), len(people.rows) // 20)
    curvature = people.curvature(level.usage @ at, level.usage, near)
    scale = curvature.diagonal()
    steady = np.diag(np.where(scale > 0, 1e-2 * scale, 1.0))
    inverse = np.linalg.pinv(curvature + steady, hermitian=True)
    noise = (level.usage * found.ascent.sums.counts[:, None]).T @ level.usage
    variance = (inverse @ noise @ inverse).diagonal() * max(1.0 - portion, 0.0)
    half = WIDTH * np.sqrt(np.maximum(variance, 0.0))
    half = np.where(scale > 0, np.maximum(half, 1e-6 * found.outer.high), 0.05 * found.outer.high)
    return _around(found, half)


def vicinity(found: Found, level: Sides | None = None) -> Box:
    """Where the multipliers of a similar problem are looked for first.

    With a ``level`` a little of the whole spread of values besides: free limits may not be free.
    """
    at, most = found.ascent.multipliers, found.outer.high
    # Per contact a price of one resource compares with that of another; per unit it does not.
    typical = most * np.divide(at, most, out=np.zeros_like(at), where=most > 0).max(initial=0.0)
    least = 1e-12 if level is None else LITTLE * found.spread / np.maximum(most_used(level), 1e-300)
    return _around(found, NEARBY * np.maximum(at, 0.1 * typical) + least)


def most_used(level: Sides) -> Float64:
    """What a contact uses at most."""
    return np.asarray(np.abs(level.usage).max(axis=0, initial=0.0))


def _around(found: Found, half: Float64) -> Box:
    at, outer = found.ascent.multipliers, found.outer
    return Box(np.maximum(at - half, outer.low), np.minimum(at + half, outer.high))


def _first(blocks: Blocks, share: float, problem: Problem, tolerance: float) -> Found:
    inequalities = sides(problem)
    everything = np.full(len(problem.usage), BOUNDLESS)
    people = contenders(blocks(share), problem, -everything, everything)
    values = people.value
    spread = max(float(values.max(initial=0.0) - values.min(initial=0.0)), 1e-12)
    ceiling = _ceiling(spread, inequalities)
    outer = Box(np.zeros_like(ceiling), ceiling)
    level = at_share(inequalities, share)
    start = approach(people, level, *outer, spread=spread)
    ascent = ascend(people, level, start, *outer, spread=spread, tolerance=tolerance)
    return Found(ascent, people, outer, outer, spread, blocks, share, int(share >= 1.0))


def _ceiling(spread: float, inequalities: Sides) -> Float64:
    """Multipliers that no exchange of contacts can be worth, so that the search is bounded.

    One unit may cost at most as many exchanges in a row as there are inequalities, each of the
    full range of values.
    """
    amounts = np.abs(inequalities.usage)
    least = np.min(np.where(amounts > 0, amounts, np.inf), axis=0, initial=np.inf)
    chain = 2.0 * (1 + len(least)) * spread
    return np.where(np.isfinite(least), chain / least, 0.0)


def _cost_range(inequalities: Sides, box: Box) -> tuple[Float64, Float64]:
    up, down = np.maximum(inequalities.usage, 0.0), np.minimum(inequalities.usage, 0.0)
    return up @ box.low + down @ box.high, up @ box.high + down @ box.low


def _pressed(at: Float64, box: Box, outer: Box) -> Bool:
    """Which multipliers ended at an end of the box that is not an end of the world."""
    edge = 1e-3 * (box.high - box.low)
    return ((at < box.low + edge) & (box.low > outer.low)) | (
        (at > box.high - edge) & (box.high < outer.high)
    )


def _widened(box: Box, at: Float64, tight: Bool, outer: Box, stride: float) -> Box:
    half = stride * (box.high - box.low)
    return Box(
        np.where(tight, np.maximum(at - half, outer.low), box.low),
        np.where(tight, np.minimum(at + half, outer.high), box.high),
    )
