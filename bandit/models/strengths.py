"""Prior strengths from the data: the largest log marginal likelihood on a grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from bandit.core.types import Array
from bandit.models.hybrid import Own, Split, Strengths, System, dense_system, eliminate, own_level
from bandit.models.sums import Sums

At = tuple[int, ...]
"""Steps of the grid, a level each."""

PER_DECADE = 2
"""Steps of the grid: a precision is found to within a factor of 10^¼."""
SHARED = (-2, 6, 14)
"""Least, first and largest step of a level of the shared part: precisions 0.1, 1,000, 10⁷."""
OWN = (-2, 6, 16)
"""Of the own part: 0.1, 1,000, 10⁸, which is none."""
INTERCEPT = (-2, -2, 8)
"""Of the intercept's prior variance over a slope's: 0.1, 0.1, 10⁴."""
UNKNOWN = (4, 4, 2)
"""Where nothing was seen: precisions 100 of both parts, ten times a slope's variance."""
UNSEEN = 10.0 ** (UNKNOWN[0] / PER_DECADE)
"""That precision of the shared part."""

LEAST = 1e-9
"""Below this a strength is not told from zero."""


def strongest(
    sums: Sums,
    parts: Split,
    levels: Array,
    fixed: Callable[[Strengths], Strengths],
    begin: Strengths | None = None,
) -> Strengths:
    """Climb the grid, a level at a time, until no step makes it likelier.

    It begins where rewards of campaigns leave it: from there a third of the steps are enough that
    the grid's middle takes, and they end at the same place.

    ``levels`` int64[q]: columns of one number have one strength. ``fixed`` puts what is given by
    hand in its place. The order of the steps is fixed, so the same sums give the same strengths.
    Who knows better begins at the steps next to ``begin``.
    """
    bounds = [SHARED] * (int(levels.max(initial=-1)) + 1) + [OWN, INTERCEPT]

    def strengths(at: At) -> Strengths:
        values = 10.0 ** (np.array(at, np.float64) / PER_DECADE)
        return fixed(Strengths(values[levels], float(values[-2]), float(values[-1])))

    if sums.count.sum() == 0.0:
        shared, own, intercept = UNKNOWN
        return strengths((*[shared] * (len(bounds) - 2), own, intercept))
    best = tuple(first for _, first, _ in bounds)
    if begin is not None:
        first = [int(np.flatnonzero(levels == level)[0]) for level in range(len(bounds) - 2)]
        values = np.array([*begin.shared[first], begin.own, begin.intercept])
        steps = np.rint(PER_DECADE * np.log10(np.maximum(values, LEAST))).astype(int).tolist()
        best = tuple(
            min(max(step, least), most)
            for step, (least, _, most) in zip(steps, bounds, strict=True)
        )
    return strengths(_climbed(best, bounds, strengths, _evidence(sums, parts)))


def _climbed(
    best: At,
    bounds: Sequence[tuple[int, int, int]],
    strengths: Callable[[At], Strengths],
    evidence: Callable[[Strengths], float],
) -> At:
    """The place from which no single step makes it likelier."""
    known: dict[At, float] = {}

    def found(at: At) -> float:
        if at not in known:
            known[at] = evidence(strengths(at))
        return known[at]

    moved = True
    while moved:
        moved = False
        for i, (least, _, most) in enumerate(bounds):
            for step in (1, -1):
                there = _shifted(best, i, step)
                while least <= there[i] <= most and found(there) > found(best):
                    best, moved = there, True
                    there = _shifted(best, i, step)
    return best


def _evidence(sums: Sums, parts: Split) -> Callable[[Strengths], float]:
    """The log marginal likelihood.

    What hangs on fewer strengths stays from one call to the next where these do: own parts on λ
    and c, the dense system on the precisions of single columns too, which most steps leave alone.
    """
    owns: list[tuple[tuple[float, float], Own]] = []
    systems: list[tuple[bytes, System]] = []

    def evidence(at: Strengths) -> float:
        place = at.own, at.intercept
        if not owns or owns[0][0] != place:
            owns[:], systems[:] = [(place, own_level(sums, at))], []
        singles = at.shared[parts.single].tobytes()
        if not systems or systems[0][0] != singles:
            systems[:] = [(singles, dense_system(sums, parts, at, owns[0][1]))]
        return eliminate(sums, parts, at, systems[0][1]).evidence

    return evidence


def _shifted(at: At, i: int, step: int) -> At:
    return (*at[:i], at[i] + step, *at[i + 1 :])
