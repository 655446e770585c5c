"""The drifting year with pairs that share, each kind of event by itself, and forgetting by its rule."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from bandit import Posterior
from bandit.core.types import Array, Bool, Float64
from bandit.models.forgetting import Told, suggested
from bandit.models.kinds import Composed, updated
from bandit.models.moments import Moments
from bandit.models.moved import inner
from bandit.models.odds import Seen
from bandit.models.owned import OwnedPosterior
from bandit.models.pooled import PooledPosterior
from bandit.models.relative import RelativePosterior
from bandit.workflows.inspect.half_life import MOST_WAVES, gained
from bandit.workflows.judge import kinds
from bandit.worlds import World
from simulations.learners import sweep
from simulations.learners.environment import DAYS_BETWEEN_WAVES, Crowd, Setting
from simulations.learners.learners import Learner
from simulations.telecom.analysis import STRETCH, closed
from simulations.telecom.environment import NEW_OFFERS, NEW_OFFERS_DAY
from simulations.telecom.sweep import Run

OFTEN = 4
"""Waves after which the half-life is looked at anew."""


class Wave(NamedTuple):
    """What a wave taught by itself."""

    sums: Posterior
    rows: Seen


@dataclass(frozen=True, eq=False)
class Forgetful(Learner):
    """`Learner` that heeds the half-life which `report` suggests, from the waves that it has seen."""

    waves: tuple[Wave, ...] = ()
    half_life: float | None = None

    @cached_property
    def weights(self) -> Float64:
        """Of each wave, the newest 1."""
        age = DAYS_BETWEEN_WAVES * np.arange(len(self.waves) - 1, -1, -1.0)
        return np.ones(len(age)) if self.half_life is None else 0.5 ** (age / self.half_life)

    @cached_property
    def moments(self) -> Moments:
        if not self.waves:
            return super().moments
        sums = self.waves[0].sums.decay(self.weights[0])
        for weight, wave in zip(self.weights[1:], self.waves[1:], strict=True):
            sums = sums.merge(wave.sums.decay(weight))

        def read() -> Iterator[Seen]:
            for weight, wave in zip(self.weights, self.waves, strict=True):
                yield wave.rows._replace(weights=weight * wave.rows.weights)

        return kinds.moments(sums, self.worths, self.setting.known, read if self.link else None)

    def taught(self, crowd: Crowd, actions: Array, happened: tuple[Float64, Bool, Bool]) -> Learner:
        own, sold, refused = happened
        told = np.stack([own, refused.astype(np.float64), sold.astype(np.float64)])
        taken = actions.astype(np.int32)
        wave = Wave(
            updated(self.sums, crowd.contexts, taken, told),
            Seen(crowd.contexts, taken, told, np.ones(len(taken))),
        )
        after = replace(self, waves=(*self.waves, wave))
        if len(after.waves) % OFTEN:
            return after
        found = after.suggested
        print(f"{len(after.waves)} waves: half-life {found}", file=sys.stderr, flush=True)
        return replace(after, half_life=found)

    @property
    def suggested(self) -> float | None:
        """As `report` says it of a snapshot of these waves."""
        model = inner(self.moments)
        parts = model.parts if isinstance(model, Composed) else ()
        told = [
            Told(DAYS_BETWEEN_WAVES * t, DAYS_BETWEEN_WAVES * (t + sweep.DELAY), wave.sums)
            for t, wave in enumerate(self.waves)
        ]
        pooled = PooledPosterior | OwnedPosterior | RelativePosterior
        models = [part if isinstance(part, pooled) else None for part in parts]
        found = gained(models, told[-MOST_WAVES:])
        return None if found is None or not found.foretold.size else suggested(found)


def year(seed: int, per_wave: int) -> Setting:
    """The operator of `environment.Year`, without caps."""
    world = World(
        sweep.PEOPLE, offers=20, channels=5, seed=seed, drift=1.0, new_offers=NEW_OFFERS,
        new_offers_day=NEW_OFFERS_DAY,
    )  # fmt: skip
    return Setting("year", world, per_wave, caps={})


def run(seed: int, waves: int, per_wave: int, links: Sequence[bool]) -> list[Run]:
    """Rules, and sharing along lines or through the curve; from the first wave that has learned."""
    setting = year(seed, per_wave)
    crowds = [setting.crowd(wave) for wave in range(waves)]
    best = sweep.fixed(setting, crowds, sweep.best(setting))
    found = {"rules": sweep.fixed(setting, crowds, sweep.rules(setting))}
    for link in links:
        learner = Forgetful.new(setting, share=True, apart=True, link=link)
        name = "kinds, curve" if link else "kinds, lines"
        found[name] = sweep.learning(setting, crowds, learner)
    return [Run(name, 1.0, seed, value, best) for name, value in found.items()]


def shared(runs: Sequence[Run]) -> str:
    """A line a learner: share of the way in running stretches of four waves, by operator."""
    lines = []
    for name in dict.fromkeys(run.learner for run in runs):
        for run in (r for r in runs if r.learner == name):
            rules = next(r for r in runs if r.learner == "rules" and r.seed == run.seed)
            told = " ".join(f"{share:4.0%}" for share in closed(run, rules)[::STRETCH])
            last = closed(run, rules)[-1]
            lines.append(f"{name}, operator {run.seed}: last four waves {last:.0%}; before {told}")
    return "\n".join(lines)
