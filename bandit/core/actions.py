"""The actions of a catalogue, a snapshot or a log: their names, their numbers, and both aligned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import SupportsIndex

import numpy as np

from bandit.core.errors import DataError
from bandit.core.problems import nearest
from bandit.core.types import Array, Bool, Int32

PEACE = "no contact"
ABSENT = -1
"""Position of an action that the other space does not have."""

Pair = tuple[str, str]
"""An offer and the channel that it goes through."""


class ActionSpace:
    """k actions by name, in the order of their numbers; two of one order are equal.

    An action of a campaign is called "offer/channel", and action 0 "no contact".

    Parameters
    ----------
    names
        Each once; DataError otherwise.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(str(name) for name in names)
        if len(self._number) < len(self.names):
            twice = next(n for a, n in enumerate(self.names) if self._number[n] != a)
            raise DataError(f"action {twice!r} stands twice; an action has one number")

    @classmethod
    def of_pairs(cls, pairs: Iterable[Sequence[str]]) -> ActionSpace:
        """No contact, then the (offer, channel) pairs."""
        return cls([PEACE, *(f"{offer}/{channel}" for offer, channel in pairs)])

    @cached_property
    def _number(self) -> dict[str, int]:
        return {name: a for a, name in enumerate(self.names)}

    @cached_property
    def pairs(self) -> tuple[Pair, ...]:
        """(offer, channel) of actions 1, 2, …; the channel is empty where a name has none."""
        split = (name.partition("/") for name in self.names[1:])
        return tuple((offer, channel) for offer, _, channel in split)

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __getitem__(self, action: SupportsIndex) -> str:
        return self.names[action]

    def __contains__(self, name: object) -> bool:
        return name in self._number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ActionSpace) and self.names == other.names

    def __hash__(self) -> int:
        return hash(self.names)

    def __repr__(self) -> str:
        return f"ActionSpace({list(self.names)!r})"

    def position(self, name: str) -> int:
        """The number of an action, ABSENT where there is none such."""
        return self._number.get(name, ABSENT)

    def index(self, name: str) -> int:
        """The number of an action; DataError names the nearest one where there is none such."""
        found = self.position(name)
        if found == ABSENT:
            raise DataError(f"{name!r} is no action{nearest(name, self.names)}")
        return found

    def indices(self, names: Iterable[str]) -> Int32:
        """Numbers of many actions, int32[n]; DataError names the first that is none."""
        return np.array([self.index(name) for name in names], dtype=np.int32)

    def union(self, *others: ActionSpace) -> ActionSpace:
        """These actions, then those of ``others`` that are new, in their order."""
        spaces = (self, *others)
        return ActionSpace(dict.fromkeys(name for space in spaces for name in space.names))

    def positions_in(self, other: ActionSpace) -> Int32:
        """Where each of these actions stands in ``other``, int32[k]; ABSENT where it does not."""
        return np.array([other.position(name) for name in self.names], dtype=np.int32)

    def align(self, values: Array, other: ActionSpace, fill: object = 0) -> Array:
        """``values`` [k, …] of these actions as ``other`` has them, ``fill`` for those not here."""
        to = self.positions_in(other)
        there = to != ABSENT
        out = np.full((len(other), *values.shape[1:]), fill, dtype=values.dtype)
        out[to[there]] = values[there]
        return out

    def unpack(self, bits: Array) -> Bool:
        """Sets of actions, bool[n, k], of uint8[n, ⌈k/8⌉], a bit an action, the lowest first."""
        found: Bool = np.unpackbits(bits, axis=1, count=len(self), bitorder="little").view(np.bool_)
        return found
