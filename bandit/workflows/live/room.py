"""What the limits leave: an action that would pass one is closed before the draw, never after.

Where experiments' arms have parts of the limits, each population has its own beside the whole: an
arm closes an action when its part is used up, and everybody does when the whole is. Parts add up to
the whole, which binds first only on a day that had begun before the parts were made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from bandit.core.types import Array, Bool, Float64
from bandit.workflows.serve import limits
from bandit.workflows.serve.limits import Limits

_ROUNDING = 1e-9
"""Of sums of costs against a budget, as a share of it."""
ALL, REST = "everybody", "everybody else"


class Rooms:
    """Of one day; ``used`` so far by the limits' names, and by "limit of population".

    ``apart`` are the arms with parts, and ``customers`` int64[p] how many each population has,
    everybody else first.
    """

    def __init__(
        self, whole: Limits, apart: Sequence[str], customers: Array, used: Counter[str]
    ) -> None:
        self._whole = _Pool(whole, used)
        self._parts: list[_Pool] = []
        if apart:
            for name, part in zip((REST, *apart), limits.split(whole, customers), strict=True):
                names = tuple(part_of(limit, name, (REST, *apart)) for limit in part.names)
                self._parts.append(_Pool(part._replace(names=names), used))

    def of(self, population: int) -> Room:
        """The room of a population's members."""
        return Room([self._whole, *self._parts[population : population + 1]])


class _Pool:
    """A whole or a part, and what of it is used."""

    def __init__(self, limits: Limits, used: Counter[str]) -> None:
        self.limits = limits
        self.used = np.array([used[name] for name in limits.names])
        self._open: Bool | None = None

    def left(self) -> Bool:
        """Actions bool[k] that pass no limit."""
        if self._open is None:
            most, usage = self.limits.most, self.limits.usage
            fits = self.used + usage <= most + _ROUNDING * np.where(np.isfinite(most), most, 0.0)
            self._open = (fits | (usage == 0.0)).all(axis=1)
        return self._open

    def now(self, used: Float64) -> None:
        """From now on so much is used."""
        self.used, self._open = used, None


class Room:
    """What a customer finds: what all of these pools leave."""

    def __init__(self, pools: Sequence[_Pool]) -> None:
        self._pools = pools

    def left(self) -> Bool:
        """Actions bool[k] that pass no limit."""
        first, *rest = (pool.left() for pool in self._pools)
        return first & rest[0] if rest else first

    def leaves(self, actions: Bool) -> bool:
        """Whether these bool[k] are what is left."""
        left = self.left()
        return left is actions or np.array_equal(left, actions)

    def use(self, action: int) -> dict[str, float]:
        """Take what an action uses; how much of each limit."""
        taken: dict[str, float] = {}
        for pool in self._pools:
            usage = pool.limits.usage[action]
            if usage.any():
                pool.now(pool.used + usage)
                named = zip(pool.limits.names, usage.tolist(), strict=True)
                taken |= {name: amount for name, amount in named if amount}
        return taken

    def mark(self) -> list[Float64]:
        """What is used by now, for `back_to`."""
        return [pool.used for pool in self._pools]

    def back_to(self, mark: Sequence[Float64]) -> None:
        """Give back what was used since."""
        for pool, used in zip(self._pools, mark, strict=True):
            pool.now(used)


def part_of(limit: str, name: str, populations: Sequence[str]) -> str:
    """What the use of a population's part of a limit is called, its own name where all share it."""
    return limit if len(populations) == 1 else f"{limit} of {name}"
