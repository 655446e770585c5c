"""Logistic models of counts that actions share: modes found by passes over all rows.

Each pass is one step of Newton's method: the rows to second order about the last θ, solved as the
hybrid model is (`models.expansion`). The first begins where the linear model would step from how
often the event follows each action, so that few are needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np

from bandit.core.types import Array, Float64
from bandit.kernels.threads import together
from bandit.models.expansion import Rows, about
from bandit.models.owned import OwnedPosterior
from bandit.models.pooled import PooledPosterior
from bandit.models.posterior import Posterior
from bandit.models.relative import factors

TURNS = 10
"""Passes at most."""
SEARCH = 0
"""The turn at whose expansion strengths are found anew."""
STRIDE = 1.0
"""A step moves no action's scores by more, in the root mean square of its rows."""
SETTLED = 0.01
"""Such a change of scores is left to the last step, whose square is what is missing."""
AGAIN = 0.05
"""Events beyond a decision's first, as a share of all, up to which a count is a chance."""
LEAST, MOST = 1e-6, 0.9
"""Bounds of the chances that are begun at."""

Shared = PooledPosterior | OwnedPosterior


class Seen(NamedTuple):
    """Rows of a pass: ``counts`` float64[e, n] of the events of e kinds, ``weights`` float64[n]."""

    contexts: Array
    actions: Array
    counts: Float64
    weights: Float64


class Task(NamedTuple):
    """A kind of events: its plain ``sums``, and a model whose strengths are not far.

    ``line`` float64[k, d] are the means of a linear model of its counts. ``find`` makes a model of
    an expansion with the likeliest strengths, from those of another on.
    """

    sums: Posterior
    line: Float64
    begin: Shared
    find: Callable[[Posterior, Shared], Shared]


class Found(NamedTuple):
    """The expansion at the mode, and the model whose mean the mode is."""

    sums: Posterior
    model: Shared


class _Climb:
    """One kind on its way to its mode."""

    def __init__(self, task: Task, features: Float64) -> None:
        self._task = task
        self._prior = replace(task.sums.decay(0.0), level=level(task.sums))
        self._theta = _begun(task, features)
        self._turn = 0
        self._moved = np.inf
        self._sums = self._prior
        self._model = task.begin

    @property
    def settled(self) -> bool:
        """Whether the last step was small, at strengths that stay."""
        return self._turn > SEARCH and self._moved <= SETTLED

    def add(self, rows: Rows) -> None:
        """Rows of this pass."""
        score, rest, weights = about(rows, self._theta)
        self._sums = self._sums.update(rows.contexts, rows.actions, score + rest, weights)

    def step(self) -> None:
        """To the mode of the expansion; the next pass begins anew."""
        find = self._task.find if self._turn == SEARCH else _like
        self._model = find(self._sums, self._model)
        self.reached = Found(self._sums, self._model)
        step = self._model.mean - self._theta
        self._moved = _largest(self._sums, step)
        self._theta = self._theta + _within_stride(self._moved) * step
        self._sums, self._turn = self._prior, self._turn + 1

    @property
    def far(self) -> bool:
        """Whether the last step was one that is not taken whole."""
        return self._moved > STRIDE


def modes(
    tasks: Sequence[Task], features: Float64, read: Callable[[], Iterator[Seen]]
) -> list[Found | None]:
    """The mode of each kind; None of one that has not settled. Intercepts are free of the ridge.

    ``read`` gives all rows again, in the same order each time, their counts in the order of
    ``tasks``; ``features`` float64[k, q] are those of the actions.
    """
    climbs = [_Climb(task, features) for task in tasks]
    for _ in range(TURNS):
        left = [(e, climb) for e, climb in enumerate(climbs) if not climb.settled]
        for seen in read() if left else ():
            together([partial(climb.add, _rows(seen, e)) for e, climb in left])
        together([climb.step for _, climb in left])
    return [None if climb.far else climb.reached for climb in climbs]


def _rows(seen: Seen, kind: int) -> Rows:
    return Rows(seen.contexts, seen.actions, seen.counts[kind], seen.weights)


def _like(sums: Posterior, known: Shared) -> Shared:
    return replace(known, sums=sums)


def chances(sums: Posterior) -> bool:
    """Whether an event comes about once a decision, so that its count is a chance.

    By Σ r and Σ r²: a decision with c events adds c² − c more to the second.
    """
    total, squares = float(sums.reward_sum.sum()), float(sums.square_sum.sum())
    often = bool((sums.reward_sum > MOST * np.maximum(sums.count, 1.0)).any())
    return total > 0.0 and squares - total <= 2.0 * AGAIN * total and not often


def level(sums: Posterior) -> float:
    """Log odds of all rows, half an event and half none added; where intercepts start."""
    came, rows = float(sums.reward_sum.sum()), float(sums.count.sum())
    return float(np.log((came + 0.5) / (max(rows - came, 0.0) + 0.5)))


def _rates(sums: Posterior, features: Float64) -> Float64:
    """How often the event follows each action, float64[k]."""
    found = factors(sums, features).actions
    rate: Float64 = found * float(sums.reward_sum.sum()) / max(float(sums.count.sum()), 1.0)
    return rate


def _begun(task: Task, features: Float64) -> Float64:
    """A step of the linear model from the log odds of how often each action has the event.

    A chance changes by p(1 − p) times what its log odds do, float64[k, d].
    """
    sums, unit = task.sums, task.sums.unit
    rate = np.clip(_rates(sums, features), LEAST, MOST)
    step = (task.line - np.outer(rate, unit)) / (rate * (1.0 - rate))[:, None]
    step *= _within_stride(_largest(sums, step)) * float(unit.any())
    found: Float64 = np.outer(np.log(rate / (1.0 - rate)), unit) + step
    return found


def _within_stride(moved: float) -> float:
    """Part of a step that is taken."""
    return min(1.0, STRIDE / max(moved, STRIDE))


def _largest(sums: Posterior, step: Float64) -> float:
    """Largest root mean square by which a ``step`` float64[k, d] moves an action's scores."""
    squares = np.einsum("ki,kij,kj->k", step, sums.gram, step)
    seen = sums.count > 0.0
    return float(np.sqrt((squares[seen] / sums.count[seen]).max(initial=0.0)))
