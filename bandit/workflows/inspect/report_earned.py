"""What came of waves: realised against expected, increments over holdout and rules, by offer."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from math import hypot
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
from bandit.stats.quantiles import normal_quantile
from bandit.stats.rare import Rewards, seldom
from bandit.workflows.inspect.against import FEWEST_REWARDS, everybody
from bandit.workflows.inspect.budget import Budgets
from bandit.workflows.inspect.drift import FEW, LESS, MORE, STEADY, drifts
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
    bought = _bought_by_all(by_wave)
    return Came(
        [e for name, groups in by_wave.items() for e in _earned(name, groups, bought)],
        list(_returned(by_wave)),
        budgets.told(1.0),
        list(increments(by_wave)),
        offers_told(closed_offers(by_wave), closed_offers(by_wave, judged=True)),
        drift,
        steps.stages,
        [*notes, *remarks, *_untold(by_wave), *moved, *steps.notes, *budgets.notes],
    )


def closed_offers(by_wave: Mapping[str, Groups], *, judged: bool = False) -> dict[str, Made]:
    """Contacts and shown ranks of the closed waves together, by action.

    ``judged``: only of those in which something was expected of the action, and of which anything
    was heard; a first wave knows nothing, so that whatever came of it would be more than expected.
    """
    found: dict[str, Made] = defaultdict(Made)
    for groups in by_wave.values():
        for name, made in groups.made.items() if groups.closed else ():
            if not judged or (made.gross != 0.0 and not groups.silent):
                found[name].merge(made)
    return found


def offers_told(offers: Mapping[str, Made], judged: Mapping[str, Made]) -> list[OfferEarned]:
    """The most frequent first; ``judged`` are of the waves in which something was expected."""
    every, since = _all(offers), _all(judged)
    several = sum(one.count >= FEWEST for one in judged.values())
    healths = {name: _health(one, since, several) for name, one in judged.items()}
    found = []
    for name, made in sorted(offers.items(), key=lambda item: (-item[1].count, item[0])):
        offer, _, channel = name.rpartition("/")
        realised = _realised(made, every)
        expected = made.expected / made.count
        health = healths.get(name, FEW)
        found.append(OfferEarned(offer, channel, made.count, made.cost, expected, realised, health))
    return found


def _all(offers: Mapping[str, Made]) -> Rewards:
    found = Rewards()
    for made in offers.values():
        found = found.plus(made.rewards)
    return found


def _realised(made: Made, every: Rewards, confidence: float = 0.95) -> Interval:
    """What a contact brought net, with an interval that knows how few bought."""
    n, value = made.count, made.sums.mean
    variance = (n * made.sums.standard_error) ** 2 + made.lumped
    below, above = seldom(variance, n, made.rewards, every, confidence)
    if below + above <= ROUNDING * max(abs(value), 1.0) * n:
        return Interval(value, value, value)
    return Interval(value, value - below / n, value + above / n)


def _health(made: Made, every: Rewards, several: int) -> str:
    """Of ``several`` offers that are judged, none is called odd by chance in 95 of 100.

    Nothing is said unless ten purchases were expected, or came. What was expected is in doubt too,
    by what it had been learned from.
    """
    amount = made.rewards.amount_among(every)
    bought = max(made.rewards.effective, made.gross / amount if amount > 0.0 else 0.0)
    if made.count < FEWEST or bought < FEWEST_REWARDS:
        return FEW
    expected = made.expected / made.count
    confidence = 1.0 - 0.05 / max(several, 1)
    realised = _realised(made, every, confidence)
    far = normal_quantile(0.5 + 0.5 * confidence) * made.doubt / made.count
    less = expected - realised.value
    near = realised.upper - realised.value if less > 0.0 else realised.value - realised.lower
    if abs(less) <= hypot(near, far):
        return STEADY
    return LESS if less > 0.0 else MORE


def _earned(wave: str, groups: Groups, every: Rewards) -> Iterator[Earned]:
    """Each group of a wave; ``every`` are the rewards of all groups and waves."""
    for name, crowds in groups.realised.items():
        if crowds.n:
            expected = groups.expected[name] / crowds.n
            realised = crowds.interval(groups.rewards[name], every)
            yield Earned(wave, name, crowds.n, expected, *realised, groups.closed)


def _bought_by_all(by_wave: Mapping[str, Groups]) -> Rewards:
    found = Rewards()
    for groups in by_wave.values():
        for rewards in groups.rewards.values():
            found = found.plus(rewards)
    return found


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
