"""What the demo comes to: a table of waves, what it shows, and what to run next."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bandit.render.tables import following
from bandit.results.figures import Interval
from bandit.results.start import HOLDOUT, LEARNED, RULES, DemoResult


def demo_tables(result: DemoResult) -> RenderableType:
    """The table of waves and what to run next."""
    words = [Text(line) for line in _words(result)]
    return Group(_table(result), *words, Text(""), *following(result.next))


def _table(result: DemoResult) -> Table:
    table = Table(
        title=f"{result.customers:,} customers; {result.unit} net of the cost of contacts",
        title_justify="left",
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    table.add_column("wave")
    for head in ("contact:\nlearned", "contact:\nrules"):
        table.add_column(head, justify="right", no_wrap=True)
    for head in ("customer:\nlearned", "customer:\nrules", "customer:\nholdout"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("learned\n− rules", justify="right", no_wrap=True)
    table.add_column("way to\nbest", justify="right", no_wrap=True)
    for row in result.waves:
        table.add_row(
            row.wave.removeprefix("wave-"),
            *(_money(row.per_contact[g]) for g in (LEARNED, RULES)),
            *(_money(row.per_customer[g]) for g in (LEARNED, RULES, HOLDOUT)),
            _gain(row.learned_less_rules),
            f"{row.closed.value:.0%}",
        )
    return table


def _words(result: DemoResult) -> list[str]:
    if not result.waves:
        return []
    gain, closed = result.learned_less_rules, result.waves[-1].closed
    return [
        "",
        f"Over all waves learned earns {gain.value:+.2f} {result.unit} a customer more than rules",
        f"(95 % interval {gain.lower:+.2f} to {gain.upper:+.2f}). ± above is of 95 % too.",
        f"In the last wave it has gone {closed.value:.0%} ({closed.lower:.0%} to"
        f" {closed.upper:.0%}) of the way from rules",
        "to the best that the operator's hidden truth allows.",
        f"The campaign is kept in {result.folder}",
    ]


def _money(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _gain(interval: Interval) -> str:
    return f"{interval.value:+.2f} ±{interval.upper - interval.value:.2f}"
