"""Some customers at a time: their values as a table, or what the table would be made of."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from bandit.core.types import Array, Bool, Float64
from bandit.kernels.allocation import curved_contenders, linear_contenders
from bandit.kernels.allocation.curved_contenders import Means
from bandit.kernels.linear import curves
from bandit.kernels.threads import spread


class Block(NamedTuple):
    """Some customers: values float32 or float64[b, k], eligible bool[b, k] or None for all."""

    values: Array
    eligible: Bool | None = None


class Linear(NamedTuple):
    """Some customers by what their values are made of; a `Block` whose table need not be there.

    The value of action a is ``factors·(x·θ_a) − costs``, less that of action 0, for ``contexts``
    float32[b, d]; ``panels`` are θ packed for products, ``factors`` float32[1 or b, k], ``costs``
    float32[k padded to 16]. ``mask`` bool[b, k], ``awake`` bool[b] and ``opened`` bool[k] together
    say what is eligible.
    """

    contexts: Array
    panels: Array
    factors: Array
    costs: Array
    mask: Bool
    awake: Bool
    opened: Bool

    def contenders_into(self, first: int, last: int, *listing: Any) -> None:
        """List whoever may win, as `linear_contenders.contenders_into`."""
        linear_contenders.contenders_into(
            first, last, self.contexts, self.panels, self.factors, self.costs,
            self.mask.view(np.uint8), self.awake, *listing,
        )  # fmt: skip

    @property
    def values(self) -> Array:
        """The table, float32[b, k]."""
        n, k = self.mask.shape
        out = np.empty((n, k), np.float32)
        made_of = (self.contexts, self.panels, self.factors, self.costs)
        spread(linear_contenders.worths_into, n, linear_contenders.BLOCK, *made_of, out)
        return out

    @property
    def eligible(self) -> Bool:
        """bool[b, k]."""
        allowed: Bool = self.mask & self.opened & self.awake[:, None]
        return allowed


class Bent(NamedTuple):
    """As `Linear`, its means ``x·θ_a`` gone through curves.

    ``factors`` float32[1 or b, k], ``costs`` float64[k].
    """

    contexts: Array
    means: Means
    factors: Array
    costs: Float64
    mask: Bool
    awake: Bool
    opened: Bool

    def rows(self, first: int, last: int) -> Bent:
        """Customers first to last, viewed."""
        return self._replace(
            contexts=self.contexts[first:last],
            factors=self.factors if len(self.factors) == 1 else self.factors[first:last],
            mask=self.mask[first:last],
            awake=self.awake[first:last],
        )

    def contenders_into(self, first: int, last: int, *listing: Any) -> None:
        """List whoever may win, as `curved_contenders.contenders_into`."""
        curved_contenders.contenders_into(
            first, last, self.contexts, self.means, self.factors, self.costs,
            self.mask.view(np.uint8), self.awake, *listing,
        )  # fmt: skip

    @property
    def values(self) -> Float64:
        """The table, float64[b, k]."""
        (n, d), grain = self.contexts.shape, linear_contenders.BLOCK
        out, rooms = np.empty(self.mask.shape), curves.empty_rooms(n, d, grain)
        spread(
            curves.lifts_into, n, grain, self.contexts, np.zeros((0, 1)), *self.means.table,
            grain, rooms, out,
        )  # fmt: skip
        out *= self.factors
        out -= self.costs
        out -= out[:, :1].copy()
        return out

    @property
    def eligible(self) -> Bool:
        """bool[b, k]."""
        allowed: Bool = self.mask & self.opened & self.awake[:, None]
        return allowed


AnyBlock = Block | Linear | Bent
