"""Every learner through the same waves; several operators are the replicates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from bandit.core.types import Array, Float64
from bandit.worlds import World
from simulations.learners.environment import Crowd, Setting
from simulations.learners.learners import Learner

DELAY = 2
"""A window of 14 days: what wave t did is known to wave t + 2."""
PEOPLE = 1_000_000
ORDER = ("common", "rare", "thousand", "unshared", "drifting", "scored")
LEARNERS = ("rules", "disjoint", "hybrid", "hybrid, kinds", "hybrid, logit", "best")


class Run(NamedTuple):
    """EUR a customer by wave, from the first that has learned something, float64[waves]."""

    world: str
    seed: int
    who: str
    value: Float64


def settings(seed: int) -> list[Setting]:
    """Operators of 100 pairs, of which a random wave sees each some 50 times, and of 1,000."""
    common: dict[str, Any] = {"offers": 20, "channels": 5, "seed": seed}
    return [
        Setting("common", World(PEOPLE, **common), 5_000),
        Setting("rare", World(PEOPLE, **common, ceiling=0.1), 5_000),
        Setting("thousand", World(PEOPLE, offers=200, channels=5, seed=seed), 8_000),
        Setting("unshared", World(PEOPLE, **common, alike=False), 5_000),
        Setting("drifting", World(PEOPLE, **common, drift=1.0), 5_000, half_life_days=60.0),
    ]


def run(setting: Setting, waves: int) -> list[Run]:
    """Rules, the learners and the best that the truth allows, all under the same caps."""
    crowds = [setting.crowd(wave) for wave in range(DELAY + waves)]
    own = {
        "disjoint": Learner.new(setting, share=False, apart=False),
        "hybrid": Learner.new(setting, share=True, apart=False),
        "hybrid, kinds": Learner.new(setting, share=True, apart=True),
        "hybrid, logit": Learner.new(setting, share=True, apart=True, link=True),
    }
    found = {
        "rules": fixed(setting, crowds, rules(setting)),
        **{name: learning(setting, crowds, learner) for name, learner in own.items()},
        "best": fixed(setting, crowds, best(setting)),
    }
    return [Run(setting.name, setting.world.seed, who, value) for who, value in found.items()]


def fixed(setting: Setting, crowds: list[Crowd], decide: Callable[[Crowd], Array]) -> Float64:
    """What is earned by who learns nothing."""
    value = []
    for wave, crowd in enumerate(crowds[DELAY:], DELAY):
        actions = setting.capped(decide(crowd).astype(np.int32), wave)
        value.append(_earned(crowd, actions))
    return np.array(value)


def rules(setting: Setting) -> Callable[[Crowd], Array]:
    return lambda crowd: setting.world.rules_choice(crowd.eligible)


def best(setting: Setting) -> Callable[[Crowd], Array]:
    """By the truth, at the prices of the caps."""

    def decide(crowd: Crowd) -> Array:
        worth = crowd.net - setting.prices(crowd.net, crowd.eligible)
        return np.asarray(np.where(crowd.eligible, worth, -np.inf).argmax(axis=1))

    return decide


def learning(setting: Setting, crowds: list[Crowd], learner: Learner) -> Float64:
    """The first wave is drawn evenly; the second as well, since nothing is known of the first."""
    waiting: list[tuple[Crowd, Array, Any]] = []
    value = []
    for wave, crowd in enumerate(crowds):
        if wave >= DELAY:
            learner = learner.taught(*waiting[wave - DELAY])
            actions = setting.capped(learner.choose(crowd, wave), wave)
            value.append(_earned(crowd, actions))
        else:
            actions = evenly(crowd, [setting.world.seed, wave])
        happened = setting.world.happened(crowd.ids, actions, setting.at(wave))
        waiting.append((crowd, actions, happened))
    return np.array(value)


def evenly(crowd: Crowd, seed: list[int]) -> Array:
    """Any eligible action with the same probability."""
    draw = np.random.default_rng(seed).random(crowd.eligible.shape)
    return np.asarray(np.where(crowd.eligible, draw, -1.0).argmax(axis=1))


def _earned(crowd: Crowd, actions: Array) -> float:
    return float(crowd.net[np.arange(len(actions)), actions].mean())
