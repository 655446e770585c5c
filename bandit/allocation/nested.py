"""Prices over everybody, by way of growing samples.

Each level sees a keyed sample, keeps of it only what can win while the prices stay in the last
level's confidence box, finds the best prices in the box, and hands on a smaller box. The last
level is everybody. A box that proves too small is widened and the level done again, so a box costs
time when it is wrong and never truth: within it nothing that could win is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from bandit.allocation.ascent import Ascent, ascend
from bandit.allocation.passes import Block, Contenders, contenders
from bandit.allocation.problem import Problem, Sides, sides
from bandit.types import Float64

FIRST_SAMPLE = 3000
GROWTH = 20
WIDTH = 4.0
"""Half width of a box in standard errors of the sample's prices."""
WIDENINGS = 12
BOUNDLESS = 1e200
"""Action cost beyond everything; finite, because the kernels use fast-math."""

Blocks = Callable[[float], Iterable[Block]]
"""Blocks of the customers whose keyed random number in [0, 1) is below the share; 1.0 is all.

Samples must be nested or independent, and a block the same whenever it is asked for again.
"""


class Box(NamedTuple):
    """Multipliers between ``low`` and ``high``, float64[s]."""

    low: Float64
    high: Float64


class Found(NamedTuple):
    """``ascent`` over everybody; ``people`` their contenders; ``passes`` over everybody's blocks;
    ``ceiling`` float64[s], the multiplier that stands for «cannot be reached»."""

    ascent: Ascent
    people: Contenders
    passes: int
    ceiling: Float64


def shares(customers: int, resources: int) -> list[float]:
    """Sample sizes as shares, the last 1.0: each level some GROWTH times the one before."""
    size = max(FIRST_SAMPLE, 20 * resources)
    ladder = []
    while size * 4 < customers:
        ladder.append(size / customers)
        size *= GROWTH
    return [*ladder, 1.0]


def find(
    blocks: Blocks,
    customers: int,
    problem: Problem,
    *,
    start: Float64 | None = None,
    ladder: list[float] | None = None,
    tolerance: float = 1e-7,
) -> Found:
    """Best multipliers over all customers; `start` float64[s] from an earlier, similar problem."""
    inequalities = sides(problem)
    steps = ladder or shares(customers, len(inequalities.bound))
    everything = np.full(len(problem.usage), BOUNDLESS)
    people = contenders(blocks(steps[0]), problem, -everything, everything)
    spread = _spread(people)
    ceiling = _ceiling(spread, inequalities)
    outer = Box(np.zeros_like(ceiling), ceiling)
    at = np.zeros_like(ceiling) if start is None else start
    level = _scaled(inequalities, steps[0])
    ascent = ascend(people, level, at, *outer, spread=spread, tolerance=tolerance)
    box = outer
    passes = int(steps[0] == 1.0)
    for before, share in zip(steps, steps[1:], strict=False):
        level = _scaled(inequalities, share)
        box = _confidence(ascent, _scaled(inequalities, before), before / share, outer)
        for _ in range(WIDENINGS):
            people = contenders(blocks(share), problem, *_cost_range(inequalities, box))
            passes += share == 1.0
            ascent = ascend(
                people, level, ascent.multipliers, *box, spread=spread, tolerance=tolerance
            )
            tight = _pressed(ascent.multipliers, box, outer)
            if not tight.any():
                break
            box = _widened(box, ascent.multipliers, tight, outer)
    return Found(ascent, people, passes, ceiling)


def _scaled(inequalities: Sides, share: float) -> Sides:
    return inequalities._replace(bound=inequalities.bound * share)


def _spread(people: Contenders) -> float:
    return max(float(people.value.max(initial=0.0) - people.value.min(initial=0.0)), 1e-12)


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


def _confidence(ascent: Ascent, level: Sides, portion: float, outer: Box) -> Box:
    """Where the next level's best multipliers lie: the sandwich H⁻¹ G H⁻¹ of the sample's sums.

    G is the second moment of what a customer uses, `portion` the share of the next level that the
    sample was.
    """
    curvature = ascent.curvature
    ridge = 1e-2 * curvature.diagonal() + 1e-300
    dead = curvature.diagonal() <= 0
    inverse = np.linalg.pinv(curvature + np.diag(ridge), hermitian=True)
    noise = (level.usage * ascent.sums.counts[:, None]).T @ level.usage
    variance = (inverse @ noise @ inverse).diagonal() * max(1.0 - portion, 0.0)
    half = WIDTH * np.sqrt(np.maximum(variance, 0.0))
    half = np.where(dead, 0.05 * outer.high, np.maximum(half, 1e-6 * outer.high))
    at = ascent.multipliers
    return Box(np.maximum(at - half, outer.low), np.minimum(at + half, outer.high))


def _pressed(at: Float64, box: Box, outer: Box) -> np.ndarray:
    """Which multipliers ended at an end of the box that is not an end of the world."""
    edge = 1e-3 * (box.high - box.low)
    return ((at < box.low + edge) & (box.low > outer.low)) | (
        (at > box.high - edge) & (box.high < outer.high)
    )


def _widened(box: Box, at: Float64, tight: np.ndarray, outer: Box) -> Box:
    half = (box.high - box.low) * np.where(tight, 2.0, 0.5)
    return Box(
        np.where(tight, np.maximum(at - half, outer.low), box.low),
        np.where(tight, np.minimum(at + half, outer.high), box.high),
    )
