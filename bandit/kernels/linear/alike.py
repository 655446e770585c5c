"""Which actions have the same worth for everybody: those that nobody has seen, of one price."""

from __future__ import annotations

import numpy as np

from bandit.core.types import Float64, Int32, Int64, Integer
from bandit.kernels._compile import within


def table_size(k: int) -> int:
    """Places for k actions of which at most half are taken, a power of two."""
    return 1 << (2 * max(k, 1) - 1).bit_length()


@within
def _first_place(kind: Integer, value: float, cost: float, size: Integer) -> Integer:
    """Where to look first; a bad spread costs time and nothing else."""
    spread = 517.13 * value + 7919.7 * cost + 0.6180339887 * kind
    spread -= np.floor(spread)
    return np.int64(spread * size) if 0.0 <= spread < 1.0 else np.int64(0)


@within
def alike_into(kinds: Int32, values: Float64, costs: Float64, alike: Int64, table: Int64) -> bool:
    """``alike`` int64[k]: of each action the first of the same kind, value and cost.

    ``kinds`` int32[k] is the same for actions of the same moments, or empty where no two have them;
    ``values``, ``costs`` float64[1 or n, k]; ``table`` int64[`table_size`] is scratch. False, and
    nothing done, where all differ surely, or prices are each customer's own.
    """
    k, size = kinds.size, table.size
    if k == 0 or values.shape[0] > 1 or costs.shape[0] > 1:
        return False
    total = 0.0
    for a in range(k):
        total += abs(values[0, a]) + abs(costs[0, a])
    unit = k / total if total > 0.0 else 1.0
    for place in range(size):
        table[place] = -1
    for a in range(k):
        kind, value, cost = kinds[a], values[0, a], costs[0, a]
        at: Integer = _first_place(kind, unit * value, unit * cost, size)
        while table[at] >= 0:
            b = table[at]
            if kinds[b] == kind and values[0, b] == value and costs[0, b] == cost:
                break
            at = (at + 1) & (size - 1)
        if table[at] < 0:
            table[at] = a
        alike[a] = table[at]
    return True
