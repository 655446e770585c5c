"""What came of waves: realised against expected, increments over holdout and rules, by offer."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from bandit.checks.keys import customer_keys
from bandit.config.campaign import Campaign
from bandit.core.types import Array, Bool, Float64, Progress, UInt64
from bandit.record import attribution
from bandit.record import outcomes as deliveries
from bandit.record.attribution import Attributed
from bandit.record.decisions import Decisions, Rows
from bandit.record.waves import Wave, after
from bandit.results.figures import Interval
from bandit.results.inspect import Earned, Increment, OfferEarned
from bandit.stats.crowds import Crowds, Gained, crowd_of
from bandit.stats.means import Sums, around
from bandit.workflows.inspect import catalogue_today

MOST_WAVES = 26
"""A year of fortnights; older waves are left out of the page."""

FEWEST = 30
"""Contacts below which nothing is said of an offer."""

ROUNDING = 1e-6
"""A spread below it is of sums, not of what came."""

HOLDOUT, EXPLORATION, RULES = "holdout", "exploration", "rules"
_COLUMNS = (
    "action", "group", "value", "cost", "expected_value", "expected_no_contact", "customer_id",
)  # fmt: skip


class Came(NamedTuple):
    """What came of the waves that are shown."""

    earned: list[Earned]
    increments: list[Increment]
    offers: list[OfferEarned]
    notes: list[str]


class _Groups(NamedTuple):
    """A wave by group: what came, and what was expected, a person.

    ``heard``: an event came in, or the window is closed; before, what it earned is not known.
    """

    realised: dict[str, Crowds]
    expected: dict[str, float]
    closed: bool
    heard: bool
    rules: str | None


def earned(
    campaign: Campaign,
    waves: Sequence[Wave],
    every: Sequence[Wave],
    at: dt.datetime,
    progress: Progress,
) -> Came:
    """Expected and realised net reward a customer, by wave and group, all slots together.

    ``every`` are all waves of the campaign: those after ``waves`` may claim outcomes too.
    """
    today = catalogue_today.of(campaign, waves)
    shown = waves[-MOST_WAVES:]
    notes = [] if len(shown) == len(waves) else [f"only the last {MOST_WAVES} waves are shown"]
    window = campaign.window
    progress.step("joining decisions and outcomes", total=len(shown))
    by_wave: dict[str, _Groups] = {}
    offers: dict[str, _Offer] = defaultdict(_Offer)
    connection = attribution.connect(campaign.limits.memory_mb)
    try:
        attribution.load_events(connection, deliveries.batches(campaign.folder))
        for wave in shown:
            decisions = Decisions(campaign.folder, wave, today)
            later = after(every, wave, window)
            came = attribution.attribute(connection, decisions, later, window)
            closed = wave.end(window) <= at
            if closed and not came.events and wave.manifest.kind == "wave":
                notes.append(
                    f"no event lies in the window of wave {wave.name}, so that it earned nothing:"
                    " were its outcomes forgotten? `bandit learn --outcomes FILE` takes them in"
                )
            by_wave[wave.name] = _of_wave(decisions, came, offers, closed=closed)
            if not by_wave[wave.name].heard:
                notes.append(
                    f"no outcome of wave {wave.name} has come in: nothing is said yet of what its"
                    " contacts added"
                )
            notes += decisions.notes
            progress.advance(1)
    finally:
        connection.close()
    if not all(groups.closed for groups in by_wave.values()):
        notes.append("the window of the newest waves is open: more may come of them")
    return Came(
        [e for name, groups in by_wave.items() for e in _earned(name, groups)],
        list(_increments(by_wave)),
        _offers(offers),
        notes,
    )


def _of_wave(
    decisions: Decisions, came: Attributed, offers: dict[str, _Offer], *, closed: bool
) -> _Groups:
    """A customer's slots are summed, in the group of the first; no contact counts once."""
    realised: dict[str, Crowds] = defaultdict(Crowds.none)
    expected: dict[str, float] = defaultdict(float)
    names, last = decisions.wave.actions, ""
    for rows in decisions.rows(*_COLUMNS):
        group, first = _group(rows, last), rows.first
        last = str(group[-1]) if len(group) else last
        net, worth = rows.net(came.rewards[rows.place]), _expected(rows)
        crowd = crowd_of(_keys(rows))
        for name in dict.fromkeys(group.tolist()):
            mine = group == name
            realised[name].add(crowd[mine], net[mine], first[mine])
            expected[name] += float(worth[mine].sum())
        if closed:
            made = np.where(rows.withheld, 0, rows.action)
            taught = rows.net(came.taught[rows.place])
            for action in np.unique(made[made > 0]).tolist():
                offers[names[action]].add(rows, taught, made == action)
    policy = decisions.wave.manifest.policy
    shares = [] if policy is None else policy.shares
    rules = next((share.label for share in shares if share.policy == RULES), None)
    return _Groups(realised, expected, closed, closed or came.events > 0, rules)


