"""Kernels are compiled or loaded before the first request, not by it."""

from __future__ import annotations

from bandit.workflows.live.answers import Teller
from bandit.workflows.live.book import Book
from bandit.workflows.live.generation import Generation
from bandit.workflows.live.situation import Present, Situation
from bandit.workflows.serve.decide import fill
from bandit.workflows.serve.expected import Expected

CUSTOMERS = 64
"""Enough that holdout, exploration and every policy decide for some of them."""


def warm(generation: Generation) -> None:
    """Decide for some customers at every placement, and say so; nothing is written down.

    As if nothing was known of them: the book is the requests', and this may be another thread.
    """
    known, wave = generation.customers, generation.wave
    situation = Situation(generation, Book(wave.run.campaign.folder))
    teller = Teller(wave, Expected(wave))
    slots = {place.name: place.slots for place in wave.plan.placements}
    some = range(min(CUSTOMERS, len(known.keys)))
    people = [Present(known.ids[position].as_py(), position, ()) for position in some]
    for together in (people, *([one] for one in people)):
        if together:
            ready = situation.ready(together)
            teller.placed(list(fill(wave, ready)), ready, slots)
