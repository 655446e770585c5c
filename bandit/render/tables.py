"""Results as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bandit.core.wording import counted, price_text
from bandit.render.money_tables import limits_table, money_table
from bandit.results.cluster import ClusterWork
from bandit.results.learn import LearnSummary
from bandit.results.live import FATES, Sealed, Served, Triggered
from bandit.results.operate import Rollback
from bandit.results.privacy import CustomerExport, Forgotten
from bandit.results.serve import WaveSummary, WhatIf
from bandit.results.start import CheckResult, InitResult, Remade


def wave_tables(summary: WaveSummary) -> RenderableType:
    """A wave: who was contacted how, and why the others were left in peace."""
    title = f"wave {summary.wave}" + (" (dry run, nothing written)" if summary.dry_run else "")
    facts = {
        "customers": f"{summary.customers:,}" + _refused(summary.rejected),
        "contacted": f"{summary.contacted:,}",
        "cost": f"{sum(summary.costs.values()):,.2f} {summary.unit}",
        "expected value": f"{summary.expected_value:,.2f} {summary.unit} over no contact",
        "snapshot": summary.snapshot,
    }
    if summary.withheld:
        facts["withheld"] = (
            f"{summary.withheld:,} (opted out before the lists were written, or never shown)"
        )
    facts |= _cluster(summary.cluster)
    tables: list[RenderableType] = [Text(title, style="bold"), pairs(facts)]
    if summary.outbound is not None:
        tables.append(money_table(summary.outbound, summary.inbound, summary.unit))
    if summary.limits:
        tables.append(limits_table(summary))
    tables.append(counts("contacts by channel", summary.contacts, summary.customers))
    if summary.shown:
        tables.append(counts("shown, by inbound channel", summary.shown, 0))
    tables.append(counts("contacts by offer", _largest(summary.offers), summary.customers))
    tables.append(counts("left in peace because", summary.at_peace, summary.customers))
    tables.append(counts("group", summary.groups, summary.customers))
    return Group(*tables, *notes(summary.notes))


def learn_tables(summary: LearnSummary) -> RenderableType:
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
    facts |= _cluster(summary.cluster)
    return Group(pairs(facts), *notes(summary.notes))


def _cluster(work: ClusterWork | None) -> dict[str, str]:
    return {} if work is None else {"cluster": work.told}


def what_if_tables(result: WhatIf) -> RenderableType:
    """Value against one limit."""
    table = Table(box=None, pad_edge=False)
    for column in (result.limit, f"value, {result.unit}", "one more is worth", "used"):
        table.add_column(column, justify="right")
    for p in result.points:
        table.add_row(f"{p.most:,.0f}", f"{p.value:,.2f}", price_text(p.price), f"{p.used:,.0f}")
    about = Text(
        f"by {result.customers:,} of {result.total:,} customers; the best that any allocation could"
        " reach: a wave has less"
    )
    return Group(table, about, *page(result.report), *notes(result.notes))


def sealed_tables(result: Sealed) -> RenderableType:
    """Which waves the live decisions have become."""
    told = [
        Text(
            f"wave {w.wave}: {counted(w.customers, 'customer')}, {counted(w.decisions, 'decision')}"
        )
        for w in result.waves
    ]
    nothing = Text("nothing was decided live that is no wave yet")
    heard = Text(f"outcomes heard live: {result.outcomes:,}")
    return Group(*(told or [nothing]), *([heard] if result.outcomes else []), *notes(result.notes))


def triggered_tables(result: Triggered) -> RenderableType:
    """What events came to."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for fate in FATES:
        if count := getattr(result, fate):
            table.add_row(fate.replace("_", " "), f"{count:,}")
    about = (
        f"{result.campaign}: {counted(result.events, 'event')}, {result.released:,} that had waited"
    )
    waits = Text(
        f"{counted(result.still_waiting, 'event waits for its', 'events wait for their')} time"
    )
    put = [
        Text(f"outbox/{channel}: {counted(count, 'contact')}")
        for channel, count in result.outbox.items()
    ]
    rest = [*put, *([waits] if result.still_waiting else [])]
    return Group(Text(about), table, *rest, *notes(result.notes))