def _group(rows: Rows, last: str) -> Array:
    """The group of each row's customer: that of the first slot, which may be in the batch before.

    A further slot may be exploration's; what it brings is the customer's all the same.
    """
    first = np.flatnonzero(rows.first)
    named = np.concatenate([[last], rows.texts("group")[first]]).astype(object)
    found: Array = named[np.cumsum(rows.first)]
    return found


def _keys(rows: Rows) -> UInt64:
    """Customers as 64 bits; rows of a log that name nobody are each their own."""
    customers = rows.customers
    if customers.null_count:
        return np.arange(rows.place.start, rows.place.start + len(rows), dtype=np.uint64)
    return customer_keys(customers.to_numpy(zero_copy_only=False))


def _expected(rows: Rows) -> Float64:
    """Of each row: no contact once a customer, and the increment of each contact."""
    peace = rows.expected_no_contact
    unknown = np.isnan(peace)
    once = np.where(rows.first, np.where(unknown, 0.0, peace), 0.0)
    made = (rows.action != 0) & ~rows.withheld
    over = np.where(unknown, rows.expected, rows.expected - np.nan_to_num(peace))
    quiet = np.where(unknown & rows.first, rows.expected, 0.0)
    return once + np.where(made, over, quiet)


class _Offer:
    """Contacts, or shown ranks, of an offer on a channel in the waves that are closed."""

    def __init__(self) -> None:
        self.count = 0
        self.cost = self.expected = 0.0
        self.sums = Sums()

    def add(self, rows: Rows, taught: Float64, mine: Bool) -> None:
        self.count += int(mine.sum())
        self.cost += float(rows.terms.cost[mine].sum())
        self.expected += float(rows.expected[mine].sum())
        self.sums = self.sums.merge(Sums.of(taught[mine]))

    def told(self, name: str, several: int) -> OfferEarned:
        """Of ``several`` offers that are judged, none is called odd by chance in 95 of 100."""
        offer, _, channel = name.rpartition("/")
        value, lower, upper = self.sums.interval()
        expected = self.expected / self.count
        if upper - lower <= ROUNDING * max(abs(value), 1.0):
            lower = upper = value
        low, high = around(value, self.sums.standard_error, 1.0 - 0.05 / max(several, 1))
        health = "as expected"
        if self.count < FEWEST or lower == upper:
            health = "too few to say"
        elif not low <= expected <= high:
            health = "less than expected" if high < expected else "more than expected"
        return OfferEarned(
            offer, channel, self.count, self.cost, expected, Interval(value, lower, upper), health
        )


def _offers(offers: dict[str, _Offer]) -> list[OfferEarned]:
    """The most frequent first."""
    several = sum(offer.count >= FEWEST for offer in offers.values())
    ordered = sorted(offers.items(), key=lambda item: (-item[1].count, item[0]))
    return [offer.told(name, several) for name, offer in ordered]


def _earned(wave: str, groups: _Groups) -> Iterator[Earned]:
    for name, crowds in groups.realised.items():
        if crowds.n:
            expected = groups.expected[name] / crowds.n
            yield Earned(wave, name, crowds.n, expected, *crowds.interval(), groups.closed)


def _increments(by_wave: dict[str, _Groups]) -> Iterator[Increment]:
    """By wave, then over all closed waves together."""
    whole: dict[tuple[str, str], Gained] = defaultdict(Gained)
    waves: dict[tuple[str, str], int] = defaultdict(int)
    for wave, groups in by_wave.items():
        for name, over in _pairs(groups) if groups.heard else ():
            gained = Gained()
            gained.add(groups.realised[name], groups.realised[over])
            yield _increment(wave, name, over, gained, closed=groups.closed)
            if groups.closed:
                whole[name, over].add(groups.realised[name], groups.realised[over])
                waves[name, over] += 1
    for (name, over), gained in whole.items():
        if waves[name, over] > 1:
            yield _increment(None, name, over, gained, closed=True)


def _pairs(groups: _Groups) -> Iterator[tuple[str, str]]:
    """Each policy over the holdout, and over rules; arms of experiments are compared by these."""
    there = [name for name, crowds in groups.realised.items() if crowds.n and ":" not in name]
    for name in there:
        for over in (HOLDOUT, groups.rules):
            apart = name not in {HOLDOUT, EXPLORATION, over}
            if apart and over is not None and over in there:
                yield name, over


def _increment(
    wave: str | None, name: str, over: str, gained: Gained, *, closed: bool
) -> Increment:
    low, high = around(gained.total, gained.error)
    n = gained.people
    return Increment(
        wave=wave,
        group=name,
        over=over,
        customers=n,
        each=Interval(gained.total / n, low / n, high / n),
        total=Interval(gained.total, low, high),
        closed=closed,
    )
