"""Which features of a context each action has coefficients on: all but other offers' scores."""

from __future__ import annotations

import numpy as np

from bandit.core.actions import ActionSpace
from bandit.features.spec import FeatureSpec
from bandit.models.owned import Layout

TERMS = 2
"""Of a score's features the first two rise with it; the third says that it is missing."""
WIDTH = TERMS + 1


def layout(spec: FeatureSpec, space: ActionSpace) -> Layout | None:
    """The coordinates of the actions of ``space``; None where there are no scores.

    An offer's first score has the first slots, its second the next, in the order of the
    configuration: what scores are worth is pooled over offers slot by slot.
    """
    if not spec.scored:
        return None
    common = spec.n_features - sum(len(places) for _, places in spec.scored)
    of = {
        offer: [places for column, places in spec.scored if offer in (column.offers or ())]
        for offer, _ in space.pairs
    }
    most = max(map(len, of.values()), default=0)
    table = np.full((len(space), common + WIDTH * most), -1, np.int64)
    table[:, :common] = np.arange(common)
    for a, (offer, _) in enumerate(space.pairs, 1):
        for i, places in enumerate(of[offer]):
            first = common + WIDTH * i
            table[a, first : first + len(places)] = places
    rising = np.arange(table.shape[1]) - common
    used = (table >= 0).any(axis=0)
    return Layout(table[:, used], common, ((rising >= 0) & (rising % WIDTH < TERMS))[used])
