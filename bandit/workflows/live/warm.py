"""Kernels are compiled or loaded before the first request, not by it."""

from __future__ import annotations

from bandit.workflows.live.book import Book
from bandit.workflows.live.generation import Generation
from bandit.workflows.live.situation import Situation
from bandit.workflows.serve.decide import fill

CUSTOMERS = 64
"""Enough that holdout, exploration and every policy decide for some of them."""


def warm(generation: Generation, book: Book) -> None:
    """Decide for some customers at every placement; nothing is written down."""
    situation, people = Situation(generation, book), generation.customers
    for position in range(min(CUSTOMERS, len(people.keys))):
        row = situation.row(people.ids[position].as_py(), position, ())
        for _ in fill(generation.wave, situation.ready(row, position)):
            pass
