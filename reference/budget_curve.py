"""What a budget brings, person by person, from the formula in `bandit.stats.budgets`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any


def reached(costs: Sequence[float], budget: float) -> list[float]:
    """The part of each person that is contacted, in order, until the budget is spent."""
    found, left = [], budget
    for cost in costs:
        if cost == 0.0:
            found.append(1.0 if left >= 0.0 else 0.0)
            continue
        part = min(max(left / cost, 0.0), 1.0)
        found.append(part)
        left -= cost
    return found


def area(costs: Sequence[float], steps: int = 20_000) -> list[float]:
    """The part of each less that of a random order, averaged over budgets up to the whole."""
    whole, found = sum(costs), [0.0] * len(costs)
    for step in range(steps):
        share = (step + 0.5) / steps
        for i, part in enumerate(reached(costs, share * whole)):
            found[i] += (part - share) / steps
    return found


def gain(people: Sequence[dict[str, Any]], shares: Sequence[float]) -> tuple[float, float]:
    """Total and standard error; a person is a row, those of one ``key`` are one unit.

    A person has ``taken`` (1: the own action, 0: no contact, None: another), its ``propensity``,
    ``came``, and what was ``expected`` of both, (no contact, own action).
    """
    n = len(people)
    parts = [h * (p["expected"][1] - p["expected"][0]) for p, h in zip(people, shares, strict=True)]
    total = sum(parts)
    for side, sign in ((1, 1.0), (0, -1.0)):
        weights = [1.0 / p["propensity"] if p["taken"] == side else 0.0 for p in people]
        scale = n / sum(weights)
        terms = [
            h * w * (p["came"] - p["expected"][side])
            for p, h, w in zip(people, shares, weights, strict=True)
        ]
        whole = scale * sum(terms)
        total += sign * whole
        for i, (term, w) in enumerate(zip(terms, weights, strict=True)):
            parts[i] += sign * (scale * term - whole / n * (scale * w - 1.0))
    middle = sum(parts) / n
    units: dict[Any, float] = defaultdict(float)
    for p, part in zip(people, parts, strict=True):
        units[p["key"]] += part - middle
    return total, sum(u * u for u in units.values()) ** 0.5
