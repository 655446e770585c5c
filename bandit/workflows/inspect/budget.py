"""What more or less budget would have brought, against a random order and the same for everybody.

Of the customers who are in no experiment, and in no holdout with a history of its own, each would
get a contact as the wave's policy draws one, given that it draws one. They stand in the order of
what the wave itself expected of that, learned before, over no contact and less the prices of scarce
room, a unit of cost. The curve is made by the probabilities that drew what came about
(`stats.budgets`), so that the order sees nothing of what it is judged by. Budgets are multiples of
what a wave spent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from bandit.config.campaign import Campaign
from bandit.core.errors import BanditError
from bandit.core.types import NO_CONTACT, Array, Bool, Float64, UInt64
from bandit.models.moved import lifts_of
from bandit.record.attribution import Attributed
from bandit.record.decisions import Decisions, Rows
from bandit.results.figures import Interval
from bandit.results.roi import Budget, BudgetPoint
from bandit.stats.budgets import People, Share
from bandit.stats.crowds import CROWDS, crowd_of
from bandit.stats.means import around
from bandit.stats.rare import PRIOR_REWARDS, Rewards
from bandit.workflows.inspect import as_served
from bandit.workflows.inspect.against import FEWEST, MATCHED
from bandit.workflows.inspect.contact_gains import (
    CELLS,
    Kept,
    chances,
    first_contacts,
    gross,
    known_values,
    prices_paid,
)
from bandit.workflows.inspect.realised import HOLDOUT, keys_of, units_of
from bandit.workflows.serve.wave import Wave

MOST_PEOPLE = 1_000_000
"""People of a wave that are judged: of more, those of some crowds stand for all."""

TIMES = (0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0)
"""Budgets that are told, in multiples of what was spent."""

ORDERED, RANDOM, SAME, CHANCE = "ordered", "random", "same", "chance"
_COLUMNS = (
    "action", "group", "value", "cost", "propensity", "eligible", "features", "customer_id",
    "price_epoch",
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
        self._rewards = Rewards()
        self.notes: list[str] = []

    def add(self, decisions: Decisions, came: Attributed) -> None:
        """Add a closed wave; one that was decided elsewhere has no policy to ask."""
        about, name = decisions.wave.manifest, decisions.wave.name
        if about.kind != "wave" or about.policy is None:
            return
        try:
            served = as_served.wave(self._campaign, decisions)
        except BanditError as e:
            self.notes.append(f"wave {name}: no budget is told of it: {str(e).splitlines()[0]}")
            return
        placements = served.plan.placements
        if not placements or not placements[0].outbound:
            return
        if not served.start.posterior.count.any():
            self.notes.append(
                f"wave {name} had learned nothing, so that it has no order for a budget: the curve"
                " is of waves after the first `bandit learn`"
            )
            return
        crowds = max(1, min(CROWDS, CROWDS * MOST_PEOPLE // max(1, sum(decisions.sizes))))
        judged = _Judged(crowds, name == self._oldest or about.policy.regroup == "every_wave")
        kept = first_contacts(decisions)
        spent, parts, rewards = 0.0, list[_Seen](), Rewards()
        for rows in decisions.rows(*_COLUMNS):
            mine = judged.of(rows) & (rows.action > 0) & ~rows.withheld
            spent += float(rows.terms.cost[mine].sum())
            parts += _seen(rows, came, served, kept, judged)
            of, units = judged.of(rows), units_of(rows)
            whose = None if units is None else units[of]
            rewards = rewards.plus(Rewards.of(gross(rows, came.taught)[of], whose))
        if not spent:
            self.notes.append(
                f"wave {name} spent nothing on contacts, so that no budget is told of it: name a"
                " `cost` of channels or offers where contacts cost something"
            )
            return
        seen = _joined(parts)
        own = np.lexsort((seen.chance, -seen.worth))
        ordered = seen.own.taken(own[np.isfinite(seen.worth[own])])
        same = seen.same.taken(np.flatnonzero(seen.may))
        if not _told(ordered):
            self.notes.append(f"wave {name}: {_missing(ordered, judged)}")
            return
        self._waves.append(name)
        self._rewards = self._rewards.plus(rewards)
        if _told(same):
            self._same.append(served.plan.space[_same(served, kept)])
        by_chance = ordered.taken(np.argsort(seen.chance[own][: ordered.n], kind="stable"))
        self._count(ordered, same, by_chance, spent, CROWDS / crowds)

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
            lines = [
                (ORDERED, ordered, ordered.reached(budget)),
                (RANDOM, ordered, ordered.spread(budget)),
            ]
            if self._all_same:
                lines.append((SAME, same, same.spread(budget)))
            for line, people, h in lines:
                key = line, times
                self._gains[key] = self._gains[key].plus(people.gain(h), factor)
                self._spent[key] += factor * min(budget, people.whole)

    def told(self, margin: float) -> Budget | None:
        """The curve; None where no wave tells it. ``margin``: the share of value that is kept."""
        if not self._waves:
            return None
        if self._rewards.effective < PRIOR_REWARDS:
            self.notes.append(
                f"the curve of the budget rests on the equal of {self._rewards.effective:,.0f}"
                " purchases: its intervals are a normal's, which holds less than it says where they"
                " are few"
            )
        most = self._whole * (1.0 - 1e-9)
        reachable = [t for t in TIMES if self._spent[ORDERED, t] < most]
        return Budget(
            waves=list(self._waves),
            spent=self._cost,
            whole=self._whole,
            same=list(dict.fromkeys(self._same)) if self._all_same else [],
            points=[self._point(times, margin) for times in TIMES[: len(reachable) + 1]],
            by_order=_interval(self._areas[ORDERED], margin),
            by_chance=_interval(self._areas[CHANCE], margin),
        )

    @property
    def _all_same(self) -> bool:
        """Whether each wave tells what the same contact for all brings."""
        return len(self._same) == len(self._waves)

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
            same=_interval(self._gains[SAME, times], margin, self._spent[SAME, times])
            if self._all_same
            else None,
            over_random=over(RANDOM),
            over_same=over(SAME) if self._all_same else None,
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
            [":" in g or (g == HOLDOUT and not self.held) for g in rows.texts("group")],
            dtype=np.bool_,
        )
        found: Bool = rows.first & ~group & (crowd_of(keys_of(rows)) < self.crowds)
        return found

    def chance(self, rows: Rows, holdout: float) -> Float64:
        """With which probability each of them was drawn as they were, float64[n]."""
        held = 0.0 if self.held else holdout
        recorded = rows.numbers("propensity") - held * (rows.action == NO_CONTACT)
        found: Float64 = np.clip(recorded / max(1.0 - held, 1e-9), 1e-12, 1.0)
        return found


def _seen(
    rows: Rows, came: Attributed, served: Wave, kept: Kept, judged: _Judged
) -> Iterator[_Seen]:
    """Of some rows the people who are judged."""
    policy, plan = served.run.campaign.policy, served.plan
    holdout = 0.0 if policy is None else policy.holdout
    recorded = judged.chance(rows, holdout)
    values, same = known_values(served, kept.value), _same(served, kept)
    contacts = plan.placements[0].actions & (np.arange(len(values)) != NO_CONTACT)
    size, at = max(1, CELLS // len(values)), np.flatnonzero(judged.of(rows))
    came_gross, keys = gross(rows, came.taught), keys_of(rows)
    for start in range(0, len(at), size):
        some = at[start : start + size]
        x = rows.contexts[some].astype(np.float64)
        means = (x @ served.posterior.mean.T + lifts_of(served.posterior, x)) * values
        planned = chances(served, rows, some, kept) * contacts
        any_ = planned.sum(axis=1)
        share = planned / np.maximum(any_, 1e-12)[:, None]
        cost = share @ plan.costs
        prices = prices_paid(served, rows, some)
        charged = share @ prices if prices.ndim == 1 else (share * prices).sum(axis=1)
        over = (share * means).sum(axis=1) - cost - charged - means[:, NO_CONTACT]
        action = rows.action[some]
        drawn = _Drawn(
            crowd_of(keys[some]), action == NO_CONTACT, recorded[some], came_gross[some],
            means[:, NO_CONTACT],
        )  # fmt: skip
        reached = any_ * (1.0 if not judged.held else 1.0 - holdout)
        yield _Seen(
            np.where(any_ > 0.0, over / np.maximum(cost, 1e-9), -np.inf),
            lot_of(keys[some]),
            rows.eligible[some, same],
            drawn.people(action > 0, reached, (share * means).sum(axis=1), cost),
            drawn.people(
                action == same, recorded[some], means[:, same], np.full(len(some), plan.costs[same])
            ),
        )


class _Drawn(NamedTuple):
    """Who was left in peace, with which ``chance`` of what came about; ``peace`` was expected."""

    crowd: Array
    quiet: Bool
    chance: Float64
    came: Float64
    peace: Float64

    def people(self, reached: Bool, chance: Float64, expected: Float64, cost: Float64) -> People:
        """As people of whom some were ``reached`` with a ``chance``; ``expected`` of a contact."""
        treated = reached / np.maximum(chance, 1e-12)
        left = self.quiet / self.chance
        return People(
            self.crowd, cost, expected - self.peace, treated, treated * (self.came - expected),
            left, left * (self.came - self.peace),
        )  # fmt: skip


def _same(served: Wave, kept: Kept) -> int:
    """The most frequent first contact."""
    outbound = served.plan.placements[0].actions
    of = np.where(outbound, kept.contacts, -1)
    of[NO_CONTACT] = -1
    return int(np.argmax(of))


def _joined(every: Sequence[_Seen]) -> _Seen:
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


def _missing(people: People, judged: _Judged) -> str:
    """What a curve lacks, and what to do about it."""
    treated, left = ((w > 0.0).sum() for w in (people.treated, people.left))
    if not left or not treated:
        side = "left in peace" if treated else "contacted"
        why = f"of {people.n:,} people who could be contacted none was {side} by the draw"
    elif people.effective < FEWEST:
        why = (
            f"of {people.n:,} people who could be contacted {treated:,} were and {left:,} were left"
            f" in peace by the draw, by their weights the equal of {people.effective:.0f} of each;"
            f" {FEWEST} are needed"
        )
    else:
        sides = zip(("contacted", "left in peace"), people.matched, strict=True)
        odd = [f"{side} for {n:.2f}" for side, n in sides if not MATCHED[0] < n < MATCHED[1]]
        why = (
            f"by their weights those who were drawn stand, {', '.join(odd)} times the"
            f" {people.n:,} people who could be contacted, which must lie between {MATCHED[0]:g}"
            f" and {MATCHED[1]:g}: too few of some kind were drawn so"
        )
    holdout = "" if judged.held else "policy.regroup = 'every_wave', whose holdout counts too, "
    return (
        f"what another budget would have brought is not told: {why}. For the waves to come"
        f" {holdout}{'or ' if holdout else ''}more policy.exploration, or more customers, tells it"
    )


def lot_of(keys: UInt64) -> UInt64:
    """The place in an order by lot, by a 64-bit key; it also orders those of equal worth."""
    mixed = (keys ^ (keys >> np.uint64(31))) * _MIX
    found: UInt64 = mixed ^ (mixed >> np.uint64(32))
    return found


def _interval(share: Share, margin: float, cost: float = 0.0) -> Interval:
    value = margin * share.total - cost
    return Interval(value, *around(value, margin * share.error))
