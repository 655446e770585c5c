"""A described offer that nobody has seen, in its first wave."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from bandit import LinTS, Posterior
from bandit.config.worths import Worths
from bandit.core.types import Array, Bool, Float64
from bandit.features.action_features import CHANNEL, FAMILY, OFFER
from bandit.models.kinds import Composed, composed, split
from bandit.workflows.serve.moments import Known, Pooled, of_record, pooled, strengths_of
from bandit.worlds import World
from simulations.learners.environment import Crowd, Setting
from simulations.learners.learners import ALPHA, EVENTS, Learner
from simulations.learners.sweep import PEOPLE, evenly

PER_WAVE, TAUGHT = 5_000, 2


class Met(NamedTuple):
    """EUR a customer among those who may get the offer, drawn as it is served, caps aside.

    ``without`` it; ``cold``, where nothing is said of it but its margin; ``described``; and
    ``known``, seen like the others. ``errors``: mean squared error of what contacts with it are
    expected to bring, cold, described and known. ``missed``: of all offers the truth would miss it
    most.
    """

    seed: int
    offer: str
    customers: int
    without: float
    cold: float
    described: float
    known: float
    errors: tuple[float, float, float]
    missed: bool


def run(seed: int) -> Iterator[Met]:
    """Each offer in turn held back from what two random waves taught of all of them."""
    setting = Setting("new", World(PEOPLE, offers=20, channels=5, seed=seed), PER_WAVE)
    learner = Learner.new(setting, share=True, apart=True)
    for wave in range(TAUGHT):
        crowd = setting.crowd(wave)
        actions = evenly(crowd, [seed, wave])
        learner = learner.taught(
            crowd, actions, setting.world.happened(crowd.ids, actions, setting.at(wave))
        )
    later, model = setting.crowd(TAUGHT), _Model(learner.sums, learner.kinds, setting.known)
    of = np.array([pair[0] if pair else "" for pair in setting.world.actions])
    left = {
        name: float(np.where(later.eligible & (of != name), later.net, -np.inf).max(axis=1).mean())
        for name in setting.world.assortment.offers
    }
    for offer in left:
        new = np.asarray(of == offer)
        may = np.asarray(later.eligible[:, new].any(axis=1))
        crowd = _of(later, may)
        old = crowd._replace(eligible=crowd.eligible & ~new)
        blind = _unseen(learner.sums, new)
        cold, described = model.at(blind, untold=new), model.at(blind)
        known = model.at(learner.sums)
        yield Met(
            seed,
            offer,
            int(may.sum()),
            _value(setting, described, old),
            _value(setting, cold, crowd),
            _value(setting, described, crowd),
            _value(setting, known, crowd),
            errors=(
                _error(setting, crowd, new, cold),
                _error(setting, crowd, new, described),
                _error(setting, crowd, new, known),
            ),
            missed=offer == min(left, key=lambda name: left[name]),
        )


class _Model:
    """Kinds at the strengths that all that was seen gave, as a wave has them of a snapshot."""

    def __init__(self, sums: Posterior, worths: Worths, known: Known) -> None:
        self._weights, self._known = worths.weights, known
        self._records = [
            strengths_of(self._found(part, worth, amount=bool(amount)), self._known)
            for part, worth, amount in zip(
                split(sums, len(EVENTS)), worths.weights, worths.amounts, strict=True
            )
        ]

    def _found(self, part: Posterior, worth: Float64, *, amount: bool) -> Pooled:
        return pooled(part, self._known, rising=bool((worth > 0.0).any()), counts=not amount)

    def at(self, sums: Posterior, *, untold: Bool | None = None) -> Composed:
        """What these sums let expect; of ``untold`` actions bool[k] no family and no channel."""
        known = self._known
        if untold is not None:
            told = [level in {FAMILY, OFFER, CHANNEL} for level, _ in known.features.columns]
            table = known.features.table.copy()
            table[np.ix_(untold, np.array(told))] = 0.0
            known = Known(known.space, known.features._replace(table=table), known.layout)
        parts = split(sums, len(EVENTS))
        models = [of_record(p, known, r) for p, r in zip(parts, self._records, strict=True)]
        return composed(models, parts, self._weights)


def _of(crowd: Crowd, rows: Bool) -> Crowd:
    return Crowd(crowd.ids[rows], crowd.contexts[rows], crowd.eligible[rows], crowd.net[rows])


def _unseen(sums: Posterior, new: Bool) -> Posterior:
    """What was seen of the other actions."""
    keep = np.tile(~new, len(EVENTS)).astype(np.float64)
    return replace(
        sums,
        gram=sums.gram * keep[:, None, None],
        shift=sums.shift * keep[:, None],
        count=sums.count * keep,
        reward_sum=sums.reward_sum * keep,
        square_sum=sums.square_sum * keep,
    )


def _error(setting: Setting, crowd: Crowd, new: Bool, found: Composed) -> float:
    expected = crowd.contexts.astype(np.float64) @ found.mean.T
    wrong = expected - crowd.net - setting.world.costs
    return float((wrong[crowd.eligible & new] ** 2).mean())


def _value(setting: Setting, found: Composed, crowd: Crowd) -> float:
    choice: Array = LinTS(ALPHA * found.noise_scale).choose(
        found, crowd.contexts, eligible=crowd.eligible,
        costs=setting.world.costs, keys=crowd.ids.astype(np.uint64), seed=0,
    ).action  # fmt: skip
    return float(crowd.net[np.arange(len(crowd.ids)), choice].mean())
