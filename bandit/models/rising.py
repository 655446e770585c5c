"""Moments whose expected response rises along chains of actions: depths of one offer.

Each customer's means are moved by the least that makes them rise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from bandit.core.types import Array, Float64, Int64
from bandit.kernels.linear.isotonic import lifts_into
from bandit.kernels.linear.link import IDENTITY
from bandit.kernels.threads import spread
from bandit.models.moved import GRAIN, Moved, forms, lifts_of


class Response(NamedTuple):
    """What must rise: ``g(xᵀ mean_a)``, of which a unit is ``weight`` units of the score, [k]."""

    mean: Float64
    weight: Float64
    link: int = IDENTITY


@dataclass(frozen=True, eq=False)
class Rising(Moved):
    """``inner`` with lifts: ``chain`` int64[m] actions, ``start`` int64[c + 1] of each chain."""

    responses: tuple[Response, ...]
    chain: Int64
    start: Int64

    def lifts(self, contexts: Array) -> Float64:
        """Those of the inner model, and what makes its expected responses rise."""
        n = len(contexts)
        out = lifts_of(self.inner, contexts)
        narrow, broad = forms(contexts)
        room = np.empty((n, 3, len(self.chain)))
        for response in self.responses:
            spread(
                lifts_into, n, GRAIN, narrow, broad, response.mean, response.link, self.chain,
                self.start, response.weight, room, out,
            )  # fmt: skip
        return out

    def lifts_at(self, contexts: Array, action: Array) -> Float64:
        """Of a row whose action is in no chain the inner model's."""
        if not isinstance(self.inner, Moved):
            found = np.zeros(len(action))
        else:
            found = self.inner.lifts_at(contexts, action)
        rises = np.isin(action, self.chain)
        found[rises] = super().lifts_at(contexts[rises], action[rises])
        return found
