"""The world of scores: as they are, turned by a rising map, in vain, and taken at their word."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bandit.core.types import Array
from bandit.worlds import World
from simulations.learners.environment import Crowd, Setting
from simulations.learners.learners import Learner
from simulations.learners.sweep import DELAY, PEOPLE, Run, best, fixed, learning, rules

LEARNERS = (
    "rules", "margin × raw score", "disjoint", "hybrid", "hybrid, scores", "hybrid, distorted",
    "hybrid, noise", "best",
)  # fmt: skip
PER_WAVE = 5_000


def run(seed: int, waves: int) -> list[Run]:
    """Every offer has a score; all learners but one know of what the first line says."""
    world = World(PEOPLE, offers=20, channels=5, seed=seed, scores=20)
    plain = Setting("scored", world, PER_WAVE, score="none")
    scored, twisted, vain = (
        replace(plain, score=score) for score in ("as they are", "distorted", "noise")
    )
    crowds = {
        setting.score: [setting.crowd(wave) for wave in range(DELAY + waves)]
        for setting in (plain, scored, twisted, vain)
    }

    def learned(setting: Setting, *, share: bool) -> Array:
        learner = Learner.new(setting, share=share, apart=False)
        return learning(setting, crowds[setting.score], learner)

    found = {
        "rules": fixed(plain, crowds["none"], rules(plain)),
        "margin × raw score": fixed(plain, crowds["none"], _raw(plain)),
        "disjoint": learned(plain, share=False),
        "hybrid": learned(plain, share=True),
        "hybrid, scores": learned(scored, share=True),
        "hybrid, distorted": learned(twisted, share=True),
        "hybrid, noise": learned(vain, share=True),
        "best": fixed(plain, crowds["none"], best(plain)),
    }
    return [Run("scored", seed, who, value) for who, value in found.items()]


def _raw(setting: Setting) -> Callable[[Crowd], Array]:
    """What the scores and the margins say, at the prices of the caps."""

    def decide(crowd: Crowd) -> Array:
        worth = np.zeros(crowd.eligible.shape)
        score = setting.world.score(crowd.ids)
        worth[:, 1:] = np.repeat(score, setting.world.channels, axis=1) * setting.margins[1:]
        worth -= setting.world.costs
        worth -= setting.prices(worth, crowd.eligible)
        return np.asarray(np.where(crowd.eligible, worth, -np.inf).argmax(axis=1))

    return decide
