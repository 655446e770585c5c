"""Beta distributions as tables: what probability lies below a rate, by one lookup.

The table holds F and the product of its slope with the step, on an even grid of rates between the
outermost quantiles (`beta.LIMIT`). A grid of `GRID` is so fine (a fortieth of a deviation) that the
cubic between two places is off by less than 2e-8 where the distribution ends smoothly. Where it
does not (no sales yet, say) it begins like a power of the rate: the quantiles are inverted instead.
"""

from __future__ import annotations

from typing import NamedTuple

from bandit.core.types import Float64, Integer
from bandit.kernels._compile import inline, serial, within
from bandit.kernels.beta.beta import LIMIT, NODES, STEP, cubic, cumulative_at, place_in
from bandit.kernels.stats.normal import cumulative, density

GRID = 512
CORNER = 1e-10
"""A distribution that rises by more in the outermost step of its table ends in a corner."""


class Tables(NamedTuple):
    """Of k actions: `beta.table_into`'s quantiles and slopes, `table_into`'s below."""

    quantiles: Float64
    slopes: Float64
    below: Float64


@serial
def table_into(begin: int, end: int, quantiles: Float64, slopes: Float64, below: Float64) -> None:
    """``below`` float64[k, 2·GRID] of some actions, from their `beta.table_into`."""
    for a in range(begin, end):
        first, step = quantiles[a, 0], (quantiles[a, NODES - 1] - quantiles[a, 0]) / (GRID - 1)
        cell = 0
        for i in range(GRID):
            x = first + i * step
            while cell < NODES - 2 and quantiles[a, cell + 1] <= x:
                cell += 1
            left, right = quantiles[a, cell], quantiles[a, cell + 1]
            rise, last = slopes[a, cell], slopes[a, cell + 1]
            t = place_in(left, right, rise, last, x, 1e-10)
            z = -LIMIT + (cell + t) * STEP
            bend = rise + last - 2.0 * (right - left)
            slope = rise + t * (2.0 * (right - left - rise - bend) + 3.0 * t * bend)
            below[a, 2 * i] = cumulative(z)
            below[a, 2 * i + 1] = step * STEP * density(z) / slope if slope > 0.0 else 0.0


@inline
def _lookup(below: Float64, a: Integer, place: float) -> float:
    """F of action a at a ``place`` of its grid."""
    # So put, what is no number is a place too.
    place = place if place > 0.0 else 0.0
    place = place if place < GRID - 1.0000001 else GRID - 1.0000001
    i = int(place)
    return cubic(
        below[a, 2 * i], below[a, 2 * i + 2], below[a, 2 * i + 1], below[a, 2 * i + 3], place - i
    )


@inline
def has_corner(tables: Tables, a: Integer) -> bool:
    """Whether an end of action a's distribution is one."""
    corner: bool = tables.below[a, 1] > CORNER or tables.below[a, 2 * GRID - 1] > CORNER
    return corner


@within
def below_at(tables: Tables, a: Integer, corner: bool, place: float) -> float:
    """F of action a at a ``place`` of its grid; ``corner`` as `has_corner` tells."""
    if not corner:
        return _lookup(tables.below, a, place)
    first = tables.quantiles[a, 0]
    step = (tables.quantiles[a, NODES - 1] - first) / (GRID - 1)
    return cumulative_at(tables.quantiles, tables.slopes, a, first + place * step)
