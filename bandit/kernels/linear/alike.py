"""Which actions have the same worth for a customer: those that nobody has seen, of one price."""

from __future__ import annotations

import math

import numpy as np

from bandit.core.types import Float64, Int32, Int64, Integer
from bandit.kernels._compile import natural, within


def table_size(k: int) -> int:
    """Places for k actions of which at most half are taken, a power of two."""
    return 1 << (2 * max(k, 1) - 1).bit_length()


@within
def _first_place(kind: Integer, value: float, cost: float, size: Integer) -> Integer:
    """Where to look first, in any unit; a bad spread costs time and nothing else."""
    v, power = math.frexp(value)
    c, other = math.frexp(cost)
    spread = 517.13 * v + 7919.7 * c + 0.7548776662 * (power - other) + 0.6180339887 * kind
    spread -= np.floor(spread)
    return np.int64(spread * size) if 0.0 <= spread < 1.0 else np.int64(0)


@within
def alike_into(
    kinds: Int32, values: Float64, costs: Float64, row: Integer, alike: Int64, table: Int64
) -> None:
    """``alike`` int64[k]: of each action the first of the same kind, value and cost to a customer.

    ``kinds`` int32[k] is the same for actions of the same moments; ``values``, ``costs`` float64
    [1 or n, k] are everybody's or those of ``row``; ``table`` int64[`table_size`] is scratch.
    """
    k, size = kinds.size, table.size
    value_line = natural(row if values.shape[0] > 1 else 0)
    cost_line = natural(row if costs.shape[0] > 1 else 0)
    for place in range(size):
        table[place] = -1
    for a in range(k):
        kind, value, cost = kinds[a], values[value_line, a], costs[cost_line, a]
        at: Integer = _first_place(kind, value, cost, size)
        while table[at] >= 0:
            b = table[at]
            if kinds[b] == kind and values[value_line, b] == value and costs[cost_line, b] == cost:
                break
            at = (at + 1) & (size - 1)
        if table[at] < 0:
            table[at] = a
        alike[a] = table[at]
