"""Rejection inside one wave of a logged campaign: which rows the replayed policy may keep.

Li, Chu, Langford, Wang (2011), Unbiased offline evaluation of contextual-bandit-based news article
recommendation algorithms, algorithm 2, for a uniform log. Where propensities differ, a match is
kept with probability floor/p: what remains is distributed as if all had been logged at the floor
(Mandel, Liu, Brunskill, Popović 2016, Offline evaluation of online reinforcement learning).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bandit.kernels._compile import serial
from bandit.kernels.keyed_random import cell, row_key, unit
from bandit.types import Float64, Int32, UInt64


@serial
def matches_into(
    chosen: Int32,
    logged: Int32,
    propensities: Float64,
    floor: float,
    stream: np.uint64,
    keys: UInt64,
    out: npt.NDArray[np.int64],
) -> int:
    """Fill ``out`` with the rows kept, and return how many; all arrays [n].

    ``floor`` 0 keeps every match (its weight then is 1/p); otherwise a match is kept with
    probability min(1, floor/p), drawn by the row's key.
    """
    count = 0
    for i in range(chosen.size):
        if chosen[i] != logged[i]:
            continue
        if floor > 0.0 and propensities[i] > floor:
            draw = unit(cell(row_key(stream, keys[i]), np.uint64(0)))
            if draw * propensities[i] >= floor:
                continue
        out[count] = i
        count += 1
    return count
