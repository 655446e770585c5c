"""Some customers at a time: their values as a table, or what the table would be made of."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit.core.types import Array, Bool
from bandit.kernels.allocation import linear_contenders
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
