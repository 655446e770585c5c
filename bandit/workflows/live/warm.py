"""Kernels are compiled or loaded before the first request, not by it."""

from __future__ import annotations

from bandit.workflows.live.desk import Desk
from bandit.workflows.serve.decide import fill

CUSTOMERS = 64
"""Enough that holdout, exploration and every policy decide for some of them."""


def warm(desk: Desk) -> None:
    """Decide for some customers at every placement; nothing is written down."""
    people = desk.generation.customers
    for position in range(min(CUSTOMERS, len(people.keys))):
        row = desk.situation.row(people.ids[position].as_py(), position, ())
        for _ in fill(desk.generation.wave, desk.situation.ready(row, position)):
            pass
