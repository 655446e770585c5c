"""A wave's report as tables for a terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bandit.core.wording import Span, interval_text
from bandit.render.tables import counts, notes, page, pairs
from bandit.results.inspect import Earned, ReportResult


def report_tables(result: ReportResult) -> RenderableType:
    """The wave in short, and where its page is."""
    facts = {
        "customers": f"{result.customers:,}",
        "contacted": f"{result.contacted:,} ({result.contacted / max(result.customers, 1):.1%})",
        "snapshot": result.snapshot,
    }
    tables: list[RenderableType] = [Text(f"wave {result.wave}", style="bold"), pairs(facts)]
    if result.at_peace:
        tables.append(counts("left in peace because", result.at_peace, result.customers))
    tables.append(earned_table(result))
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


def realised(earned: Earned) -> str:
    """What a group has earned, with its interval."""
    text = interval_text(Span(earned.realised, earned.lower, earned.upper))
    return text if earned.closed else f"{text} so far"
