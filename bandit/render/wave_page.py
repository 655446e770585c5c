"""A wave as a page that opens from disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from bandit.core.wording import interval_text, number, price_text
from bandit.render import render
from bandit.render.roi_tables import budget_row, budget_words, roi_text
from bandit.render.wave_figures import wave_figures
from bandit.render.wave_tables import reached, realised
from bandit.results.inspect import Increment, OfferEarned, ReportResult
from bandit.results.money import Money
from bandit.results.preference import Preference
from bandit.results.roi import Return
from bandit.results.serve import Price


class PageTable(NamedTuple):
    """A table of a page; ``early`` ones stand before the figures."""

    title: str
    caption: str
    heads: list[str]
    rows: list[list[str]]
    early: bool = False


def write_wave(folder: Path, result: ReportResult, made_by: str) -> Path:
    """Write report.html and the figures of a wave into ``folder``; the page's path."""
    share = result.contacted / max(result.customers, 1)
    tables = [table for table in _tables(result) if table.rows]
    content = {
        "title": f"{result.campaign}: wave {result.wave}",
        "words": [_increment_words(result), _words(result, share)],
        "facts": {
            "decided for": result.at.replace("T", " ").replace("+00:00", " UTC"),
            "run by": result.run_by or "unknown",
            "program version": result.version or "unknown",
            "campaign.toml as it was": result.config[:12],
            "model version (snapshot)": result.snapshot,
            "customers": f"{result.customers:,}",
            "contacted": f"{result.contacted:,} ({share:.1%})",
            "cost": f"{sum(result.costs.values()):,.2f} {result.unit}",
        },
        "notes": result.notes,
        "early": [table for table in tables if table.early],
        "late": [table for table in tables if not table.early],
        "made_by": made_by,
    }
    return render.write(folder, "wave.html", wave_figures(result), content)


def _tables(result: ReportResult) -> Iterator[PageTable]:
    unit = result.unit
    yield PageTable(
        "What came back of the cost",
        "Everybody who was not held out over the holdout, with 95 % intervals; ROI is what came"
        " back of each unit that was spent beyond it. Attributed is value of what names the"
        " contacted: they would have bought in part anyway, so that it is no increment.",
        ["of", f"added, {unit}", f"cost, {unit}", f"net, {unit}", "ROI", "attributed"],
        [_return(one) for one in result.returned],
        early=True,
    )
    if result.budget is not None:
        budget = result.budget
        yield PageTable(
            f"What another budget would have brought in wave {budget.waves[0]}",
            f"Net of cost in {unit} with 95 % intervals, over no contact: each customer's best"
            " contact by what had been learned before, in the order of its worth a unit of cost,"
            " until the budget is spent; by the probabilities that drew who got what. "
            + ". ".join(line[0].upper() + line[1:] for line in budget_words(budget, unit))
            + ".",
            ["budget", f"cost, {unit}", "net", "over a random order", "over the same for all"],
            [budget_row(budget, point) for point in budget.points],
        )
    yield PageTable(
        "What each policy added",
        "Net reward of each group less that of the group it is held against, a customer and in"
        " total, with 95 % intervals. Groups are drawn at random, so this is what the policy did,"
        " whatever the season. A customer who is in several waves counts as one.",
        ["group", "over", "waves", "customers", f"{unit} a customer", f"{unit} in total"],
        [_increment(one) for one in result.increments if one.wave in {None, result.wave}],
        early=True,
    )
    yield PageTable(
        "Groups",
        "Expected when it was decided, and what came of it, all contacts of a customer together.",
        ["group", "customers", f"expected, {unit} a customer", f"realised, {unit} a customer"],
        [
            [e.group, f"{e.customers:,}", f"{e.expected:.2f}", realised(e)]
            for e in result.earned
            if e.wave == result.wave
        ],
        early=True,
    )
    yield PageTable(
        "Money of this wave",
        "As expected when it was decided: gross value, less cost, less what the same people were"
        " expected to bring without, is the expected value.",
        [unit, "number", "gross value", "cost", "no contact", "expected value", "each",
         "a customer"],
        [
            _money(name, money)
            for name, money in (("contacts", result.outbound), ("shown offers", result.inbound))
            if money.count
        ],
    )  # fmt: skip
    yield PageTable(
        "Cost by channel",
        "Offers' and channels' costs of contacts and shown offers.",
        ["channel", unit],
        [[channel, f"{cost:,.2f}"] for channel, cost in result.costs.items() if cost],
    )
    yield PageTable(
        "Offers, and the health of learning",
        "Of the waves whose window has closed, net of cost, a contact or a shown offer. Where the"
        " model expects more or less than came, it learns the difference next; where that stays,"
        " look at the features. Waves that expected nothing of an offer yet, as a first one, are in"
        " its figures; it is judged by the others.",
        ["offer", "channel", "number", f"cost, {unit}", "expected", "realised", "learning"],
        [_offer(one) for one in result.offers],
    )
    yield PageTable(
        "Channels: does what was learned still hold?",
        "Gross value that came over what was expected when it was decided, in the newest closed"
        " waves; the interval holds at every look of a year. What lies wholly below 0.8 or above"
        " 1.25 is an alarm.",
        ["channel", "waves", "number", "came of what was expected", "drift"],
        [
            [d.channel, str(d.waves), f"{d.contacts:,}", interval_text(d.ratio), d.health]
            for d in result.drift
        ],
    )
    channels = sorted(p.channel for p in result.prefers)
    segments = [(f"{s.column}: {s.group}", s.prefers) for s in result.segments]
    yield PageTable(
        "Which channel suits whom",
        f"{unit} before costs that a contact on a channel brings over the mean of all channels,"
        " whatever is offered, of the mean customer; learned across offers. After ± what is not"
        " known of it, a standard deviation.",
        ["customers", *channels],
        [
            [name, *_suits(prefers, channels)]
            for name, prefers in [("everybody", result.prefers), *segments]
            if prefers
        ],
    )
    yield PageTable(
        "From contact to purchase",
        "Contacts and shown offers of this wave that had an event of a kind in its window, so far;"
        " what names a customer counts for each of the customer's contacts. It is what happened"
        " after contacts, not what they added: that is said above. Programs open mails too.",
        ["channel", "stage", "contacts", "reached", "of the stage before", "median days"],
        [[s.channel, s.stage, *reached(s)] for s in result.funnel],
    )
    yield PageTable(
        "Most frequent offers of each group",
        "What each way of deciding sends most often; contacts and shown offers.",
        ["group", "offer", "number"],
        [
            [group, offer, f"{count:,}"]
            for group, offers in result.top.items()
            for offer, count in offers.items()
        ],
    )
    yield PageTable(
        "Limits and their prices",
        "What the wave took, and charged a unit of room; and the same of the best allocation by"
        " expected values, whose price is what one more unit would earn.",
        ["limit", "at least", "at most", "used", f"price, {unit}", "best use", "best price"],
        [_limit(limit) for limit in result.limits],
    )


