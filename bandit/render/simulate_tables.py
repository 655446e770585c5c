"""The judgement of `bandit simulate` as tables for a terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bandit.core.wording import counted, interval_text
from bandit.render.tables import notes, page, pairs
from bandit.results.judge import Judged, SimulateResult

_COLOURS = {"ship": "green", "hold": "red", "not enough data": "yellow"}


def simulate_tables(result: SimulateResult) -> RenderableType:
    """What was judged on what, one row a candidate, and the verdict in words."""
    facts = {
        "log": f"{counted(result.rows, 'decision')} of {counted(result.customers, 'customer')},"
        f" {counted(result.actions, 'action')}",
        "it earned": f"{interval_text(result.logged)} {result.unit} a decision",
        "business as usual": result.business_as_usual or "the policy that made the log",
        "method": method(result),
    }
    title = Text(f"simulate {result.title}", style="bold")
    parts: list[RenderableType] = [title, pairs(facts), _table(result)]
    parts += [_groups(result)] if result.groups else []
    parts += [_whole(result)] if result.whole else []
    parts += [Text(line) for line in beside(result)]
    parts += [_verdict(result)]
    return Group(*parts, *page(result.report), *notes(result.notes))


def method(result: SimulateResult) -> str:
    """Estimator and interval in one line."""
    if not result.causal:
        return "outcome model only: no causal claim"
    held = f", all {result.at_once} lifts at once" if result.at_once > 1 else ""
    look = ""
    if result.looks > 1:
        look = (
            f", look {result.looks} of as many as come: of policies without a lift at most"
            f" {1.0 - result.promised:.3g} ever ship"
        )
    return (
        f"{result.estimator}, {result.interval} interval at {share(result.confidence)}{held}{look}"
    )


def share(confidence: float) -> str:
    """A confidence as a percentage, with a digit more where it is no whole one."""
    return f"{100.0 * confidence:.3g}%"


def words(result: SimulateResult) -> str:
    """Why the gate says what it says, as a sentence."""
    reason = result.gate.reason
    return f"{reason[0].upper()}{reason[1:]}."


def _table(result: SimulateResult) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("candidate")
    heads = [f"value\n{result.unit}/decision"]
    if result.causal:
        baseline = result.business_as_usual
        heads += [f"lift over\n{baseline}"] if baseline else []
        heads += ["lift over\nthe log", "ESS", "mean\nweight"]
    for head in heads:
        table.add_column(head, justify="right")
    table.add_column("verdict")
    for row in result.candidates:
        table.add_row(*_cells(result, row))
    return table


def _groups(result: SimulateResult) -> Table:
    table = Table(box=None, pad_edge=False)
    for head in ("as served", "less"):
        table.add_column(head)
    for head in ("decisions", f"difference\n{result.unit}/decision"):
        table.add_column(head, justify="right")
    for row in group_rows(result):
        table.add_row(*row)
    return table


def group_rows(result: SimulateResult) -> list[list[str]]:
    """Differences of randomised groups, as cells."""
    return [
        [g.group, g.over, f"{g.rows:,}", interval_text(g.lift, signed=True)] for g in result.groups
    ]


def _whole(result: SimulateResult) -> Table:
    table = Table(box=None, pad_edge=False)
    heads, rows = whole_rows(result)
    table.add_column(heads[0])
    for head in heads[1:]:
        table.add_column(head, justify="right")
    for row in rows:
        table.add_row(*row)
    return table


def whole_rows(result: SimulateResult) -> tuple[list[str], list[list[str]]]:
    """Candidates with all slots of a wave, as heads and cells."""
    over = result.business_as_usual
    heads = ["with all slots", f"value\n{result.unit}/customer"]
    heads += [f"lift over\n{over}"] if over else []
    rows = []
    for one in result.whole:
        lift = [interval_text(one.lift, signed=True)] if over else []
        rows.append(
            [one.name, interval_text(one.value), *lift, f"{one.effective_sample_size:,.0f}"]
        )
    return [*heads, "ESS"], rows


def beside(result: SimulateResult) -> list[str]:
    """What shadows came to live, a sentence each."""
    return [
        f"shadow {one.name}, beside {one.slots:,} live slots: it gives {one.agreement:.1%} to what"
        f" was done; by the model its picks are worth {one.lift:+.4g} {result.unit} a slot more"
        for one in result.shadows
    ]


def _cells(result: SimulateResult, row: Judged) -> list[RenderableType]:
    cells: list[RenderableType] = [row.name, interval_text(row.value)]
    if result.causal:
        if result.business_as_usual:
            cells.append(interval_text(row.lift, signed=True))
        cells += [
            interval_text(row.over_logged, signed=True),
            f"{row.effective_sample_size:,.0f}",
            f"{row.mean_weight:.3f}",
        ]
    baseline = row.name == result.business_as_usual
    text = "business as usual" if baseline else row.decision
    colour = "dim" if baseline else _COLOURS[row.decision]
    return [*cells, Text(text if result.causal else "no causal claim", style=colour)]


def _verdict(result: SimulateResult) -> Text:
    gate = result.gate
    text = f"{gate.candidate}: {gate.decision}: {words(result)}"
    return Text(text, style=_COLOURS[gate.decision])
