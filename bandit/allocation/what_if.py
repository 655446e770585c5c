"""What a limit is worth: value against capacity."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bandit.allocation.nested import Blocks, at_share, find, refine
from bandit.allocation.problem import check_problem, sides
from bandit.core.errors import DataError


class Point(NamedTuple):
    """One row of the table, scaled to everybody.

    ``value`` is the dual value: the best that any allocation could reach at this ``limit``;
    ``price`` what one more unit would be worth there; ``used`` how much of it is taken, never
    more than there is: near ties at the prices are settled within it.
    """

    limit: float
    value: float
    price: float
    used: float


def what_if(
    blocks: Blocks,
    customers: int,
    usage: npt.ArrayLike,
    limits: npt.ArrayLike,
    resource: int,
    levels: npt.ArrayLike,
    *,
    minimums: npt.ArrayLike | None = None,
    slots: int = 1,
    exclusive: npt.ArrayLike | None = None,
    share: float = 1.0,
) -> list[Point]:
    """Value, price and use at each level float[p] of one resource's limit, the others as given.

    Each point starts from its neighbour's prices. A `share` of the customers below 1 makes an
    estimate from that sample, in a time that is the sample's.

    Raises
    ------
    DataError
        As in `bandit.allocation.solve`, or the resource does not exist or a level is infinite.
    """
    given = np.asarray(levels, np.float64)
    caps = np.array(limits, np.float64)
    if not 0 <= resource < len(caps):
        raise DataError(f"resource must lie in 0..{len(caps) - 1}, it is {resource}")
    if not np.isfinite(given).all():
        raise DataError(f"levels of a limit must be finite, they are {given.tolist()}")
    points: dict[float, Point] = {}
    found = None
    for level in np.sort(given)[::-1]:
        caps[resource] = level
        problem = check_problem(usage, caps, minimums, exclusive, slots)
        inequalities = sides(problem)
        if found is None:
            found = find(blocks, customers, problem, [share])
        else:
            found = refine(found, at_share(inequalities, share))
        ascent = found.ascent
        price = inequalities.prices(ascent.multipliers, len(caps))[resource]
        used = float(ascent.usage @ (inequalities.resource == resource)) / share
        points[float(level)] = Point(
            float(level), ascent.dual / share, float(price), min(used, float(level))
        )
    return [points[float(level)] for level in given]
