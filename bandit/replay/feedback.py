"""When an outcome is known: the attribution window, counted in waves."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np

from bandit.core.errors import ConfigError
from bandit.core.types import Array, Float64, Int32
from bandit.replay.protocols import Learner


class Batch(NamedTuple):
    """Rows to learn from, with the rewards that came within their window."""

    contexts: Array
    actions: Int32
    rewards: Float64
    weights: Float64


class Feedback:
    """Decisions that wait until their window closes.

    A decision of wave t is learned from once, before wave t + window + 1 (0: before the next wave).
    Learning from what came early before the window closes would take quick sales for frequent
    ones.
    """

    def __init__(self, window: int) -> None:
        if window < 0:
            raise ConfigError(f"window must be a number of waves of at least 0, it is {window}")
        self._window = window
        self._waiting: deque[tuple[int, Batch]] = deque()

    def add(self, wave: int, batch: Batch) -> None:
        """Remember what was decided in a wave."""
        self._waiting.append((wave, batch))

    def teach(self, learner: Learner, wave: int) -> Learner:
        """Let the learner see all whose window closed before ``wave``."""
        while self._waiting and self._waiting[0][0] + self._window < wave:
            _, batch = self._waiting.popleft()
            if len(batch.actions):
                learner = learner.update(*batch)
        return learner


def wave_seed(seed: int, wave: int) -> int:
    """Seed of one wave's draws."""
    return int(np.random.SeedSequence([seed, wave]).generate_state(1, np.uint32)[0])
