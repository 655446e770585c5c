"""What was expected of what was taken, by what each customer was decided by."""

from __future__ import annotations

import numpy as np

from bandit.core.types import Array, Float32
from bandit.models.moved import TakenMean
from bandit.workflows.serve.wave import Wave


class Expected:
    """Means of the wave's posterior, and of the pinned one in arms that decide by a snapshot."""

    def __init__(self, wave: Wave) -> None:
        self._mean = TakenMean(wave.posterior)
        self._pinned = [
            (wave.plan.groups.index(arm), TakenMean(policy.posterior))
            for arm, policy in wave.plan.pinned.items()
        ]

    def of(self, contexts: Float32, action: Array, group: Array, grain: int) -> Float32:
        """As `TakenMean.of`, of rows whose ``group`` [m] is by its number in choices."""
        found = self._mean.of(contexts, action, grain)
        for number, mean in self._pinned:
            rows = np.flatnonzero(group == number)
            if rows.size:
                found[rows] = mean.of(contexts[rows], action[rows], grain)
        return found
