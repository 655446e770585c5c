"""A described offer that nobody has seen, in its first wave."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit import Greedy
from bandit.core.types import Array, Bool
from bandit.worlds import World
from simulations.learners.environment import Crowd, Setting
from simulations.learners.learners import Learner
from simulations.learners.sweep import PEOPLE, evenly

PER_WAVE, TAUGHT = 5_000, 2


class Met(NamedTuple):
    """EUR a customer among those who may get the offer, caps aside.

    ``errors``: mean squared error of what contacts with it are expected to bring, where nothing is
    told of it (as the mean contact), where it is described, and where it is known.
    """

    seed: int
    offer: str
    customers: int
    without: float
    described: float
    known: float
    errors: tuple[float, float, float]


def run(seed: int) -> Met:
    """The offer that would be missed most, learned of like the others, and not at all."""
    setting = Setting("new", World(PEOPLE, offers=20, channels=5, seed=seed), PER_WAVE)
    later = setting.crowd(TAUGHT)
    offer, new = _missed(setting, later)
    known = blind = Learner.new(setting, share=True, apart=True)
    for wave in range(TAUGHT):
        crowd = setting.crowd(wave)
        actions = evenly(crowd, [seed, wave])
        happened = setting.world.happened(crowd.ids, actions, setting.at(wave))
        known = known.taught(crowd, actions, happened)
        seen = np.asarray(~new[actions])
        own, sold, refused = happened
        told = own[seen], sold[seen], refused[seen]
        blind = blind.taught(_of(crowd, seen), actions[seen], told)
    may = np.asarray(later.eligible[:, new].any(axis=1))
    crowd = _of(later, may)
    old = crowd._replace(eligible=crowd.eligible & ~new)
    return Met(
        seed,
        offer,
        int(may.sum()),
        _value(blind, old),
        _value(blind, crowd),
        _value(known, crowd),
        _errors(crowd, new, blind, known),
    )


def _of(crowd: Crowd, rows: Bool) -> Crowd:
    return Crowd(crowd.ids[rows], crowd.contexts[rows], crowd.eligible[rows], crowd.net[rows])


def _errors(crowd: Crowd, new: Bool, blind: Learner, known: Learner) -> tuple[float, float, float]:
    truth = crowd.net + known.setting.world.costs
    there = crowd.eligible & new
    others = crowd.eligible & ~new
    others[:, 0] = False
    x = crowd.contexts.astype(np.float64)
    told = [np.full_like(truth, truth[others].mean())]
    told += [x @ learner.moments.mean.T for learner in (blind, known)]
    untold, described, learned = (float(((t - truth)[there] ** 2).mean()) for t in told)
    return untold, described, learned


def _missed(setting: Setting, crowd: Crowd) -> tuple[str, Bool]:
    """By the truth: the offer without which the best is worth least, and its actions bool[k]."""
    of = np.array([pair[0] if pair else "" for pair in setting.world.actions])
    left = {
        name: np.where(crowd.eligible & (of != name), crowd.net, -np.inf).max(axis=1).mean()
        for name in setting.world.assortment.offers
    }
    offer = min(left, key=lambda name: left[name])
    return offer, np.asarray(of == offer)


def _value(learner: Learner, crowd: Crowd) -> float:
    choice: Array = Greedy().choose(
        learner.moments, crowd.contexts, eligible=crowd.eligible,
        costs=learner.setting.world.costs, keys=crowd.ids.astype(np.uint64), seed=0,
    ).action  # fmt: skip
    return float(crowd.net[np.arange(len(crowd.ids)), choice].mean())
