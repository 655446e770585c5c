"""Who is one unit: keys of one person, and who lives together as experiments assigned them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Self

import numpy as np
import pyarrow.parquet as pq

from bandit.checks.keys import customer_key, customer_keys
from bandit.config.household import Household
from bandit.core.types import Array, Bool, UInt64
from bandit.record import served_variables
from bandit.record.waves import Wave
from bandit.sources.merges import Merged


class Homes:
    """The unit of each customer by ``keys`` uint64[n], which rise."""

    def __init__(self, keys: UInt64, units: UInt64) -> None:
        self._keys, self._units = keys, units

    @classmethod
    def of(cls, waves: Sequence[Wave]) -> Self | None:
        """Those of the oldest of ``waves`` that has the customer; None where none assigned any."""
        found = [
            cls.in_wave(wave, served.name)
            for wave in waves
            for served in wave.manifest.experiments
            if served.experiment.household is not None
        ]
        if not found:
            return None
        keys = np.concatenate([homes._keys for homes in found])
        units = np.concatenate([homes._units for homes in found])
        known, first = np.unique(keys, return_index=True)  # the first of equal ones
        return cls(known, units[first])

    @classmethod
    def in_wave(cls, wave: Wave, experiment: str) -> Self:
        """As a wave served them; nobody where it kept none."""
        path = served_variables.units(wave)
        if path is None:
            return cls(np.zeros(0, np.uint64), np.zeros(0, np.uint64))
        column = Household(experiment, "").unit
        table = pq.read_table(path, columns=[served_variables.CUSTOMER, column])
        keys = customer_keys(table[served_variables.CUSTOMER].to_numpy())
        order = np.argsort(keys, kind="stable")
        return cls(keys[order], table[column].to_numpy()[order])

    def whose(self, keys: UInt64) -> UInt64:
        """The unit of each key, uint64[n]; of a key that nobody knows the key itself."""
        at, known = placed(self._keys, keys)
        out = keys.copy()
        out[known] = self._units[at]
        return out

    def eldest(self, keys: UInt64) -> Bool:
        """Whether each key is the smallest of its unit, bool[n]; so is one that nobody knows."""
        first = np.zeros(len(self._keys), np.bool_)
        first[np.unique(self._units, return_index=True)[1]] = True
        at, known = placed(self._keys, keys)
        out = np.ones(len(keys), np.bool_)
        out[known] = first[at]
        return out


class Now:
    """Keys uint64[n] of customers as those of who they are now, by ``people``; ``old`` rise."""

    def __init__(self, people: Merged) -> None:
        pairs = sorted((customer_key(a), customer_key(b)) for a, b in people.person.items())
        self.old = np.array([old for old, _ in pairs], np.uint64)
        self._new = np.array([new for _, new in pairs], np.uint64)

    def of(self, keys: UInt64) -> UInt64:
        """Look them up; a copy where any is another."""
        at, old = placed(self.old, keys)
        if len(at):
            keys = keys.copy()
            keys[old] = self._new[at]
        return keys


class Persons(NamedTuple):
    """The unit of each person of several keys: ``keys`` uint64[p], rising, of who they are now."""

    now: Now
    keys: UInt64
    units: UInt64

    @classmethod
    def of(cls, people: Merged, homes: Homes | None) -> Self:
        """A household of any of their keys is theirs, that of the present one before others'."""
        now = Now(people)
        keys = np.unique(now.of(now.old))
        if homes is None:
            return cls(now, keys, keys)
        units, theirs = homes.whose(keys), homes.whose(now.old)
        place, _ = placed(keys, now.of(now.old))
        for at, old, unit in zip(place.tolist(), now.old, theirs, strict=True):
            if units[at] == keys[at] and unit != old:
                units[at] = unit
        return cls(now, keys, units)


def whose(waves: Sequence[Wave], people: Merged) -> Callable[[UInt64], UInt64] | None:
    """The unit of each of some keys uint64[n]; None where each key is its own.

    What a person came to before and after a merge is one person's, and a household's is one.
    """
    homes = Homes.of(waves)
    if not people.person:
        return None if homes is None else homes.whose
    persons = Persons.of(people, homes)

    def units(keys: UInt64) -> UInt64:
        present = persons.now.of(keys)
        found = present.copy() if homes is None else homes.whose(present)
        at, several = placed(persons.keys, present)
        found[several] = persons.units[at]
        return found

    return units


def placed(known: UInt64, keys: UInt64) -> tuple[Array, Bool]:
    """Where keys stand among ``known`` ones, rising, and which of them do, bool[n]."""
    if not len(known):
        return np.zeros(0, np.int64), np.zeros(len(keys), dtype=np.bool_)
    at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    mine = known[at] == keys
    return at[mine], mine
