"""What streams know of prices: how they move, and what was used since they last did."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

import msgspec
import numpy as np

from bandit.config.section import OUTBOUND
from bandit.core.types import Float64
from bandit.record.streams import Segment
from bandit.workflows.live.frames import Decided, Paced, Priced, Used
from bandit.workflows.live.pace import Use
from bandit.workflows.live.room import part_of


class Paces:
    """Of segments one after the other; the newest one's prices move."""

    def __init__(self) -> None:
        self._newest: dict[str, Paced] = {}
        self._prices: dict[tuple[str, int, int], Float64] = {}
        self._now: dict[str, float] = {}
        self._since, self._deaf = Counter[str](), Counter[str]()
        self._weight: dict[str, dict[str, float]] = {}
        self._paid: dict[str, dict[str, float]] = {}

    def of(self, day: str) -> Paced | None:
        """How prices move on a day, and where they are; None where they stay."""
        return self._newest.get(day)

    def before(self, day: str) -> str | None:
        """The last day before one on which prices moved."""
        return max((known for known in self._newest if known < day), default=None)

    def begun(self, segment: Segment, paced: Paced) -> None:
        """Take in prices of the newest segment; what is used from now on is since then.

        A segment that begins where the last one ended has no step in between.
        """
        day, now = segment.day, paced.priced
        before = self._newest.get(day)
        if before is None:
            self._forget(day)
        if before is None or before.priced.at != now.at:
            self._since.clear()
            self._deaf.clear()
        self._newest[day] = paced
        self._prices.setdefault((day, segment.number, now.epoch), np.array(now.prices))
        names = [name for row in _names(paced) for name in row]
        self._now = dict(zip(names, (price for row in now.prices for price in row), strict=True))

    def _forget(self, day: str) -> None:
        """Begin a day: of those before it the last is known, as of decisions."""
        kept = self.before(day) or day
        for told in (self._newest, self._weight, self._paid):
            for known in [known for known in told if known < kept]:
                del told[known]
        self._prices = {key: prices for key, prices in self._prices.items() if key[0] >= kept}
        self._weight[day], self._paid[day] = defaultdict(float), defaultdict(float)

    def moved(self, segment: Segment, priced: Priced) -> None:
        """Take in a step of prices."""
        paced = self._newest[segment.day]
        self.begun(segment, msgspec.structs.replace(paced, priced=priced))

    def uses(self, day: str, decided: Decided) -> None:
        """Count what a decision used of the limits, and what it was charged."""
        paced = self._newest.get(day)
        if paced is None or not decided.used:
            return
        self._since.update(decided.used)
        contacts = (s for s in decided.slots if s.action and s.placement == OUTBOUND)
        if next(contacts).group in paced.deaf:
            self._deaf.update(decided.used)
        now = self._now
        self._weigh(day, decided.used, {n: u * now.get(n, 0.0) for n, u in decided.used.items()})

    def erased(self, segment: Segment, used: Used) -> None:
        """Take in what is left of a segment without the people in it."""
        if used.paced is not None:
            self.begun(segment, used.paced)
            self._weigh(segment.day, {n: used.amounts[n] for n in used.paid}, used.paid)

    def paid(self, day: str) -> dict[str, float]:
        """What was charged for what was used of each limit."""
        return dict(self._paid.get(day, {}))

    def _weigh(self, day: str, used: Mapping[str, float], paid: Mapping[str, float]) -> None:
        weight, sums = self._weight[day], self._paid[day]
        for name, amount in used.items():
            weight[name] += amount
            sums[name] += paid[name]

    def prices(self, segment: Segment, epoch: int) -> Float64 | None:
        """The limits' prices float64[p, m] a unit in an epoch; None where they stay."""
        return self._prices.get((segment.day, segment.number, epoch))

    def mean(self, day: str) -> Float64:
        """Prices float64[p, m] over all that was used at them; the last where nothing was."""
        paced, weight, paid = self._newest[day], self._weight[day], self._paid[day]
        return np.array([
            [paid[n] / weight[n] if weight[n] else last for n, last in zip(*row, strict=True)]
            for row in zip(_names(paced), paced.priced.prices, strict=True)
        ])  # fmt: skip

    def use(self, day: str, used: Mapping[str, float]) -> Use:
        """What was used of the limits, of which ``used`` is that of the whole day by name."""
        names = _names(self._newest[day])
        return Use(*(
            np.array([[counted.get(name, 0.0) for name in row] for row in names], np.float64)
            for counted in (used, self._since, self._deaf)
        ))  # fmt: skip


def _names(paced: Paced) -> list[list[str]]:
    """What the use of each population's part of each limit is called."""
    return [[part_of(limit, who, paced.whose) for limit in paced.limits] for who in paced.whose]
