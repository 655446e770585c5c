"""What the limits leave: an action that would pass one is closed before the draw, never after."""

from __future__ import annotations

from collections import Counter

import numpy as np

from bandit.core.types import Bool, Float64
from bandit.workflows.serve.limits import Limits

_ROUNDING = 1e-9
"""Of sums of costs against a budget, as a share of it."""


class Room:
    """Of one day; ``used`` so far by the limits' names."""

    def __init__(self, limits: Limits, used: Counter[str]) -> None:
        self._limits = limits
        self._used = np.array([used[name] for name in limits.names])
        self._open: Bool | None = None

    def left(self) -> Bool:
        """Actions bool[k] that pass no limit."""
        if self._open is None:
            most, usage = self._limits.most, self._limits.usage
            fits = self._used + usage <= most + _ROUNDING * np.where(np.isfinite(most), most, 0.0)
            self._open = (fits | (usage == 0.0)).all(axis=1)
        return self._open

    def leaves(self, actions: Bool) -> bool:
        """Whether these bool[k] are what is left."""
        left = self.left()
        return left is actions or np.array_equal(left, actions)

    def use(self, action: int) -> dict[str, float]:
        """Take what an action uses; how much of each limit."""
        usage = self._limits.usage[action]
        if not usage.any():
            return {}
        self._used = self._used + usage
        self._open = None
        return {n: a for n, a in zip(self._limits.names, usage.tolist(), strict=True) if a}

    def mark(self) -> Float64:
        """What is used by now, for `back_to`."""
        return self._used

    def back_to(self, mark: Float64) -> None:
        """Give back what was used since."""
        self._used, self._open = mark, None
