"""What the demo comes to: a table of waves, what it shows, and what to run next."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.table import Table

from bandit.workflows.demo_score import HOLDOUT, LEARNED, RULES, Interval, WaveScore


@dataclass(frozen=True)
class DemoResult:
    """The waves in order; money is EUR net of contact costs."""

    folder: Path
    customers: int
    offers: int
    channels: int
    unit: str
    waves: tuple[WaveScore, ...]
    learned_less_rules: Interval
    next: tuple[str, ...]

    def show(self) -> Any:
        """The table of waves and what to run next."""
        return Group(_table(self), *_words(self), "", "next:", *(f"  {c}" for c in self.next))


def _table(result: DemoResult) -> Table:
    table = Table(
        title=f"{result.customers:,} customers, EUR net of contact costs", title_justify="left"
    )
    table.add_column("wave")
    for head in ("learned", "rules"):
        table.add_column(f"per contact\n{head}", justify="right")
    for head in ("learned", "rules", "holdout"):
        table.add_column(f"per customer\n{head}", justify="right")
    table.add_column("learned − rules\n(95 % interval)", justify="right")
    table.add_column("of the way from\nrules to the best", justify="right")
    for row in result.waves:
        table.add_row(
            row.wave,
            *(_money(row.per_contact[g]) for g in (LEARNED, RULES)),
            *(_money(row.per_customer[g]) for g in (LEARNED, RULES, HOLDOUT)),
            _gain(row.learned_less_rules),
            f"{row.closed.value:.0%}",
        )
    return table


def _words(result: DemoResult) -> list[str]:
    if not result.waves:
        return []
    closed = result.waves[-1].closed
    return [
        f"Over all waves the learned policy earns {_gain(result.learned_less_rules)} {result.unit}"
        " more a customer and wave than rules.",
        f"In the last wave it has closed {closed.value:.0%} (95 % interval {closed.lower:.0%} to"
        f" {closed.upper:.0%}) of the distance between rules and the best that the truth allows.",
        f"Kept in {result.folder}",
    ]


def _money(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _gain(interval: Interval) -> str:
    return f"{interval.value:+.2f} ({interval.lower:+.2f} to {interval.upper:+.2f})"
