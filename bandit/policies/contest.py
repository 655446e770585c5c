"""What a policy may take while prices stay in a box, so that it is drawn once for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bandit.core.types import Array, Bool, Float64, Int32


class Box(NamedTuple):
    """Prices of a contact by each action between ``cheap`` and ``dear`` float64[k]."""

    cheap: Float64
    dear: Float64


class Contest(NamedTuple):
    """n rows: what each takes at any prices of a box, or who competes for it and with what worth.

    ``action`` int32[n] is what a row takes whatever the prices, -1 where that hangs on them (or
    nobody asked); ``firm`` bool[n]: no price would change it, in the box or not. Of the r rows that
    hang on prices, ``rows`` int64[r], the rivals are ``offsets`` int64[r + 1] of ``rivals``
    int32[e], and their ``worth`` float64[e] is before prices.
    """

    action: Int32
    firm: Bool
    rows: Array
    offsets: Array
    rivals: Int32
    worth: Float64

    def at(self, rows: Array, n: int) -> Contest:
        """The same where these are ``rows`` int64[self.n] of n."""
        action, firm = np.full(n, -1, np.int32), np.zeros(n, np.bool_)
        action[rows], firm[rows] = self.action, self.firm
        return self._replace(action=action, firm=firm, rows=rows[self.rows])


def settled(action: Int32, wanted: Bool) -> Contest:
    """Rows ``wanted`` bool[n] take ``action`` int32[n] whatever anything costs."""
    none = np.zeros(0, np.int64)
    taken = np.where(wanted, action, -1).astype(np.int32)
    return Contest(taken, wanted, none, np.zeros(1, np.int64), none.astype(np.int32), np.zeros(0))


def together(parts: Sequence[Contest]) -> Contest:
    """Contests of different rows among the same n as one."""
    sizes = np.concatenate([np.diff(part.offsets) for part in parts])
    return Contest(
        np.max([part.action for part in parts], axis=0),
        np.any([part.firm for part in parts], axis=0),
        np.concatenate([part.rows for part in parts]),
        np.concatenate([[0], np.cumsum(sizes)]),
        np.concatenate([part.rivals for part in parts]),
        np.concatenate([part.worth for part in parts]),
    )
