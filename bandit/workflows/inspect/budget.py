"""What more or less budget would have brought, against a random order and the same for everybody.

Of the customers who are in no experiment, and in no holdout with a history of its own, each has a
contact of their own: the one that was worth most by what the wave itself had learned before, costs
and prices of scarce room taken off. They stand in the order of that worth over no contact a unit of
cost. The curve is made by the probabilities that drew what came about (`stats.budgets`), so that
neither the order nor the choice sees what it is judged by. Budgets are multiples of what a wave
spent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from bandit.config.campaign import Campaign
from bandit.core.types import NO_CONTACT, Array, Bool, Float64, UInt64
from bandit.record.attribution import Attributed
from bandit.record.decisions import Decisions, Rows
from bandit.results.figures import Interval
from bandit.results.roi import Budget, BudgetPoint
from bandit.stats.budgets import People, Share
from bandit.stats.crowds import CROWDS, crowd_of
from bandit.stats.means import around
from bandit.workflows.inspect import as_served
from bandit.workflows.inspect.against import FEWEST, MATCHED
from bandit.workflows.inspect.contact_gains import CELLS, gross, known_values
from bandit.workflows.inspect.realised import HOLDOUT, keys_of
from bandit.workflows.serve.wave import Wave

MOST_PEOPLE = 2_000_000
"""People of a wave that are judged: of more, those of some crowds stand for all."""

TIMES = (0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0)
"""Budgets that are told, in multiples of what was spent."""

ORDERED, RANDOM, SAME, CHANCE = "ordered", "random", "same", "chance"
_COLUMNS = (
    "action", "group", "value", "cost", "propensity", "eligible", "features", "customer_id",
)  # fmt: skip
_MIX = np.uint64(0xD6E8FEB86659FD93)
"""Another hash than the crowds': who is alike by worth stands in no order of crowds."""


class _Seen(NamedTuple):
    """Some people of a wave with what decides their place: of their own contact, and of `same`.

    ``worth`` over no contact a unit of cost, float64[n], -inf where nothing may be offered;
    ``chance`` uint64[n] orders who is alike; ``may`` bool[n]: who may get the same as all.
    """

    worth: Float64
    chance: UInt64
    may: Bool
    own: People
    same: People


