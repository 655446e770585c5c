"""Metrics whose events hardly ever occurred: limits of counts, or none."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from bandit.core.types import Bool, Float64
from bandit.experiments.comparison import Comparison

LEAST = 10
"""Customers with a value other than 0, in both arms together, from which a normal speaks."""


def of_few(
    one: Comparison, values: Float64, treated: Bool, *, alone: bool, confidence: float
) -> Comparison:
    """The comparison with limits that fewer than `LEAST` values other than 0 can hold up.

    Without any its standard error is 0, and an interval of no width would show what nobody knows.
    Where each of ``values`` float64[n] is 0 or 1, of units ``alone``, an arm's count is Poisson's
    at most (a binomial is narrower), and the difference lies between the exact limits of both, each
    at a quarter of what the interval misses (Garwood 1936). Otherwise nothing is bounded.
    """
    some = values != 0.0
    if some.sum() >= LEAST:
        return one
    lower, upper = -math.inf, math.inf
    if alone and np.isin(values, (0.0, 1.0)).all():
        each = 0.25 * (1.0 - confidence)
        sides = [(int((some & side).sum()), int(side.sum())) for side in (treated, ~treated)]
        (least, most), (under, over) = (
            (_limit(count, 1.0 - each) / n, min(1.0, _limit(count + 1, each) / n))
            for count, n in sides
        )
        lower, upper = least - over, most - under
    return replace(one, lower=lower, upper=upper, relative_lower=-math.inf, relative_upper=math.inf)


def unknown(one: Comparison) -> Comparison:
    """The comparison as nothing is known of it: what was seen, with no bounds."""
    return replace(
        one, lower=-math.inf, upper=math.inf, relative_lower=-math.inf, relative_upper=math.inf,
        p_value=1.0, standard_error=math.inf,
    )  # fmt: skip


def _limit(count: int, chance: float) -> float:
    """The mean m of which fewer than ``count`` events occur with that chance; 0 of none.

    P(X < count; m) = Σ_{i<count} e^{-m} m^i / i! falls in m: found by halves.
    """
    if count == 0:
        return 0.0
    low, high = 0.0, count + 20.0 - 4.0 * math.log(min(chance, 1.0 - chance))
    for _ in range(80):
        middle = 0.5 * (low + high)
        fewer = math.exp(-middle) * sum(middle**i / math.factorial(i) for i in range(count))
        low, high = (middle, high) if fewer > chance else (low, middle)
    return 0.5 * (low + high)
