"""When an outcome is known: the attribution window, counted in waves."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bandit.errors import ConfigError
from bandit.replay.protocols import Learner
from bandit.types import Array, Float64, Int32


class Batch(NamedTuple):
    """Rows to learn from: contexts, actions, rewards, weights and the waves until a reward came."""

    contexts: Array
    actions: Int32
    rewards: Float64
    weights: Float64
    delays: npt.NDArray[np.int64] | None


class Feedback:
    """Decisions that wait until their window closes.

    A decision of wave t is learned from once, before wave t + window + 1, with the reward that came
    within ``window`` waves (0: before the next wave) and zero for one that came later. Learning
    from what came early before the window closes would take quick sales for frequent ones.
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
                learner = learner.update(
                    batch.contexts, batch.actions, self._in_time(batch), batch.weights
                )
        return learner

    def _in_time(self, batch: Batch) -> Float64:
        if batch.delays is None:
            return batch.rewards
        return np.where(batch.delays <= self._window, batch.rewards, 0.0)
