"""All that a judged row's customer was given in its wave: every slot of every placement."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np

from bandit.core.types import Array, Bool, Float64


class Slates(NamedTuple):
    """The further rows of n judged ones, m in all.

    ``of`` int64[m] is the judged row that each belongs to; ``action`` int32[m] and ``eligible``
    bool[m, k] are those of the slot, given the slots before. ``propensity`` float64[n] is that of
    everything that the customer got there, the judged row included, given that they are not held
    out: the slots' own, multiplied (docs/adr/0001). NaN where a contact of theirs was withheld.
    """

    of: Array
    action: Array
    eligible: Bool
    propensity: Float64

    @classmethod
    def alone(cls, propensity: Float64, k: int) -> Self:
        """Of a log whose customers got one slot each."""
        none = np.zeros(0, np.int64)
        return cls(none, none, np.zeros((0, k), np.bool_), propensity)

    @classmethod
    def joined(cls, parts: list[Self]) -> Self:
        """Of several waves, one after the other."""
        before = np.cumsum([0, *(len(p.propensity) for p in parts)])
        return cls(
            np.concatenate([p.of + start for p, start in zip(parts, before, strict=False)]),
            np.concatenate([p.action for p in parts]),
            np.concatenate([p.eligible for p in parts]),
            np.concatenate([p.propensity for p in parts]),
        )

    def take(self, rows: Array) -> Self:
        """Of some of the judged rows, in their new order."""
        place = np.full(len(self.propensity), -1, np.int64)
        place[rows] = np.arange(len(rows))
        kept = place[self.of] >= 0
        return self._replace(
            of=place[self.of[kept]],
            action=self.action[kept],
            eligible=self.eligible[kept],
            propensity=self.propensity[rows],
        )
