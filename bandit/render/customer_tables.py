"""One person's page for a terminal: the most important first."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bandit.core.days import shown_day
from bandit.core.wording import counted, number
from bandit.render.tables import listed, notes, pairs
from bandit.results.customer import CustomerPage, Moment, Trait
from bandit.results.preference import Preference

MOST_OPEN, MOST_MOMENTS = 8, 24
"""What a terminal shows; the page and `--json` have all."""


def customer_tables(result: CustomerPage) -> RenderableType:
    """In words, what may be offered and why not, the time line, who it is."""
    shown: list[RenderableType] = [
        Text(f"customer {result.customer}, {result.campaign}", style="bold"),
        *(Text(f"- {word}") for word in result.words),
    ]
    if result.consents:
        said = ", ".join(f"{c} {'yes' if ok else 'no'}" for c, ok in result.consents.items())
        shown.append(Text(f"- consents: {said}"))
    if result.prefers:
        shown.append(Text(f"- channels: {prefers_text(result.prefers, result.unit)}"))
    if result.said:
        shown.append(Text(f"- consents as in: {said_text(result)}"))
    if result.open:
        shown += [Text("\nmay be offered now", style="bold"), _open(result)]
    if result.shut:
        shown.append(Text("\nmay not be offered, by the first rule against it", style="bold"))
        shown.append(pairs({rule: listed(names, 6) for rule, names in result.shut.items()}))
    if result.limits:
        shown.append(Text("\ncontact pressure", style="bold"))
        shown.append(pairs(limit_texts(result)))
    if result.timeline:
        shown += [Text("\ntime line, newest first", style="bold"), _timeline(result)]
    if result.traits:
        shown += [
            Text("\nwho", style="bold"),
            pairs({t.name: trait_text(t) for t in result.traits}),
        ]
    if result.page is not None:
        shown.append(Text(f"page: {result.page}"))
    return Group(*shown, *notes(result.notes))


def prefers_text(prefers: Sequence[Preference], unit: str) -> str:
    """Channels and what a contact on them brings over the mean of all, with its width."""
    told = ", ".join(f"{p.channel} {p.mean:+.2f} ± {p.width:.2f}" for p in prefers)
    return f"{told} {unit} a contact"


def consent_texts(result: CustomerPage) -> dict[str, str]:
    """By channel whether the person agreed to it, and what says so; refusals given live too."""
    answers = {channel: "yes" if ok else "no" for channel, ok in result.consents.items()}
    answers |= {channel: "no" for channel in result.said if channel not in answers}
    said = {channel: f" ({by})" for channel, by in result.said.items()}
    return {channel: answer + said.get(channel, "") for channel, answer in answers.items()}


def said_text(result: CustomerPage) -> str:
    """What says which consents, each source once."""
    channels: dict[str, list[str]] = {}
    for channel, by in result.said.items():
        channels.setdefault(by, []).append(channel)
    return "; ".join(f"{by}: {', '.join(names)}" for by, names in channels.items())


def limit_texts(result: CustomerPage) -> dict[str, str]:
    """Each limit: how much of it is used, and until when it closes what it is about."""
    found = {}
    if result.contacts_left is not None:
        found["left in a wave of today"] = f"{result.contacts_left:,}"
    for one in result.limits:
        until = "" if one.until is None else f"; closed until {one.until}"
        used = f"{one.used:,} of {one.limit:,} in {counted(one.days, 'day')}"
        if one.rule == "pressure.refusal_days":
            used = f"refused within {counted(one.days, 'day')}"
        found[f"{one.of}, {one.rule}"] = used + until
    return found


def why_text(moment: Moment) -> str:
    """Why, and which file or table says so."""
    return moment.why if moment.source is None else f"{moment.why} ({moment.source})"


def open_rows(result: CustomerPage) -> list[list[str]]:
    """Offers by worth, and no contact where it stands among them."""
    rows = [
        [o.offer, o.channel, *map(number, (o.mean, o.value, o.cost, o.price, o.worth))]
        for o in result.open
    ]
    if result.peace is not None:
        place = sum(o.worth > result.peace for o in result.open)
        rows.insert(place, ["no contact", "", "", "", "", "", number(result.peace)])
    return rows


def _open(result: CustomerPage) -> Table:
    table = Table(box=None, pad_edge=False)
    for head in ("offer", "channel"):
        table.add_column(head)
    for head in ("mean", "value", "cost", "price", f"worth, {result.unit}"):
        table.add_column(head, justify="right")
    rows = open_rows(result)
    none = next((i for i, row in enumerate(rows) if row[0] == "no contact"), 0)
    shown = rows[:MOST_OPEN] if none >= MOST_OPEN else rows[: MOST_OPEN + 1]
    for row in shown:
        table.add_row(*row)
    rest = rows[len(shown) :]
    if none >= len(shown):
        if more := none - len(shown):
            table.add_row(f"and {more:,} more")
        table.add_row(*rows[none])
        rest = rows[none + 1 :]
    if rest:
        table.add_row(f"and {len(rest):,} more")
    return table


def _timeline(result: CustomerPage) -> Table:
    table = Table(box=None, pad_edge=False)
    for head in ("when", "what happened", "why"):
        table.add_column(head, no_wrap=head == "when")
    for moment in result.timeline[:MOST_MOMENTS]:
        table.add_row(shown_day(moment.at, result.time_zone), what_text(moment), why_text(moment))
    if len(result.timeline) > MOST_MOMENTS:
        table.add_row("", f"and {len(result.timeline) - MOST_MOMENTS:,} more")
    return table


def what_text(moment: Moment) -> str:
    """A moment in a few words, with what it brought."""
    what = moment.what if moment.kind == "no contact" else f"{moment.kind}: {moment.what}"
    return what if not moment.reward else f"{what} {moment.reward:+,.2f}"


def trait_text(trait: Trait) -> str:
    """A feature and where it stands among all customers."""
    if trait.percentile is not None:
        return f"{trait.value} (more than {trait.percentile:.0%} of customers)"
    if trait.share is not None:
        return f"{trait.value} (as {trait.share:.0%} of customers)"
    return trait.value
