"""Every learner through the same years; several operators are the replicates."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from bandit import Greedy, LinTS, LinUCB, Posterior, Rules
from bandit.core.types import Array, Float64, Int32
from bandit.replay import Learning, replay_world
from simulations.telecom.environment import DAYS_BETWEEN_WAVES, WINDOW_WAVES, Year

WAVES, PER_WAVE, RIDGE = 36, 3_000, 100.0
DRIFTS = (0.0, 1.0)
SEEDS = (1, 2, 3)
NOISE_EUR = 7.0
"""Spread of a reward around its mean; alphas are in units of it, as in campaign.toml."""


@dataclass(frozen=True)
class Forgetting(Learning):
    """Learning whose posterior decays towards the prior by `keep` before each wave's rows."""

    posterior: Posterior
    keep: float = 1.0

    def update(
        self, contexts: Array, actions: Int32, rewards: Float64, weights: Float64
    ) -> Forgetting:
        posterior = self.posterior.decay(self.keep).update(contexts, actions, rewards, weights)
        return replace(self, posterior=posterior)


class Run(NamedTuple):
    """One learner in one operator's year; EUR a customer by wave, float64[waves]."""

    learner: str
    drift: float
    seed: int
    value: Float64
    best: Float64


def learners(year: Year) -> dict[str, Learning]:
    k, d = len(year.operator.actions), year.encoding.width
    prior = Posterior.prior(k, d, ridge=RIDGE)
    found = {"rules": Learning(Rules(year.rules()), prior), "greedy": Learning(Greedy(), prior)}
    for alpha in (0.1, 0.3, 1.0):
        found[f"LinTS {alpha:g}"] = Learning(LinTS(alpha * NOISE_EUR), prior)
        found[f"LinUCB {alpha:g}"] = Learning(LinUCB(alpha * NOISE_EUR), prior)
    for days in (60, 180):
        keep = 0.5 ** (DAYS_BETWEEN_WAVES / days)
        policy = LinTS(0.3 * NOISE_EUR)
        found[f"LinTS 0.3, half-life {days} d"] = Forgetting(policy, prior, keep=keep)
    return found


def run(waves: int = WAVES, per_wave: int = PER_WAVE, seeds: tuple[int, ...] = SEEDS) -> list[Run]:
    runs = []
    for drift in DRIFTS:
        for seed in seeds:
            year = Year(seed, drift, per_wave)
            for name, learner in learners(year).items():
                curve, _ = replay_world(year, learner, waves, window=WINDOW_WAVES, seed=seed)
                runs.append(Run(name, drift, seed, curve.value, np.asarray(curve.best)))
    return runs
