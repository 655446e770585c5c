"""What contacts added, what they cost, and what came back of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from bandit.results.figures import Interval
from bandit.results.result import Result


@dataclass(frozen=True)
class Return:
    """What some contacts brought over what the same people would have brought without.

    ``of`` is the campaign, a wave, a group, a segment, an offer or a channel, ``over`` what it is
    held against. ``value`` is the increment before costs, ``net`` after them, and ``roi`` net over
    cost; all three are None where too little is known, ``roi`` also where no more was spent. Where
    the data do not bound it, ``bounded`` is false and its ends are infinite. ``attributed`` is
    value of what names the contacted, which people would have bought in part anyway: it is no
    increment. ``effective`` are the people without a contact that an offer is held against, by the
    worth of their weights; None for groups.
    """

    of: str
    over: str
    people: int
    contacts: int
    attributed: float
    value: Interval | None
    cost: float
    net: Interval | None
    roi: Interval | None
    bounded: bool
    effective: float | None
    closed: bool


@dataclass(frozen=True)
class BudgetPoint:
    """A budget, ``times`` what was spent: ``cost`` of it that can be spent, and what it brings.

    ``value`` is the increment before costs of people in the order of their worth, ``net`` after
    them. ``random`` is net of the same contacts in a random order, ``same`` of one contact for
    everybody who may get it; ``over_random`` and ``over_same`` are what the order adds to them, by
    the same people; None where too few got that one.
    """

    times: float
    cost: float
    value: Interval
    net: Interval
    random: Interval
    same: Interval | None
    over_random: Interval
    over_same: Interval | None


@dataclass(frozen=True)
class Budget:
    """What more or less budget would have brought than ``spent``; ``whole`` contacts everybody.

    ``same`` names the most frequent contact of each of ``waves``; none where too few got it.
    ``by_order`` is what the order adds to a random one, averaged over all budgets up to the whole:
    the area between both lines. ``by_chance`` is that of an order drawn by lot, which adds nothing:
    its interval holds 0 but for one in twenty.
    """

    waves: list[str]
    spent: float
    whole: float
    same: list[str]
    points: list[BudgetPoint]
    by_order: Interval
    by_chance: Interval


@dataclass(frozen=True)
class RoiResult(Result):
    """Increments, costs and ROI since the start, or of ``waves``, the closed ones; in ``unit``.

    ``total`` is of everybody who was not held out over who was, None without a holdout;
    ``by_wave`` the same by wave, open ones too, and ``groups`` each policy over the holdout and
    over rules. ``segments`` are the whole by the column that was asked for, ``offers`` and
    ``channels`` of each customer's first contact. ``margin`` is the share of value that is kept.
    ``budget`` is the curve over budgets, None where too little is known.
    """

    campaign: str
    unit: str
    margin: float
    waves: list[str]
    total: Return | None
    by_wave: list[Return]
    groups: list[Return]
    segments: list[Return]
    offers: list[Return]
    channels: list[Return]
    budget: Budget | None
    notes: list[str] = field(default_factory=list)
