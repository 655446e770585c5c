"""The judgement of `bandit simulate` as tables for a terminal."""

from __future__ import annotations

import math
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bandit.report.tables import notes, pairs

_COLOURS = {"ship": "green", "hold": "red", "not enough data": "yellow"}


def simulate_tables(result: Any) -> RenderableType:
    """What was judged on what, one row a candidate, and the verdict in words."""
    facts = {
        "log": f"{result.rows:,} decisions of {result.customers:,} customers,"
        f" {result.actions} actions",
        "it earned": f"{interval_text(result.logged)} {result.unit} a decision",
        "business as usual": result.business_as_usual or "the policy that made the log",
        "method": method(result),
    }
    title = Text(f"simulate {result.title}", style="bold")
    parts: list[RenderableType] = [title, pairs(facts), _table(result), _verdict(result)]
    if result.report is not None:
        parts.append(Text(f"report: {result.report}"))
    return Group(*parts, *notes(result.notes))


def method(result: Any) -> str:
    """Estimator and interval in one line."""
    if not result.causal:
        return "outcome model only: no causal claim"
    held = f", all {result.at_once} lifts at once" if result.at_once > 1 else ""
    return f"{result.estimator}, {result.interval} interval at {result.confidence:.0%}{held}"


def words(result: Any) -> str:
    """Why the gate says what it says, as a sentence."""
    gate = result.gate
    text = f"{gate.reason[0].upper()}{gate.reason[1:]}."
    if gate.decision == "not enough data" and gate.needed_n and f"{gate.needed_n:,}" not in text:
        text += f" About {gate.needed_n:,} rows would decide."
    return text


def _table(result: Any) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("candidate")
    heads = [f"value\n{result.unit}/decision"]
    if result.causal:
        usual = result.business_as_usual
        heads += [f"lift over\n{usual}"] if usual else []
        heads += ["lift over\nthe log", "ESS", "mean\nweight"]
    for head in heads:
        table.add_column(head, justify="right")
    table.add_column("verdict")
    for row in result.candidates:
        table.add_row(*_cells(result, row))
    return table


def _cells(result: Any, row: Any) -> list[RenderableType]:
    cells: list[RenderableType] = [row.name, interval_text(row.value)]
    if result.causal:
        if result.business_as_usual:
            cells.append(interval_text(row.lift, signed=True))
        cells += [
            interval_text(row.over_logged, signed=True),
            f"{row.effective_sample_size:,.0f}",
            f"{row.mean_weight:.3f}",
        ]
    usual = row.name == result.business_as_usual
    text = "business as usual" if usual else row.decision
    colour = "dim" if usual else _COLOURS[row.decision]
    return [*cells, Text(text if result.causal else "no causal claim", style=colour)]


def _verdict(result: Any) -> Text:
    gate = result.gate
    text = f"{gate.candidate}: {gate.decision}: {words(result)}"
    return Text(text, style=_COLOURS[gate.decision])


def number(value: float, *, signed: bool = False) -> str:
    """Four significant digits; a sign where it is a difference."""
    return f"{value:+.4g}" if signed else f"{value:.4g}"


def interval_text(interval: Any, *, signed: bool = False) -> str:
    """A figure with its interval in brackets, as many decimals as the interval is worth."""
    if interval is None or math.isnan(interval.value):
        return "–"
    width = interval.upper - interval.lower
    if not math.isfinite(width) or width <= 0.0:
        return number(interval.value, signed=signed)
    decimals = min(max(1 - math.floor(math.log10(0.5 * width)), 0), 9)
    sign = "+" if signed else ""
    value, low, high = (
        f"{v:{sign},.{decimals}f}" for v in (interval.value, interval.lower, interval.upper)
    )
    return f"{value} ({low} to {high})"
