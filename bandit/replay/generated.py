"""Replay of a learning policy in a generated world, where the truth is known."""

from __future__ import annotations

import numpy as np

from bandit.replay.curves import Curve
from bandit.replay.feedback import Batch, Feedback, wave_seed
from bandit.replay.protocols import Learner, World


def replay_world(
    world: World, learner: Learner, waves: int, *, window: int = 0, seed: int = 0
) -> tuple[Curve, Learner]:
    """Let the learner act for a number of waves; returns its curve and what it has become.

    The curve counts true mean rewards of what was chosen, not the draws: its noise is only that of
    learning. ``seed`` draws decisions and outcomes; ``window`` as in `Feedback`.
    """
    feedback, table = Feedback(window), np.zeros((waves, 5))
    for wave in range(waves):
        learner = feedback.teach(learner, wave)
        people = world.customers(wave)
        drawn = wave_seed(seed, wave)
        actions = learner.choose(people.contexts, people.eligible, people.keys, drawn).action
        rewards, delays = world.outcomes(wave, people, actions, drawn)
        n, in_time = len(actions), np.where(delays <= window, rewards, 0.0)
        feedback.add(wave, Batch(people.contexts, actions, in_time, np.ones(n)))
        truth = world.expected(wave, people)
        earned = truth[np.arange(n), actions].sum()
        best = np.where(people.eligible, truth, -np.inf).max(axis=1).mean()
        table[wave] = n, n, n, earned, best
    return Curve(*np.ascontiguousarray(table.T)), learner
