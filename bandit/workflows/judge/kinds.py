"""Learners fitted on a log: one reward, or a model for each kind of [reward.events]."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from bandit.config.worths import Worths
from bandit.core.types import Array, Bool, Float64
from bandit.models.curved import curved
from bandit.models.kinds import composed, split, updated
from bandit.models.moments import Moments
from bandit.models.odds import Seen
from bandit.models.posterior import Posterior
from bandit.models.relative import RelativePosterior
from bandit.ope.log import Log
from bandit.workflows.judge.logged import Logged
from bandit.workflows.serve.curves import Counted, fitted
from bandit.workflows.serve.moments import REWARD, Known, pooled

CHUNK = 65_536
"""Rows that are handed on at a time."""


def taught(logged: Logged, worths: Worths | None) -> Float64:
    """What a log's rows teach: their reward float64[n], or events of each kind float64[n, K]."""
    waves = logged.waves
    if worths is None or waves is None or waves.events is None:
        return logged.rewards
    return waves.events


def summed(contexts: Array, actions: Array, taught: Float64, k: int) -> Posterior:
    """The sums of some rows; of kinds as `models.kinds` has them."""
    d = contexts.shape[1]
    if taught.ndim == 1:
        return Posterior.prior(k, d, ridge=1.0).update(contexts, actions, taught)
    empty = Posterior.prior(taught.shape[1] * k, d, ridge=1.0)
    return updated(empty, contexts, actions, np.ascontiguousarray(taught.T))


def moments(
    sums: Posterior,
    worths: Worths | None,
    known: Known | None,
    read: Callable[[], Iterator[Seen]] | None = None,
) -> Moments:
    """The model of ``sums``; pooled by what is ``known`` of the actions, if anything is.

    Counts go through the logit link where ``read`` gives the rows that the sums are of.
    """
    if worths is None:
        if known is None:
            return sums
        one = pooled(sums, known, rising=True)
        lines = {REWARD: (one.mean, np.ones(one.n_actions))}
        return _curved(one, {REWARD: (0, one, True)}, lines, known, read)
    parts = split(sums, len(worths.kinds))
    rising = [bool((weight > 0.0).any()) for weight in worths.weights]
    # What was never seen has nothing to share.
    models: list[Moments] = [
        part
        if known is None or not part.square_sum.any()
        else pooled(part, known, rising=rises, counts=not amount)
        for part, rises, amount in zip(parts, rising, worths.amounts, strict=True)
    ]
    lines = {
        kind: (model.mean, weight)
        for kind, model, weight in zip(worths.kinds, models, worths.weights, strict=True)
    }
    told = {k: (i, models[i], rising[i]) for i, k in enumerate(worths.kinds)}
    return _curved(composed(models, parts, worths.weights), told, lines, known, read)


def _curved(
    line: Moments,
    models: Mapping[str, tuple[int, Moments, bool]],
    lines: Mapping[str, tuple[Float64, Float64]],
    known: Known | None,
    read: Callable[[], Iterator[Seen]] | None,
) -> Moments:
    """With the curves of counts: ``models`` by kind with their place, and whether they rise."""
    if known is None or read is None:
        return line
    counted = [
        Counted(kind, place, model, rising)
        for kind, (place, model, rising) in models.items()
        if isinstance(model, RelativePosterior)
    ]
    found = fitted(counted, known, read)
    return curved(line, {kind: mode.model.mean for kind, mode in found.items()}, lines)


def rows(log: Log, taught: Float64, chosen: Bool) -> Callable[[], Iterator[Seen]]:
    """The ``chosen`` rows bool[n] of a log, a bounded number at a time, as often as asked for."""
    places = np.flatnonzero(chosen)

    def read() -> Iterator[Seen]:
        for start in range(0, len(places), CHUNK):
            part = places[start : start + CHUNK]
            counts = np.ascontiguousarray(np.atleast_2d(taught[part].T))
            yield Seen(log.contexts[part], log.actions[part], counts, np.ones(len(part)))

    return read
