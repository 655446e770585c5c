"""Who lives together, as experiments of households assigned them: read of the waves' units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
import pyarrow.parquet as pq

from bandit.checks.keys import customer_keys
from bandit.config.household import Household
from bandit.core.types import Array, Bool, UInt64
from bandit.record import served_variables
from bandit.record.waves import Wave


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


def placed(known: UInt64, keys: UInt64) -> tuple[Array, Bool]:
    """Where keys stand among ``known`` ones, rising, and which of them do, bool[n]."""
    if not len(known):
        return np.zeros(0, np.int64), np.zeros(len(keys), dtype=np.bool_)
    at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    mine = known[at] == keys
    return at[mine], mine
