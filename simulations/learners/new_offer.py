"""A described offer that nobody has seen, in its first wave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from bandit import LinTS, Posterior
from bandit.core.types import Array, Bool, Float64
from bandit.features.action_features import COMMON
from bandit.models.curved import curved
from bandit.models.kinds import composed, split
from bandit.models.moments import Moments
from bandit.models.moved import Moved, lifts_of
from bandit.models.odds import Found
from bandit.models.relative import RelativePosterior
from bandit.workflows.serve.curves import Counted, fitted
from bandit.workflows.serve.moments import Known, Pooled, of_record, pooled, strengths_of
from bandit.worlds import World, truth
from bandit.worlds.assortment import FAMILIES
from simulations.learners.declared import Declared
from simulations.learners.environment import Crowd, Setting
from simulations.learners.learners import ALPHA, EVENTS, Learner
from simulations.learners.sweep import PEOPLE, evenly

PER_WAVE, TAUGHT = 5_000, 2
LIKE = 60
"""Offers of a family over which what its name can tell is averaged."""


class Met(NamedTuple):
    """EUR a customer among those who may get the offer, drawn as it is served, caps aside.

    ``without`` it; ``cold``, where nothing is said of it but its margin; ``described``; ``told``,
    with the truth of all that its description says; and ``known``, seen like the others. ``errors``: mean squared error of what contacts with it are expected to bring, cold,
    described, told and known. ``missed``: of all offers the truth would miss it most. ``curve``:
    counts go through the logit link.
    """

    seed: int
    curve: bool
    offer: str
    customers: int
    without: float
    cold: float
    described: float
    told: float
    known: float
    errors: tuple[float, float, float, float]
    missed: bool


def run(seed: int, *, columns: bool = False, taught: int = TAUGHT) -> Iterator[Met]:
    """Each offer in turn held back from what two random waves taught of all of them.

    With ``columns`` at an operator whose offers are declared by what makes them liked.
    """
    if columns:
        declared = Declared(PEOPLE, offers=20, channels=5, seed=seed)
        setting = Setting("declared", declared, PER_WAVE, columns=declared.columns)
    else:
        setting = Setting("new", World(PEOPLE, offers=20, channels=5, seed=seed), PER_WAVE)
    learner = Learner.new(setting, share=True, apart=True, link=True)
    for wave in range(taught):
        crowd = setting.crowd(wave)
        actions = evenly(crowd, [seed, wave])
        learner = learner.taught(
            crowd, actions, setting.world.happened(crowd.ids, actions, setting.at(wave))
        )
    later, model = setting.crowd(taught), _Model(learner)
    known = model.at()
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
        told = _by_description(setting, crowd, offer)
        cold, described = model.at(new, untold=True), model.at(new)
        for curve in (False, True):
            best = described[curve]
            best = _Told(best, _beyond(best, crowd, new, told))
            yield Met(
                seed,
                curve,
                offer,
                int(may.sum()),
                _value(setting, described[curve], old),
                _value(setting, cold[curve], crowd),
                _value(setting, described[curve], crowd),
                _value(setting, best, crowd),
                _value(setting, known[curve], crowd),
                errors=(
                    _error(setting, crowd, new, cold[curve]),
                    _error(setting, crowd, new, described[curve]),
                    _error(setting, crowd, new, best),
                    _error(setting, crowd, new, known[curve]),
                ),
                missed=offer == min(left, key=lambda name: left[name]),
            )


class _Model:
    """Kinds at the strengths that all that was seen gave, as a wave has them of a snapshot."""

    def __init__(self, learner: Learner) -> None:
        kinds, self._known = learner.kinds, learner.setting.known
        self._weights, self._parts = kinds.weights, split(learner.sums, len(EVENTS))
        rises = [bool((worth > 0.0).any()) for worth in kinds.weights]
        lines: list[Pooled] = [
            pooled(part, self._known, rising=rising, counts=not amount)
            for part, rising, amount in zip(self._parts, rises, kinds.amounts, strict=True)
        ]
        self._records = [strengths_of(line, self._known) for line in lines]
        counted = [
            Counted(kind, place, line, rises[place])
            for place, (kind, line) in enumerate(zip(EVENTS, lines, strict=True))
            if isinstance(line, RelativePosterior)
        ]
        self._odds: Mapping[str, Found] = fitted(counted, self._known, lambda: iter(learner.rows))

    def at(self, new: Bool | None = None, *, untold: bool = False) -> tuple[Moments, Moments]:
        """What is expected by lines and by curves, without what was seen of ``new`` actions bool[k].

        Where they are ``untold``, of no family, on no channel and with no columns.
        """
        known, parts = self._known, self._parts
        unseen = np.zeros(len(known.space), np.bool_) if new is None else new
        if untold:
            told = [level != COMMON for level, _ in known.features.columns]
            table = known.features.table.copy()
            table[np.ix_(unseen, np.array(told))] = 0.0
            known = Known(known.space, known.features._replace(table=table), known.layout)
        parts = [_without(part, unseen) for part in parts]
        lines = [of_record(p, known, r) for p, r in zip(parts, self._records, strict=True)]
        found = composed(lines, parts, self._weights)
        table = known.features.table
        modes = {
            kind: replace(odds.model, sums=_without(odds.sums, unseen), features=table).mean
            for kind, odds in self._odds.items()
        }
        told_of = {
            kind: (line.mean, weight)
            for kind, line, weight in zip(EVENTS, lines, self._weights, strict=True)
        }
        return found, curved(found, modes, told_of)


@dataclass(frozen=True, eq=False)
class _Told(Moved):
    """What is expected of one crowd, moved by ``beyond`` float64[n, k]."""

    beyond: Float64

    def lifts(self, contexts: Array) -> Float64:
        """Those of the model, and ``beyond``."""
        return lifts_of(self.inner, contexts) + self.beyond


def _beyond(found: Moments, crowd: Crowd, new: Bool, told: Float64) -> Float64:
    """What ``told`` float64[n, m] says beyond a model of ``new`` actions, of all float64[n, k]."""
    beyond = np.zeros(crowd.net.shape)
    beyond[:, new] = told - _expected(found, crowd)[:, new]
    return beyond


def _by_description(setting: Setting, crowd: Crowd, offer: str) -> Float64:
    """What contacts bring in the mean over offers that are described alike, float64[n, c].

    They have its family, its margin and its columns, if any are declared. What an offer is beyond
    these is drawn by its number, so more offers are others like it.
    """
    world = setting.world
    at, people = world.assortment.offers.index(offer), world.people(crowd.ids)
    many = replace(world, offers=len(FAMILIES) * LIKE).assortment
    like = [o for o, f in enumerate(many.families) if f == world.assortment.families[at]]
    if setting.columns:
        many = many._replace(taste=np.tile(world.assortment.taste[at], (len(many.offers), 1)))
    liked = truth.appeal(many, people, world.day(world.origin), world.drift)[:, like]
    bought = world.ceiling * truth.reach(many, people) * (liked @ many.fit[like]) / len(like)
    bought *= 1.0 - np.exp(-world.window_days / world.delay_days)
    lost = world.refusal_cost_eur * truth.refusal(many, people, np.zeros(len(crowd.ids)))
    alone = crowd.net[:, :1]
    return np.asarray(alone + world.assortment.margin_eur[at] * bought - lost)


def _of(crowd: Crowd, rows: Bool) -> Crowd:
    return Crowd(crowd.ids[rows], crowd.contexts[rows], crowd.eligible[rows], crowd.net[rows])


def _without(sums: Posterior, new: Bool) -> Posterior:
    """What was seen of the other actions."""
    keep = (~new).astype(np.float64)
    return replace(
        sums,
        gram=sums.gram * keep[:, None, None],
        shift=sums.shift * keep[:, None],
        count=sums.count * keep,
        reward_sum=sums.reward_sum * keep,
        square_sum=sums.square_sum * keep,
    )


def _expected(found: Moments, crowd: Crowd) -> Float64:
    """EUR before costs, float64[n, k]."""
    line = crowd.contexts.astype(np.float64) @ found.mean.T
    return np.asarray(line + lifts_of(found, crowd.contexts))


def _error(setting: Setting, crowd: Crowd, new: Bool, found: Moments) -> float:
    wrong = _expected(found, crowd) - crowd.net - setting.world.costs
    return float((wrong[crowd.eligible & new] ** 2).mean())


def _value(setting: Setting, found: Moments, crowd: Crowd) -> float:
    choice: Array = LinTS(ALPHA * found.noise_scale).choose(
        found, crowd.contexts, eligible=crowd.eligible,
        costs=setting.world.costs, keys=crowd.ids.astype(np.uint64), seed=0,
    ).action  # fmt: skip
    return float(crowd.net[np.arange(len(crowd.ids)), choice].mean())
