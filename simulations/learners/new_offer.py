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
from bandit.worlds.assortment import FAMILIES, Assortment
from simulations.learners.declared import Declared
from simulations.learners.environment import Crowd, Setting
from simulations.learners.learners import ALPHA, EVENTS, Learner
from simulations.learners.sweep import PEOPLE, evenly

PER_WAVE, TAUGHT = 5_000, 2
LIKE = 60
"""Offers of a family over which what its name can tell is averaged."""


class Met(NamedTuple):
    """EUR a customer among those who may get the offer, drawn as it is served, caps aside.

    ``without`` it; ``cold``, where nothing is said of it but its margin; ``described``;
    ``siblings``, with the truth of the other offers; ``told``, with the truth of all that its
    description says; and ``known``, seen like the others. ``errors``: mean squared error of what
    contacts with it are expected to bring, cold, described, by siblings, told and known.
    ``missed``: of all offers the truth would miss it most. ``curve``: counts go through the logit
    link.
    """

    seed: int
    curve: bool
    offer: str
    customers: int
    without: float
    cold: float
    described: float
    siblings: float
    told: float
    known: float
    errors: tuple[float, float, float, float, float]
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
    weight = _weight(setting, later, of)
    for offer in left:
        new = np.asarray(of == offer)
        crowd = _able(later, new)
        old = crowd._replace(eligible=crowd.eligible & ~new)
        told = _by_description(setting, crowd, offer)
        kin, others = _by_others(setting, crowd, offer)
        kin = weight * kin + (1.0 - weight) * others
        cold, described = model.at(new, untold=True), model.at(new)
        for curve in (False, True):
            best, near = (
                _Told(described[curve], _beyond(described[curve], crowd, new, truly))
                for truly in (told, kin)
            )
            yield Met(
                seed,
                curve,
                offer,
                len(crowd.ids),
                _value(setting, described[curve], old),
                _value(setting, cold[curve], crowd),
                _value(setting, described[curve], crowd),
                _value(setting, near, crowd),
                _value(setting, best, crowd),
                _value(setting, known[curve], crowd),
                errors=(
                    _error(setting, crowd, new, cold[curve]),
                    _error(setting, crowd, new, described[curve]),
                    _error(setting, crowd, new, near),
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
    at = world.assortment.offers.index(offer)
    many = replace(world, offers=len(FAMILIES) * LIKE).assortment
    like = [o for o, f in enumerate(many.families) if f == world.assortment.families[at]]
    if setting.columns:
        many = many._replace(taste=np.tile(world.assortment.taste[at], (len(many.offers), 1)))
    return _by_truth(setting, crowd, many, like, at)


def _by_others(setting: Setting, crowd: Crowd, offer: str) -> tuple[Float64, Float64]:
    """What contacts bring in the mean over its siblings, and over all other offers, as if theirs."""
    own = setting.world.assortment
    at = own.offers.index(offer)
    others = [o for o in range(len(own.offers)) if o != at]
    kin = [o for o in others if own.families[o] == own.families[at]]
    return _by_truth(setting, crowd, own, kin, at), _by_truth(setting, crowd, own, others, at)


def _by_truth(
    setting: Setting, crowd: Crowd, many: Assortment, like: list[int], at: int
) -> Float64:
    """The mean over the offers ``like`` of ``many`` at the margin of offer ``at``, float64[n, c]."""
    world = setting.world
    people = world.people(crowd.ids)
    liked = truth.appeal(many, people, world.day(world.origin), world.drift)[:, like]
    bought = world.ceiling * truth.reach(many, people) * (liked @ many.fit[like]) / len(like)
    bought *= 1.0 - np.exp(-world.window_days / world.delay_days)
    lost = world.refusal_cost_eur * truth.refusal(many, people, np.zeros(len(crowd.ids)))
    alone = crowd.net[:, :1]
    return np.asarray(alone + world.assortment.margin_eur[at] * bought - lost)


def _weight(setting: Setting, later: Crowd, of: Array) -> float:
    """How much of its siblings' mean beyond all others' an offer is, in the mean over all of them.

    By the truth, least squares: nobody who is told of families could choose better.
    """
    along, square = 0.0, 0.0
    for offer in setting.world.assortment.offers:
        new = np.asarray(of == offer)
        crowd = _able(later, new)
        kin, others = _by_others(setting, crowd, offer)
        may = crowd.eligible[:, new]
        beyond = (kin - others)[may]
        along += float(beyond @ (crowd.net[:, new] + setting.world.costs[new] - others)[may])
        square += float(beyond @ beyond)
    return along / square


def _able(crowd: Crowd, new: Bool) -> Crowd:
    """Those who may get one of ``new`` actions bool[k]."""
    return _of(crowd, np.asarray(crowd.eligible[:, new].any(axis=1)))


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