def served_tables(result: Served) -> RenderableType:
    """What a server did."""
    answered = counted(result.decided, "request was", "requests were")
    text = f"{result.campaign}: {answered} answered with decisions"
    return Group(Text(text), *notes(result.notes))


def rollback_tables(result: Rollback) -> RenderableType:
    """Which version serves now."""
    text = f"snapshot {result.snapshot} now serves: it is {result.restored} again, in place of"
    return Group(Text(f"{text} {result.parent}"), *notes(result.notes))


def init_tables(result: InitResult) -> RenderableType:
    """What was written where, and what to run next."""
    files = f"{result.folder}: {', '.join(result.files)} ({result.customers:,} example customers)"
    return Group(Text(files), *following(result.next))


def check_tables(result: CheckResult) -> RenderableType:
    """That nothing is wrong, and what is odd."""
    there = (
        f"{counted(result.customers, 'customer')}, {result.refused:,} of them refused;"
        f" {counted(result.offers, 'offer')}, {counted(result.channels, 'channel')},"
        f" {counted(len(result.features), 'feature')}"
    )
    warnings = [Text(f"warning: {w}") for w in result.warnings]
    again = [Text(_remade(result.remade))] if result.remade is not None else []
    known = [
        Text(f"{one.source}: {one.matched:,} of {one.ids:,} ids {one.kind!r} are in the map")
        for one in result.identity
    ]
    return Group(Text(f"{result.campaign}: no faults"), Text(there), *known, *again, *warnings)


def _remade(found: Remade) -> str:
    if not found.waves:
        return "leakage: no wave with variables is there yet, so nothing could be compared"
    return (
        f"leakage: {counted(len(found.variables), 'variable')} of {', '.join(found.waves)} made"
        f" again, {counted(found.values, 'value')}, all as they were served"
    )


def export_tables(result: CustomerExport) -> RenderableType:
    """How much is held of a person, and each decision's reason."""
    facts = {
        "customer": result.customer,
        "decisions": f"{len(result.decisions):,}",
        "outcomes": f"{len(result.outcomes):,}",
        "rejects": f"{len(result.rejects):,}",
        "rows of lists": f"{len(result.lists):,}",
    }
    reasons = [Text(f"{d['decision_id']}: {d['reason']}") for d in result.decisions]
    return Group(pairs(facts), *reasons, *notes(result.notes))


def forget_tables(result: Forgotten) -> RenderableType:
    """How many rows went."""
    facts = {
        "forgotten": ", ".join(result.customers),
        "decisions": f"{result.decisions:,} in {counted(len(result.waves), 'wave')}",
        "outcomes": f"{result.outcomes:,}",
        "rejects": f"{result.rejects:,}",
        "rows of lists": f"{result.listed:,}",
    }
    return Group(pairs(facts), *notes(result.notes))


def pairs(facts: Mapping[str, str]) -> Table:
    """Two columns: what, and its value."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column()
    for name, value in facts.items():
        table.add_row(name, value)
    return table


def listed(names: Sequence[str], most: int = 12) -> str:
    """The first of some names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(names[:most]) + more) or "none"


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


def page(written: Path | None) -> list[Text]:
    """Where the page is, if there is one."""
    return [] if written is None else [Text(f"report: {written}")]


def following(commands: Iterable[str]) -> list[Text]:
    """What to run next."""
    return [Text("next:"), *(Text(f"  {command}") for command in commands)]


def _refused(count: int) -> str:
    return f" ({count:,} refused, see rejects.parquet)" if count else ""


def _largest(counted: Mapping[str, int], most: int = 25) -> dict[str, int]:
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    rest = sum(count for _, count in ordered[most:])
    return dict(ordered[:most]) | ({"all others": rest} if rest else {})
