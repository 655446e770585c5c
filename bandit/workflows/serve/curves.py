"""Kinds of events whose counts go through the logistic link: found from rows, and their record."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from bandit.models.hybrid import Strengths
from bandit.models.odds import Found, Seen, Shared, Task, chances, modes
from bandit.models.owned import OwnedPosterior, again
from bandit.models.pooled import PooledPosterior, pool
from bandit.models.posterior import Posterior
from bandit.models.relative import RelativePosterior
from bandit.workflows.serve.moments import Known, strengths_of

ONE = 1.0
"""Noise of an expansion: a chance has none of its own to estimate."""


class Counted(NamedTuple):
    """A kind whose events count as one: its linear model, and where its counts stand in `Seen`.

    ``rising`` as in `moments.pooled`.
    """

    name: str
    place: int
    line: RelativePosterior
    rising: bool


def fitted(
    kinds: Sequence[Counted], known: Known, read: Callable[[], Iterator[Seen]]
) -> dict[str, Found]:
    """The logistic model of each kind that is a chance and whose passes settle, by name.

    ``read`` gives all rows again, in the same order each time.
    """
    chosen = [kind for kind in kinds if chances(kind.line.sums)]
    places = [kind.place for kind in chosen]

    def only() -> Iterator[Seen]:
        for seen in read():
            yield seen._replace(counts=seen.counts[places])

    def task(kind: Counted) -> Task:
        def find(sums: Posterior, near: Shared) -> Shared:
            return _found(sums, near, known, rising=kind.rising)

        return Task(kind.line.sums, kind.line.mean, _near(kind.line), find)

    found = modes([task(kind) for kind in chosen], known.features.table, only)
    return {kind.name: mode for kind, mode in zip(chosen, found, strict=True) if mode is not None}


def _near(line: RelativePosterior) -> Shared:
    """The linear model's strengths in units of log odds.

    Its coefficients are p̄ times those of the log odds and its noise √p̄: a precision is p̄ times.
    """
    sums, strengths = line.sums, line.inner.strengths
    rate = float(sums.reward_sum.sum() / sums.count.sum())
    shared, own = rate * strengths.shared, rate * strengths.own
    return replace(line.inner, strengths=strengths._replace(shared=shared, own=own, noise=ONE))


def _found(sums: Posterior, near: Shared, known: Known, *, rising: bool) -> Shared:
    """An expansion at the likeliest strengths, or between them and the line's, ``near``."""

    def find(own: Posterior) -> Strengths:
        line, levels = near.strengths, known.features.levels
        likeliest = pool(own, near.features, levels=levels, noise=ONE, begin=line).strengths
        return between(line, likeliest)

    if isinstance(near, OwnedPosterior):
        return again(near, sums, find, rising=rising)
    return PooledPosterior(sums, near.features, find(sums))


def between(line: Strengths, likeliest: Strengths) -> Strengths:
    """The middle of both by their logarithms where the line's are the weaker, else the likeliest.

    The likeliest of an expansion are too strong where events are few (docs/adr/0235), never too
    weak; and of a level in which a line finds nothing its precision is the bound of its search.
    """
    shared = np.sqrt(np.minimum(line.shared, likeliest.shared) * likeliest.shared)
    own = math.sqrt(min(line.own, likeliest.own) * likeliest.own)
    return likeliest._replace(shared=shared, own=own)


def record_of(found: Found, known: Known) -> dict[str, Any]:
    """As a snapshot's manifest holds it: strengths by level, and where intercepts start."""
    told = strengths_of(found.model, known)
    kept: dict[str, Any] = {"level": found.sums.level}
    for key in ("shared", "own", "intercept", "scores"):
        if key in told:
            kept[key] = told[key]
    return kept
