"""Results as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bandit.core.wording import price_text
from bandit.results.inspect import Explanation, Slot
from bandit.results.learn import LearnSummary
from bandit.results.operate import Rollback
from bandit.results.privacy import CustomerExport, Forgotten
from bandit.results.serve import WaveSummary, WhatIf
from bandit.results.start import CheckResult, InitResult


def wave_tables(summary: WaveSummary) -> RenderableType:
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
    if summary.limits:
        tables.append(_limits(summary))
    tables.append(counts("contacts by channel", summary.contacts, summary.customers))
    if summary.shown:
        tables.append(counts("shown, by inbound channel", summary.shown, 0))
    tables.append(counts("contacts by offer", _largest(summary.offers), summary.customers))
    tables.append(counts("left in peace because", summary.at_peace, summary.customers))
    tables.append(counts("group", summary.groups, summary.customers))
    return Group(*tables, *notes(summary.notes))


def _limits(summary: WaveSummary) -> RenderableType:
    """Each limit with its use and what one more unit would be worth."""
    table = Table(box=None, pad_edge=False)
    table.add_column("limit")
    for column in ("at least", "at most", "used", "price"):
        table.add_column(column, justify="right")
    for one in summary.limits:
        most = "-" if one.most is None else f"{one.most:,.0f}"
        least = f"{one.least:,.0f}" if one.least else "-"
        table.add_row(one.name, least, most, f"{one.used:,.0f}", price_text(one.price))
    unit = summary.unit
    proof = (
        f"best allocation by expected values: {summary.primal_value:,.2f} {unit}, none above"
        f" {summary.dual_value:,.2f} (gap {summary.gap:.4%});"
        f" {summary.given_up:,} contacts given up by lot at the caps"
    )
    missed = [
        Text(
            f"{one.name}: {one.used:,.0f} of the {one.least:,.0f} committed; a minimum holds in"
            " expectation, the draws fell short: commit a margin more"
        )
        for one in summary.limits
        if one.used < one.least
    ]
    return Group(table, Text(proof), *missed)


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
    return Group(pairs(facts), *notes(summary.notes))


def what_if_tables(result: WhatIf) -> RenderableType:
    """Value against one limit."""
    table = Table(box=None, pad_edge=False)
    for column in (result.limit, f"value, {result.unit}", "one more is worth", "used"):
        table.add_column(column, justify="right")
    for p in result.points:
        table.add_row(f"{p.most:,.0f}", f"{p.value:,.2f}", price_text(p.price), f"{p.used:,.0f}")
    about = Text(f"by {result.customers:,} of {result.total:,} customers")
    return Group(table, about, *page(result.report), *notes(result.notes))


def rollback_tables(result: Rollback) -> RenderableType:
    """Which version serves now."""
    text = f"snapshot {result.snapshot} now serves: it is {result.restored} again, in place of"
    return Group(Text(f"{text} {result.parent}"), *notes(result.notes))


def explanation_tables(e: Explanation) -> RenderableType:
    """A customer's slots with their contenders, the funnel and the features that carried it."""
    shown: list[RenderableType] = [
        Text(f"customer {e.customer}, wave {e.wave}, snapshot {e.snapshot}", style="bold")
    ]
    for slot in e.slots:
        what = f"{slot.offer} by {slot.channel}" if slot.offer else "no contact"
        chance = f"probability {slot.propensity:.4f}, group {slot.group}"
        shown.append(Text(f"\n{slot.placement}, slot {slot.slot}: {what} ({chance})"))
        shown.append(_contenders(slot))
        if slot.features:
            carried = "  ".join(f"{name} {term:+.3f}" for name, term in slot.features.items())
            shown.append(Text(f"features that carried the mean: {carried}"))
        if slot.parts:
            parts = "  ".join(f"{name} {term:+.3f}" for name, term in slot.parts.items())
            shown.append(Text(f"of the mean, from other actions and its own: {parts}"))
    shown.append(Text("\ntaken out, by rule", style="bold"))
    shown.append(pairs({stage: _listed(out) for stage, out in e.funnel.items()}))
    return Group(*shown, *notes(e.notes))


def _contenders(slot: Slot) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("action")
    for column in ("probability", "mean", "width", "value", "cost", "worth"):
        table.add_column(column, justify="right")
    for c in slot.contenders:
        name = f"{c.offer}/{c.channel}" if c.offer else "no contact"
        numbers = (c.mean, c.width, c.value, c.cost, c.worth)
        table.add_row(name, f"{c.probability:.4f}", *(f"{x:.3f}" for x in numbers))
    if slot.others > 0:
        table.add_row(f"and {slot.others:,} more")
    return table


def _listed(names: list[str], most: int = 12) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(names[:most]) + more) or "none"


def init_tables(result: InitResult) -> RenderableType:
    """What was written where, and what to run next."""
    files = f"{result.folder}: {', '.join(result.files)} ({result.customers:,} example customers)"
    return Group(Text(files), *following(result.next))


def check_tables(result: CheckResult) -> RenderableType:
    """That nothing is wrong, and what is odd."""
    counted = (
        f"{result.customers:,} customers, {result.refused:,} of them refused; {result.offers}"
        f" offers, {result.channels} channels, {len(result.features)} features"
    )
    warnings = [Text(f"warning: {w}") for w in result.warnings]
    return Group(Text(f"{result.campaign}: no faults"), Text(counted), *warnings)


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
        "decisions": f"{result.decisions:,} in {len(result.waves):,} waves",
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
