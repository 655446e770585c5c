"""Which features of a context each action has coefficients on: all but other offers' scores."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from bandit.config.basket import Basket, named
from bandit.core.actions import ActionSpace
from bandit.features.spec import FeatureSpec
from bandit.models.owned import Layout
from bandit.sources.catalogue import Catalogue

TERMS = 2
"""Of a score's features the first two rise with it; the third says that it is missing."""
WIDTH = TERMS + 1


def products_of(basket: Basket | None, catalogue: Catalogue) -> dict[str, str]:
    """The product of each offer that names one."""
    if basket is None:
        return {}
    column = basket.offer_column
    return {o.name: named(o.features[column]) for o in catalogue.offers if column in o.features}


def layout(
    spec: FeatureSpec, space: ActionSpace, products: Mapping[str, str] = MappingProxyType({})
) -> Layout | None:
    """The coordinates of the actions of ``space``; None where there are no scores and no gaps.

    An offer's first score has the first slots, its second the next, in the order of the
    configuration: what scores are worth is pooled over offers slot by slot. The gap of the offer's
    product, of ``products`` by offer, has the last slots: what is lacking may be wanted, or may be
    no need, so it may rise or fall.
    """
    if not spec.scored:
        return None
    common = spec.n_features - sum(len(places) for _, places in spec.scored)
    gaps = {c.product: places for c, places in spec.scored if c.product is not None}
    of = {
        offer: [places for column, places in spec.scored if offer in (column.offers or ())]
        for offer, _ in space.pairs
    }
    most = max(map(len, of.values()), default=0)
    last = common + WIDTH * most
    table = np.full((len(space), last + WIDTH), -1, np.int64)
    table[:, :common] = np.arange(common)
    for a, (offer, _) in enumerate(space.pairs, 1):
        for i, places in enumerate(of[offer]):
            first = common + WIDTH * i
            table[a, first : first + len(places)] = places
        places = gaps.get(products.get(offer, ""), ())
        table[a, last : last + len(places)] = places
    slot = np.arange(table.shape[1]) - common
    used = (table >= 0).any(axis=0)
    rising = (slot >= 0) & (slot < WIDTH * most) & (slot % WIDTH < TERMS)
    return Layout(table[:, used], common, rising[used])
