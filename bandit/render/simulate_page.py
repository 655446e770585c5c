"""The judgement as a page that opens from disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bandit.core.wording import counted, interval_text, number, rounded_up
from bandit.render import render
from bandit.render.simulate_figures import decision_of, simulate_figures
from bandit.render.simulate_tables import beside, group_rows, method, whole_rows, words
from bandit.results.judge import Judged, SimulateResult


def write_simulation(folder: Path, result: SimulateResult, made_by: str) -> Path:
    """Write report.html and the figures of a simulation into ``folder``; the page's path."""
    heads, rows = _candidates(result)
    gate = result.gate
    content = {
        "title": f"Simulation of {result.title}",
        "decision": gate.decision,
        "gate": f"{gate.candidate}: {gate.decision}",
        "words": words(result),
        "facts": _facts(result),
        "notes": [*beside(result), *result.notes],
        "heads": heads,
        "rows": rows,
        "reasons": {row.name: row.reason for row in result.candidates},
        "groups": group_rows(result),
        "whole": dict(zip(("heads", "rows"), whole_rows(result), strict=True)),
        "overlap": _overlap(result),
        "unit": result.unit,
        "estimates": _estimates(result),
        "segments": [
            [s.column, s.group, f"{s.rows:,}", interval_text(s.lift, signed=True)]
            for s in result.segments
        ],
        "made_by": made_by,
    }
    return render.write(folder, "simulate.html", simulate_figures(result), content)


def _facts(result: SimulateResult) -> dict[str, str]:
    return {
        "log": f"{counted(result.rows, 'decision')} of {counted(result.customers, 'customer')},"
        f" {counted(result.actions, 'action')}",
        "it earned": f"{interval_text(result.logged)} {result.unit} a decision",
        "business as usual": result.business_as_usual or "the policy that made the log",
        "method": method(result),
    }


def _candidates(result: SimulateResult) -> tuple[list[str], list[list[str]]]:
    baseline = result.business_as_usual
    heads = ["candidate", "verdict", f"value, {result.unit} a decision"]
    if result.causal:
        heads += [f"lift over {baseline}"] if baseline else []
        heads += ["lift over the log", "rows to decide"]
    return heads, [_cells(result, row) for row in result.candidates]


def _cells(result: SimulateResult, row: Judged) -> list[str]:
    cells = [row.name, decision_of(result, row), interval_text(row.value)]
    if not result.causal:
        return cells
    if result.business_as_usual:
        cells.append(interval_text(row.lift, signed=True))
    cells.append(interval_text(row.over_logged, signed=True))
    return [*cells, rounded_up(row.needed_n) if row.needed_n else "–"]


def _overlap(result: SimulateResult) -> dict[str, Any]:
    if not result.causal:
        return {"heads": [], "rows": []}
    heads = ["candidate", "decisions", "effective sample size", "mean weight", "largest weight"]
    return {
        "heads": [*heads, "its share", "never logged"],
        "rows": [
            [
                row.name,
                f"{row.rows:,}",
                f"{row.effective_sample_size:,.0f}",
                f"{row.mean_weight:.3f} ± {row.mean_weight_error:.3f}",
                number(row.max_weight),
                f"{row.max_weight_share:.2%}",
                f"{row.unsupported_share:.1%}",
            ]
            for row in result.candidates
        ],
    }


def _estimates(result: SimulateResult) -> dict[str, Any]:
    names = list(result.candidates[0].estimates)
    return {
        "heads": ["candidate", *names],
        "rows": [
            [row.name, *(interval_text(row.estimates[name]) for name in names)]
            for row in result.candidates
        ],
    }