def _suits(prefers: Sequence[Preference], channels: Sequence[str]) -> list[str]:
    by = {p.channel: f"{p.mean:+.2f} ± {p.width:.2f}" for p in prefers}
    return [by.get(channel, "–") for channel in channels]


def _return(one: Return) -> list[str]:
    so_far = "" if one.closed else " so far"
    return [
        "all closed waves" if one.of == "campaign" else one.of,
        interval_text(one.value, signed=True) + so_far,
        f"{one.cost:,.2f}",
        interval_text(one.net, signed=True) + so_far,
        roi_text(one),
        f"{one.attributed:,.0f}",
    ]


def _increment(one: Increment) -> list[str]:
    so_far = "" if one.closed else " so far"
    return [
        one.group,
        one.over,
        "all closed" if one.wave is None else one.wave,
        f"{one.customers:,}",
        interval_text(one.each, signed=True) + so_far,
        interval_text(one.total, signed=True) + so_far,
    ]


def _money(name: str, money: Money) -> list[str]:
    each = "–" if money.per_contact is None else number(money.per_contact)
    amounts = (money.gross, money.cost, money.no_contact, money.expected_value)
    shown = [f"{amount + 0.0:,.2f}" for amount in amounts]
    return [name, f"{money.count:,}", *shown, each, number(money.per_customer)]


def _offer(one: OfferEarned) -> list[str]:
    return [
        one.offer, one.channel, f"{one.count:,}", f"{one.cost:,.2f}", number(one.expected),
        interval_text(one.realised), one.health,
    ]  # fmt: skip


def _increment_words(result: ReportResult) -> str:
    """The newest word on what contacts add: over all closed waves, else over this one."""
    found = {}
    for one in result.increments:
        if one.wave in {None, result.wave}:
            found[one.group, one.over] = one
    parts = [
        f"{one.group} earned {interval_text(one.each, signed=True)} {result.unit} a customer over"
        f" {one.over}, {interval_text(one.total, signed=True)} {result.unit} in all"
        + (" closed waves" if one.wave is None else "" if one.closed else " so far")
        for one in found.values()
    ]
    return "; ".join(parts) + "." if parts else "No group can be held against another yet."


def _words(result: ReportResult, share: float) -> str:
    text = f"{result.contacted:,} of {result.customers:,} customers ({share:.1%}) were contacted"
    if result.at_peace:
        reason, count = max(result.at_peace.items(), key=lambda item: item[1])
        text += f". Of the others, most got no contact because: {reason} ({count:,})"
    return text + "."


def _limit(limit: Price) -> list[str]:
    best = ["–", "–"]
    if limit.best_used is not None and limit.best_price is not None:
        best = [f"{limit.best_used:,.0f}", price_text(limit.best_price)]
    return [
        limit.name,
        f"{limit.least:,.0f}" if limit.least else "–",
        "–" if limit.most is None else f"{limit.most:,.0f}",
        f"{limit.used:,.0f}",
        price_text(limit.price),
        *best,
    ]
