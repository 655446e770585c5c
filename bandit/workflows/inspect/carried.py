"""What a customer's basket lacks, and the purchases that say so, as of a past wave."""

from __future__ import annotations

import numpy as np

from bandit.core.errors import BanditError
from bandit.core.types import Array
from bandit.features import ranks
from bandit.features.score_layout import products_of
from bandit.features.spec import Column
from bandit.results.basket import Gap, Item
from bandit.sources import basket, database
from bandit.sources.basket import Carried
from bandit.sources.columns import key_type
from bandit.workflows.serve.wave import Wave

MOST_ITEMS = 5


def of(wave: Wave, customer: str, context: Array) -> tuple[list[Gap], list[str]]:
    """The gap of each product that an offer names, the largest first, and notes.

    Asked of what the purchases say today of the time before the wave; a note says where that is not
    what the decision was made of, ``context`` float32[d], or can no longer be asked.
    """
    campaign, offers = wave.run.campaign, wave.catalogue.offers
    if campaign.basket is None:
        return [], []
    alone = campaign.model_copy(
        update={"offer": offers, "offers": None, "variables": {}, "segment": ()}
    )
    try:
        with database.connect(alone, roles=("customers",), at=wave.run.at) as data:
            gaps, key = data.table("customers").gaps, key_type(data, alone)
            found = basket.carried(data, alone, gaps, key, customer)
    except BanditError as e:
        return [], [f"what was bought before the wave cannot be asked: {str(e).splitlines()[0]}"]
    naming = products_of(campaign.basket, wave.catalogue)
    shown = [
        Gap(
            product=one.product,
            offers=[offer for offer, product in naming.items() if product == one.product],
            gap=one.gap,
            held=one.held,
            bought=one.bought,
            items=[Item(name, part) for name, part in one.items[:MOST_ITEMS]],
        )
        for one in sorted(found, key=lambda o: (o.gap is None, -(o.gap or 0.0), o.product))
    ]
    by = {one.product: one for one in found}
    same = all(
        _same(column, by.get(column.product or ""), context[list(places)])
        for column, places in wave.start.spec.scored
        if column.product in by
    )
    changed = "the purchases tell of other gaps today than this wave saw: rows came late or changed"
    return shown, [] if same else [changed]


def _same(column: Column, one: Carried | None, served: Array) -> bool:
    """Whether a gap has the terms that were served."""
    gap = None if one is None else one.gap
    if gap is None:
        return bool((served[:2] == 0.0).all())
    place = ranks.bins(column.cuts or (), np.array([gap]))[0]
    return bool((np.array((column.terms or ())[place], np.float32) == served[:2]).all())
