"""Results as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text


def wave_tables(summary: Any) -> RenderableType:
    """A wave: who was contacted how, and why the others were left in peace."""
    title = f"wave {summary.wave}" + (" (dry run, nothing written)" if summary.dry_run else "")
    facts = {
        "customers": f"{summary.customers:,}" + _refused(summary.rejected),
        "contacted": f"{summary.contacted:,}",
        "expected value": f"{summary.expected_value:,.2f} {summary.unit}",
        "snapshot": summary.snapshot,
    }
    if summary.withheld:
        facts["withheld"] = f"{summary.withheld:,} (opted out before the lists were written)"
    tables: list[RenderableType] = [Text(title, style="bold"), pairs(facts)]
    tables.append(counts("contacts by channel", summary.contacts, summary.customers))
    if summary.shown:
        tables.append(counts("shown, by inbound channel", summary.shown, 0))
    tables.append(counts("contacts by offer", _largest(summary.offers), summary.customers))
    tables.append(counts("left in peace because", summary.at_peace, summary.customers))
    tables.append(counts("group", summary.groups, summary.customers))
    return Group(*tables, *notes(summary.notes))


def learn_tables(summary: Any) -> RenderableType:
    """What was learned, from which waves."""
    facts = {
        "snapshot": f"{summary.snapshot or 'none yet'}" + ("" if summary.new else " (unchanged)"),
        "parent": summary.parent or "-",
        "waves learned": ", ".join(summary.waves) or "none",
        "waves whose window is open": ", ".join(summary.waiting) or "none",
        "decisions": f"{summary.decisions:,}",
        "events in their windows": f"{summary.events:,}",
        "events outside": f"{summary.outside_window:,}",
        "events delivered now": f"{summary.delivered:,}" + _refused(summary.rejected),
    }
    return Group(pairs(facts), *notes(summary.notes))


def rollback_tables(result: Any) -> RenderableType:
    """Which version serves now."""
    text = f"snapshot {result.snapshot} now serves: it is {result.restored} again, in place of"
    return Group(Text(f"{text} {result.parent}"), *notes(result.notes))


def pairs(facts: Mapping[str, str]) -> Table:
    """Two columns: what, and its value."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column()
    for name, value in facts.items():
        table.add_row(name, value)
    return table


def counts(title: str, counted: Mapping[str, int], whole: int) -> Table:
    """Names with their counts, and their share of `whole` where that is not 0."""
    table = Table(box=None, pad_edge=False)
    table.add_column(title)
    table.add_column("count", justify="right")
    if whole:
        table.add_column("share", justify="right")
    for name, count in counted.items():
        share = [f"{count / whole:.1%}"] if whole else []
        table.add_row(name, f"{count:,}", *share)
    return table


def notes(texts: Iterable[str]) -> list[Text]:
    """Remarks, one a line."""
    return [Text(f"note: {text}") for text in texts]


def _refused(count: int) -> str:
    return f" ({count:,} refused, see rejects.parquet)" if count else ""


def _largest(counted: Mapping[str, int], most: int = 25) -> dict[str, int]:
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    rest = sum(count for _, count in ordered[most:])
    return dict(ordered[:most]) | ({"all others": rest} if rest else {})
