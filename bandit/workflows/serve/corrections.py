"""How prices are corrected: how far use is off, and between which of those tried the right lie."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit.core.types import Bool, Float64
from bandit.workflows.serve.limits import Limits

MOST_LEFT = 0.75
MOST_STEP = 4.0
# Standard deviations of a count of independent draws: below it a hard cap is seldom met.
MARGIN = 2.0
NEGLIGIBLE = 1e-6
UNMOVED = 0.01
EDGE = 0.1


class Margin(NamedTuple):
    """How far below a limit the use that is measured on a share of the customers should lie."""

    limits: Limits
    capped: Bool
    per_unit: Float64

    @classmethod
    def of(cls, limits: Limits, share: float) -> Margin:
        """The wave's draws scatter, and what is measured does by 1 / share as much."""
        per_unit = MARGIN**2 * limits.usage.max(axis=0) * (1.0 + 1.0 / share)
        return cls(limits, np.isfinite(limits.most), per_unit)

    def aim(self) -> Float64:
        """What use should be where a limit is used up: it and its margin together, float64[m]."""
        most = np.where(self.capped, self.limits.most, 0.0)
        wide = self.per_unit
        use = ((np.sqrt(wide + 4.0 * most) - np.sqrt(wide)) / 2.0) ** 2
        return np.where(self.capped, use, np.inf)

    def off(self, used: Float64, prices: Float64) -> Float64:
        """By which part of a limit its use is off where its price could mend it, else 0.

        That is above, below at a price, or below a minimum.
        """
        wide = np.sqrt(used * self.per_unit)
        most, least = np.where(self.capped, self.limits.most, 0.0), self.limits.least
        contact = prices * self.limits.usage.max(axis=0)
        priced = contact > NEGLIGIBLE * contact.max(initial=0.0)
        error = np.where(self.capped, used + wide - most, 0.0)
        idle = priced & (error < -0.5 * wide)
        off = np.where((error > 0.5 * wide) | idle, error / np.maximum(most, 1.0), 0.0)
        return np.where(used < least, (used - least) / np.maximum(least, 1.0), off)

    def toward(self, used: Float64, before: Float64) -> tuple[Float64, Float64]:
        """What to correct for, and by how much the limits with their margins are passed now.

        The policy follows rules too, or explores, so each step leaves a part of the error; the part
        is read off the last two errors and the step made longer by it (Aitken).
        """
        wide = np.where(self.capped, np.sqrt(used * self.per_unit), 0.0)
        error = np.where(self.capped, used + wide - self.limits.most, 0.0)
        left = np.divide(error, before, out=np.zeros_like(error), where=before != 0.0)
        left = np.clip(left, 0.0, MOST_LEFT)
        toward = used + wide + error * left / (1.0 - left)
        return np.clip(toward, used / MOST_STEP, used * MOST_STEP), error


class Tries:
    """What was heard of each limit at the prices tried so far: between which two its own lies.

    Values answer to prices otherwise than the policy where it may take less than they: an offer
    that was taken in one slot is none for the next. Of a price that values propose the side that
    the policy was measured to be on is kept, and where use comes no nearer the middle is tried.
    """

    def __init__(self, limits: Limits) -> None:
        self._free = np.where(limits.least > 0.0, -np.inf, 0.0)
        self._firm = np.zeros(len(self._free), np.bool_)
        self.anew()

    def anew(self) -> None:
        """Of another sample: only what no price moves is known of it."""
        self._low, self._high = self._free, np.full(len(self._free), np.inf)
        self._prices = self._off = np.zeros(len(self._free))
        self._stalled = np.zeros(len(self._free), np.bool_)

    def heard(self, prices: Float64, off: Float64) -> Float64:
        """Take in by which part of each limit use was off; what of it prices may still mend.

        Use that a rise did not move is moved by none: rules' first offers are left to the lots. Of
        room that is idle there is always a lower price, down to none.
        """
        above, idle = off > 0.0, off < 0.0
        raised = above & (self._off > 0.0) & (prices > self._prices)
        still = (self._off != 0.0) & (np.abs(off - self._off) <= UNMOVED * np.abs(off))
        self._firm |= raised & still
        slow = (self._off != 0.0) & (np.abs(off) > 0.5 * np.abs(self._off))
        # Other prices moved meanwhile: what is heard now counts.
        self._high = np.where(above & (prices >= self._high), np.inf, self._high)
        self._low = np.where(idle & (prices <= self._low), self._free, self._low)
        self._low = np.where(above, np.maximum(self._low, prices), self._low)
        self._high = np.where(idle, np.minimum(self._high, prices), self._high)
        # An end that nobody was measured at is only gone to where nothing else moves.
        self._stalled = np.where(self._low > self._free, slow, still)
        self._prices, self._off = prices, np.where(above & self._firm, 0.0, off)
        return self._off

    @property
    def bracketed(self) -> bool:
        """Whether a limit lies between two prices that were tried, or none and one."""
        return bool(((self._off != 0.0) & np.isfinite(self._high)).any())

    def within(self, proposed: Float64) -> Float64:
        """The prices to try next where these are proposed."""
        low, high, off = self._low, self._high, self._off
        known = np.isfinite(low) & np.isfinite(high)
        low, high = np.where(known, low, -np.inf), np.where(known, high, np.inf)
        width = np.where(known, high - low, 0.0)
        # What values say of the far end, where nothing or everything would be used, is no measure.
        far = EDGE * width
        inside = (low + np.where(off < 0.0, far, 0.0) < proposed) & (
            proposed < high - np.where(off > 0.0, far, 0.0)
        )
        middle = low + 0.5 * width
        halved = known & (off != 0.0) & (self._stalled | ~inside)
        kept = (off == 0.0) & ((proposed <= self._low) | (proposed >= self._high))
        return np.where(halved, middle, np.where(kept, self._prices, proposed))
