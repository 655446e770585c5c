"""Twin of how prices of limits move in a day, from the formula, one limit at a time."""

from __future__ import annotations

import math

STEP, KEPT = 2.0, 0.5


def planned(hours: list[float], elapsed: float) -> float:
    """The part of a day's plan that lies before so many hours of it; its last hour goes on."""
    total, h = 0.0, 0
    while h + 1 <= elapsed:
        total += hours[min(h, 23)]
        h += 1
    return total + (elapsed - h) * hours[min(h, 23)]


def step(
    price: float,
    squares: float,
    *,
    most: float,
    before: float,
    used: float,
    deaf: float,
    heeding: float,
    part: float,
    epochs: float,
    unit: float,
    spread: float,
    least: float,
    highest: float,
) -> tuple[float, float]:
    """The next price and sum of squares; ``before``: what was used up to the last step.

    ``part`` of the plan for the rest of the day falls into the time since.
    """
    plan = max(most - before, 0.0) * part
    error = used - max(plan, deaf + KEPT * heeding * plan)
    squares += error**2 / epochs
    scale = math.sqrt(unit * most + squares)
    moved = price + (STEP * spread * error / scale if scale > 0.0 else 0.0)
    return max(min(moved, max(highest, price)), least), squares