class Budgets:
    """The curve over the closed waves that are shown to `add`; ``oldest``: the folder's first."""

    def __init__(self, campaign: Campaign, oldest: str) -> None:
        self._campaign, self._oldest = campaign, oldest
        self._spent: dict[tuple[str, float], float] = defaultdict(float)
        self._gains: dict[tuple[str, float], Share] = defaultdict(Share.none)
        self._areas: dict[str, Share] = defaultdict(Share.none)
        self._waves: list[str] = []
        self._same: list[str] = []
        self._whole = self._cost = 0.0
        self.notes: list[str] = []

    def add(self, decisions: Decisions, came: Attributed) -> None:
        """Add a closed wave; one that was decided elsewhere has no policy to ask."""
        about, name = decisions.wave.manifest, decisions.wave.name
        if about.kind != "wave" or about.policy is None:
            return
        served = as_served.wave(self._campaign, decisions)
        placements = served.plan.placements
        if not placements or not placements[0].outbound:
            return
        crowds = max(1, min(CROWDS, CROWDS * MOST_PEOPLE // max(1, sum(decisions.sizes))))
        judged = _Judged(crowds, name == self._oldest or about.policy.regroup == "every_wave")
        contacts = placements[0].actions & (np.arange(len(decisions.wave.actions)) != NO_CONTACT)
        first = _First.of(decisions, contacts, judged)
        if not first.spent:
            self.notes.append(f"wave {name} spent nothing on contacts: no budget is told of it")
            return
        seen = _joined(
            list(_seen(rows, came, served, first, contacts, judged))
            for rows in decisions.rows(*_COLUMNS)
        )
        own = np.lexsort((seen.chance, -seen.worth))
        ordered = seen.own.taken(own[np.isfinite(seen.worth[own])])
        same = seen.same.taken(np.flatnonzero(seen.may))
        if not _told(ordered) or not _told(same):
            self.notes.append(
                f"wave {name}: too few people were drawn either way to say what another budget"
                " would have brought; more policy.exploration tells"
            )
            return
        self._waves.append(name)
        self._same.append(served.plan.space[first.same])
        by_chance = ordered.taken(np.argsort(seen.chance[own][: ordered.n], kind="stable"))
        self._count(ordered, same, by_chance, first.spent, CROWDS / crowds)

    def _count(
        self, ordered: People, same: People, by_chance: People, spent: float, factor: float
    ) -> None:
        """Add a wave whose people stand for ``factor`` times as many."""
        self._whole += factor * ordered.whole
        self._cost += factor * spent
        for line, people in ((ORDERED, ordered), (CHANCE, by_chance)):
            self._areas[line] = self._areas[line].plus(people.gain(people.area()), factor)
        for times in TIMES:
            budget = times * spent
            for line, people, h in (
                (ORDERED, ordered, ordered.reached(budget)),
                (RANDOM, ordered, ordered.spread(budget)),
                (SAME, same, same.spread(budget)),
            ):
                key = line, times
                self._gains[key] = self._gains[key].plus(people.gain(h), factor)
                self._spent[key] += factor * min(budget, people.whole)

    def told(self, margin: float) -> Budget | None:
        """The curve; None where no wave tells it. ``margin``: the share of value that is kept."""
        if not self._waves:
            return None
        most = self._whole * (1.0 - 1e-9)
        reachable = [t for t in TIMES if self._spent[ORDERED, t] < most]
        return Budget(
            waves=list(self._waves),
            spent=self._cost,
            whole=self._whole,
            same=list(dict.fromkeys(self._same)),
            points=[self._point(times, margin) for times in TIMES[: len(reachable) + 1]],
            by_order=_interval(self._areas[ORDERED], margin),
            by_chance=_interval(self._areas[CHANCE], margin),
        )

    def _point(self, times: float, margin: float) -> BudgetPoint:
        ordered, spent = self._gains[ORDERED, times], self._spent[ORDERED, times]

        def over(line: str) -> Interval:
            """Net of the ordered less that of another line."""
            dearer = spent - self._spent[line, times]
            return _interval(ordered.plus(self._gains[line, times], -1.0), margin, dearer)

        return BudgetPoint(
            times=times,
            cost=spent,
            value=_interval(ordered, margin),
            net=_interval(ordered, margin, spent),
            random=_interval(self._gains[RANDOM, times], margin, self._spent[RANDOM, times]),
            same=_interval(self._gains[SAME, times], margin, self._spent[SAME, times]),
            over_random=over(RANDOM),
            over_same=over(SAME),
        )


class _Judged(NamedTuple):
    """Who is judged: people of the first ``crowds``, and ``held``: the holdout among them.

    It is where it was drawn anew, or nobody has a history yet: else its own is another.
    """

    crowds: int
    held: bool

    def of(self, rows: Rows) -> Bool:
        """First rows of those people, of no experiment; bool[n]."""
        group = np.array(
            [":" in g or (g == HOLDOUT and not self.held) for g in rows.texts("group")]
        )
        found: Bool = rows.first & ~group & (crowd_of(keys_of(rows)) < self.crowds)
        return found

    def chance(self, rows: Rows, holdout: float) -> Float64:
        """With which probability each of them was drawn as they were, float64[n]."""
        held = 0.0 if self.held else holdout
        recorded = rows.numbers("propensity") - held * (rows.action == NO_CONTACT)
        found: Float64 = np.clip(recorded / max(1.0 - held, 1e-9), 1e-12, 1.0)
        return found


class _First(NamedTuple):
    """Of first contacts: ``value`` float64[k] as recorded, ``spent``, ``same`` most frequent."""

    value: Float64
    spent: float
    same: int

    @classmethod
    def of(cls, decisions: Decisions, contacts: Bool, judged: _Judged) -> _First:
        """Read the contacts of those who are judged."""
        k = len(decisions.wave.actions)
        value, spent, counts = np.zeros(k), 0.0, np.zeros(k, np.int64)
        for rows in decisions.rows("action", "value", "cost", "group", "customer_id"):
            mine = judged.of(rows) & (rows.action > 0)
            value[rows.action] = rows.terms.value
            spent += float(rows.terms.cost[mine & ~rows.withheld].sum())
            counts += np.bincount(rows.action[mine], minlength=k)
        return cls(value, spent, int(np.argmax(np.where(contacts, counts, -1))))


def _seen(
    rows: Rows, came: Attributed, served: Wave, first: _First, contacts: Bool, judged: _Judged
) -> Iterator[_Seen]:
    """Of some rows the people who are judged."""
    policy = served.run.campaign.policy
    chance = judged.chance(rows, 0.0 if policy is None else policy.holdout)
    values = known_values(served, first.value)
    size, at = max(1, CELLS // len(contacts)), np.flatnonzero(judged.of(rows))
    worths, keys = gross(rows, came.taught), keys_of(rows)
    for start in range(0, len(at), size):
        some = at[start : start + size]
        means = rows.contexts[some].astype(np.float64) @ served.posterior.mean.T * values
        may = rows.eligible[some] & contacts
        worth = np.where(may, means - served.plan.costs - served.plan.prices[0], -np.inf)
        best = worth.argmax(axis=1)
        there, cost = np.arange(len(some)), served.plan.costs[best]
        over = worth[there, best] - means[:, NO_CONTACT]
        known = _Drawn(crowd_of(keys[some]), rows.action[some], chance[some], worths[some], means)
        yield _Seen(
            over / np.maximum(cost, 1e-9),
            lot_of(keys[some]),
            may[:, first.same],
            known.people(best, served.plan.costs),
            known.people(np.full(len(some), first.same), served.plan.costs),
        )


class _Drawn(NamedTuple):
    """What was drawn, with which probability, and what came; ``means`` float64[n, k] expected."""

    crowd: Array
    action: Array
    chance: Float64
    came: Float64
    means: Float64

    def people(self, own: Array, costs: Float64) -> People:
        """As people of whom each would get ``own`` int[n]."""
        expected, peace = self.means[np.arange(len(own)), own], self.means[:, NO_CONTACT]
        weight = 1.0 / self.chance
        treated = np.where(self.action == own, weight, 0.0)
        left = np.where(self.action == NO_CONTACT, weight, 0.0)
        return People(
            self.crowd, costs[own], expected - peace, treated, treated * (self.came - expected),
            left, left * (self.came - peace),
        )  # fmt: skip


def _joined(parts: Iterator[list[_Seen]]) -> _Seen:
    every = [one for some in parts for one in some]
    return _Seen(
        np.concatenate([one.worth for one in every]),
        np.concatenate([one.chance for one in every]),
        np.concatenate([one.may for one in every]),
        People.together([one.own for one in every]),
        People.together([one.same for one in every]),
    )


def _told(people: People) -> bool:
    """Whether enough people were drawn either way for weights to tell."""
    least, most = MATCHED
    return (
        people.effective >= FEWEST
        and people.whole > 0.0
        and all(least < found < most for found in people.matched)
    )


def lot_of(keys: UInt64) -> UInt64:
    """The place in an order by lot, by a 64-bit key; it also orders those of equal worth."""
    mixed = (keys ^ (keys >> np.uint64(31))) * _MIX
    found: UInt64 = mixed ^ (mixed >> np.uint64(32))
    return found


def _interval(share: Share, margin: float, cost: float = 0.0) -> Interval:
    value = margin * share.total - cost
    return Interval(value, *around(value, margin * share.error))
