"""Live decisions drawn again and again, by the code that the server decides with."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np
from scipy import stats

from bandit.workflows.live.room import Room, Rooms
from bandit.workflows.live.together import fill_in_turn
from bandit.workflows.serve.wave import Wave
from simulations.propensities.environment import Setting, distribution
from simulations.propensities.sweep import Weights


class Live(NamedTuple):
    """``inside``: share of the (customer, action) pairs within the 99.9 % interval.

    ``furthest``: largest difference of an answered propensity from the distribution's.
    """

    redraws: int
    customers: int
    pairs: int
    inside: float
    furthest: float


def _again(setting: Setting, seed: int) -> Wave:
    return setting.wave._replace(run=setting.wave.run._replace(seed=seed))


def _room(setting: Setting) -> Room:
    """Of everybody, where nothing is used yet."""
    everybody = np.array([len(setting.batch.keys)])
    return Rooms(setting.caps, setting.wave.plan.apart, everybody, Counter()).of(0)


def drawn(setting: Setting, redraws: int) -> Live:
    """Frequencies of first picks against the stated probabilities, where no cap binds."""
    policy = distribution(setting.wave, setting.batch)
    n, k = policy.shape
    rows, counts, furthest = np.arange(n), np.zeros((n, k)), 0.0
    for seed in range(1, redraws + 1):
        wave, room = _again(setting, seed), _room(setting)
        first = fill_in_turn(wave, setting.batch, None, room).taken[0].choice
        counts[rows, first.action] += 1
        stated = policy[rows, first.action]
        furthest = max(furthest, float(np.abs(first.propensity - stated).max()))
    some = policy > 0
    low = stats.binom.ppf(0.0005, redraws, np.clip(policy, 0.0, 1.0))
    high = stats.binom.ppf(0.9995, redraws, np.clip(policy, 0.0, 1.0))
    inside = ((counts >= low) & (counts <= high))[some].mean()
    return Live(redraws, n, int(some.sum()), float(inside), furthest)


def weights(setting: Setting, redraws: int) -> tuple[Weights, int]:
    """Mean weight onto uniform where caps bind, each propensity given the room that was left.

    And how often a cap was passed.
    """
    total, passed = [], 0
    for seed in range(1, redraws + 1):
        wave, room = _again(setting, seed), _room(setting)
        batch, used = setting.batch, Counter[str]()
        while len(batch.keys):
            filled = fill_in_turn(wave, batch, None, room)
            first, done = filled.taken[0], len(filled.used)
            sizes = first.allowed[:done].sum(axis=1)
            total.append(1.0 / sizes / first.choice.propensity[:done])
            for one in filled.used:
                used.update(one)
            batch = batch.rows(done, len(batch.keys))
        most = dict(zip(setting.caps.names, setting.caps.most.tolist(), strict=True))
        passed += any(used[name] > most[name] + 1e-9 for name in used)
    weight = np.concatenate(total)
    error = float(weight.std() / np.sqrt(weight.size))
    return Weights(float(weight.mean()), error, redraws), passed


def report(found: Live, capped: Weights, passed: int) -> str:
    """Markdown."""
    sigma = (capped.mean - 1.0) / capped.standard_error
    return (
        "| customers | redraws | (customer, action) pairs | within the 99.9 % interval | furthest"
        " from the distribution |\n|---|---|---|---|---|\n"
        f"| {found.customers} | {found.redraws:,} | {found.pairs:,} | {found.inside:.3%} |"
        f" {found.furthest:.1e} |\n\n"
        f"Mean weight onto uniform over {capped.waves:,} days of these customers, one after the"
        f" other, under binding caps: {capped.mean:.4f} ± {capped.standard_error:.4f}"
        f" ({sigma:+.2f} standard errors from 1); days on which a cap was passed: {passed}.\n\n"
    )
