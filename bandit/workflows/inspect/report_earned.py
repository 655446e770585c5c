"""What came of waves: realised against expected, increments over holdout and rules, by offer."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from bandit.config.campaign import Campaign
from bandit.core.types import Progress
from bandit.record.attribution import Attributed
from bandit.record.decisions import Decisions
from bandit.record.waves import Wave
from bandit.results.figures import Interval
from bandit.results.inspect import Drift, Earned, Increment, OfferEarned, Stage
from bandit.results.roi import Budget, Return
from bandit.stats.crowds import Gained
from bandit.stats.means import around
from bandit.stats.rare import Rewards
from bandit.workflows.inspect.against import FEWEST_REWARDS, everybody
from bandit.workflows.inspect.budget import Budgets
from bandit.workflows.inspect.drift import drifts
from bandit.workflows.inspect.drift import remarks as told_of_drift
from bandit.workflows.inspect.funnel import Funnel
from bandit.workflows.inspect.realised import EXPLORATION, HOLDOUT, Groups, Made, realised

MOST_WAVES = 26
"""A year of fortnights; older waves are left out of the page."""

FEWEST = 30
"""Contacts below which nothing is said of an offer."""

ROUNDING = 1e-6
"""A spread below it is of sums, not of what came."""


class Came(NamedTuple):
    """What came of the waves that are shown."""

    earned: list[Earned]
    returned: list[Return]
    budget: Budget | None
    increments: list[Increment]
    offers: list[OfferEarned]
    drift: list[Drift]
    funnel: list[Stage]
    notes: list[str]


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
    shown = waves[-MOST_WAVES:]
    notes = [] if len(shown) == len(waves) else [f"only the last {MOST_WAVES} waves are shown"]
    steps, budgets = Funnel(campaign), Budgets(campaign, every[0].name)
    closed = [wave.name for wave in shown if wave.end(campaign.window) <= at]

    def each(decisions: Decisions, came: Attributed) -> None:
        if decisions.wave.name == closed[-1]:
            budgets.add(decisions, came)

    by_wave, remarks = realised(campaign, shown, every, at, progress, each, steps.of)
    drift = drifts(by_wave)
    moved = told_of_drift(drift, shown, campaign.reward.half_life_days)
    return Came(
        [e for name, groups in by_wave.items() for e in _earned(name, groups)],
        list(_returned(by_wave)),
        budgets.told(1.0),
        list(increments(by_wave)),
        _offers(closed_offers(by_wave)),
        drift,
        steps.stages,
        [*notes, *remarks, *_untold(by_wave), *moved, *steps.notes, *budgets.notes],
    )


def closed_offers(by_wave: Mapping[str, Groups]) -> dict[str, Made]:
    """Contacts and shown ranks of the closed waves together, by action."""
    found: dict[str, Made] = defaultdict(Made)
    for groups in by_wave.values():
        for name, made in groups.made.items() if groups.closed else ():
            found[name].merge(made)
    return found


def _offer(name: str, made: Made, several: int) -> OfferEarned:
    """Of ``several`` offers that are judged, none is called odd by chance in 95 of 100."""
    offer, _, channel = name.rpartition("/")
    value, lower, upper = made.sums.interval()
    expected = made.expected / made.count
    if upper - lower <= ROUNDING * max(abs(value), 1.0):
        lower = upper = value
    low, high = around(value, made.sums.standard_error, 1.0 - 0.05 / max(several, 1))
    health = "as expected"
    if made.count < FEWEST or lower == upper:
        health = "too few to say"
    elif not low <= expected <= high:
        health = "less than expected" if high < expected else "more than expected"
    return OfferEarned(
        offer, channel, made.count, made.cost, expected, Interval(value, lower, upper), health
    )


def _offers(offers: Mapping[str, Made]) -> list[OfferEarned]:
    """The most frequent first."""
    several = sum(offer.count >= FEWEST for offer in offers.values())
    ordered = sorted(offers.items(), key=lambda item: (-item[1].count, item[0]))
    return [_offer(name, offer, several) for name, offer in ordered]


def _earned(wave: str, groups: Groups) -> Iterator[Earned]:
    for name, crowds in groups.realised.items():
        if crowds.n:
            expected = groups.expected[name] / crowds.n
            yield Earned(wave, name, crowds.n, expected, *crowds.interval(), groups.closed)


def _returned(by_wave: Mapping[str, Groups]) -> Iterator[Return]:
    """What all contacts of the newest wave brought back of their cost, and of all closed waves."""
    closed = {name: groups for name, groups in by_wave.items() if groups.closed}
    newest = {name: groups for name, groups in list(by_wave.items())[-1:] if groups.heard}
    for of, waves in ((next(iter(newest), ""), newest), ("campaign", closed)):
        found = everybody(waves).told(of, HOLDOUT, 1.0)
        if found is not None:
            yield found


def increments(by_wave: Mapping[str, Groups]) -> Iterator[Increment]:
    """By wave, then over all closed waves together; nothing where hardly anybody bought."""
    whole: dict[tuple[str, str], Gained] = defaultdict(Gained)
    rewards: dict[tuple[str, str], Rewards] = defaultdict(Rewards)
    waves: dict[tuple[str, str], int] = defaultdict(int)
    for wave, groups in by_wave.items():
        for name, over in pairs(groups) if groups.heard else ():
            gained, bought = Gained(), _bought(groups, name, over)
            gained.add(groups.realised[name], groups.realised[over])
            if bought.effective >= FEWEST_REWARDS:
                yield _increment(wave, name, over, gained, closed=groups.closed)
            if groups.closed:
                whole[name, over].add(groups.realised[name], groups.realised[over])
                rewards[name, over] = rewards[name, over].plus(bought)
                waves[name, over] += 1
    for (name, over), gained in whole.items():
        if waves[name, over] > 1 and rewards[name, over].effective >= FEWEST_REWARDS:
            yield _increment(None, name, over, gained, closed=True)


def _bought(groups: Groups, name: str, over: str) -> Rewards:
    """What both groups bought, the other's as often as it stands for one of this."""
    factor = groups.realised[name].size / groups.realised[over].size
    return groups.rewards[name].plus(groups.rewards[over], factor)


def _untold(by_wave: Mapping[str, Groups]) -> Iterator[str]:
    """Waves of which nothing is said since hardly anybody bought."""
    for wave, groups in by_wave.items():
        few = [
            f"{name} over {over}"
            for name, over in (pairs(groups) if groups.heard else ())
            if _bought(groups, name, over).effective < FEWEST_REWARDS
        ]
        if few:
            yield (
                f"wave {wave}: fewer than {FEWEST_REWARDS:g} purchases speak for what"
                f" {' and '.join(few)} added: nothing is said of it"
            )


def pairs(groups: Groups) -> Iterator[tuple[str, str]]:
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
