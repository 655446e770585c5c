"""A wave's report as tables for a terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bandit.core.wording import Span, interval_text, number
from bandit.render.customer_tables import prefers_text
from bandit.render.money_tables import money_table
from bandit.render.tables import counts, notes, page, pairs
from bandit.results.inspect import Earned, ReportResult, Stage


def report_tables(result: ReportResult) -> RenderableType:
    """The wave in short, and where its page is."""
    facts = {
        "campaign": result.campaign,
        "run by": f"{result.run_by or 'unknown'}, version {result.version or 'unknown'}",
        "customers": f"{result.customers:,}",
        "contacted": f"{result.contacted:,} ({result.contacted / max(result.customers, 1):.1%})",
        "snapshot": result.snapshot,
    }
    if result.prefers:
        facts["channels"] = prefers_text(result.prefers, result.unit)
    tables: list[RenderableType] = [Text(f"wave {result.wave}", style="bold"), pairs(facts)]
    tables.append(money_table(result.outbound, result.inbound, result.unit))
    if result.at_peace:
        tables.append(counts("left in peace because", result.at_peace, result.customers))
    tables.append(earned_table(result))
    if result.increments:
        tables.append(_increments(result))
    if result.offers:
        tables.append(_offers(result))
    if result.funnel:
        tables.append(_funnel(result))
    return Group(*tables, *page(result.report), *notes(result.notes))


def earned_table(result: ReportResult) -> Table:
    """The wave's groups: expected and realised."""
    table = Table(box=None, pad_edge=False)
    table.add_column("group")
    for head in ("customers", "expected", f"realised, {result.unit} a customer"):
        table.add_column(head, justify="right")
    for e in result.earned:
        if e.wave == result.wave:
            table.add_row(e.group, f"{e.customers:,}", f"{e.expected:.2f}", realised(e))
    return table


def _increments(result: ReportResult) -> Table:
    """Increments of the wave, and of all closed waves together."""
    table = Table(box=None, pad_edge=False)
    for head in ("group", "over", "waves"):
        table.add_column(head)
    for head in ("customers", f"{result.unit} a customer", f"{result.unit} in total"):
        table.add_column(head, justify="right")
    for one in result.increments:
        if one.wave in {None, result.wave}:
            so_far = "" if one.closed else " so far"
            table.add_row(
                one.group, one.over, one.wave or "all closed", f"{one.customers:,}",
                interval_text(one.each, signed=True) + so_far,
                interval_text(one.total, signed=True) + so_far,
            )  # fmt: skip
    return table


def _offers(result: ReportResult) -> Table:
    """Realised against expected by offer and channel, over the closed waves."""
    table = Table(box=None, pad_edge=False)
    for head in ("offer", "channel"):
        table.add_column(head)
    for head in ("number", "cost", "expected each", "realised each"):
        table.add_column(head, justify="right")
    table.add_column("learning")
    for one in result.offers:
        table.add_row(
            one.offer, one.channel, f"{one.count:,}", f"{one.cost:,.2f}", number(one.expected),
            interval_text(one.realised), one.health,
        )  # fmt: skip
    return table


def _funnel(result: ReportResult) -> Table:
    """What contacts of the wave led to, by channel."""
    table = Table(box=None, pad_edge=False)
    for head in ("channel", "stage"):
        table.add_column(head)
    for head in ("contacts", "reached", "of the stage before", "median days"):
        table.add_column(head, justify="right")
    for stage in result.funnel:
        table.add_row(stage.channel, stage.stage, *reached(stage))
    return table


def reached(stage: Stage) -> list[str]:
    """Contacts, those that reached a stage, the part of those before, and when."""
    return [
        f"{stage.contacts:,}",
        f"{stage.reached:,} ({stage.reached / stage.contacts:.1%})",
        "" if stage.of_before is None else f"{stage.of_before:.1%}",
        "" if stage.days is None else f"{stage.days:.1f}",
    ]


def realised(earned: Earned) -> str:
    """What a group has earned, with its interval."""
    text = interval_text(Span(earned.realised, earned.lower, earned.upper))
    return text if earned.closed else f"{text} so far"
