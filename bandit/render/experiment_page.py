"""What an experiment showed, as a page that opens from disk."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bandit.core.wording import interval_text, number
from bandit.render import render
from bandit.render.experiment_tables import arm_rows, check_rows, effect_rows, segment_rows
from bandit.render.parts import course, interval_layers, layered, rule_at, series, span
from bandit.render.render import Figure
from bandit.render.style import BLUE, WIDTH, Spec
from bandit.results.experiment import ExperimentReading

_MOODS = {"ship": "ship", "worse": "hold", "guardrail": "hold", "blocked": "hold"}
"""The colour of a verdict."""


def write_experiment(folder: Path, result: ExperimentReading, made_by: str) -> Path:
    """Write report.html and the figures of a reading into ``folder``; the page's path."""
    content = {
        "title": f"Experiment {result.experiment}",
        "verdict": result.verdict[0].upper() + result.verdict[1:],
        "words": result.words,
        "mood": _MOODS.get(result.verdict, ""),
        "facts": {
            "hypothesis": result.hypothesis,
            "control": result.control,
            "look": f"{result.look} of {result.looks}, {result.method}",
            "waves compared": ", ".join(result.waves) or "none",
            "waves still open": ", ".join(result.waiting) or "none",
        },
        "notes": result.notes,
        "tables": _tables(result),
        "made_by": made_by,
    }
    return render.write(folder, "experiment.html", _figures(result), content)


def _tables(result: ExperimentReading) -> list[dict[str, Any]]:
    found = [
        _table(
            "What the arms came to",
            "A customer over the closed waves, on all who were assigned, whatever they got. The"
            " primary difference is at the confidence that this look allows.",
            effect_rows(result),
        ),
        _table(
            "By segment",
            "The primary difference, as found and with what of it is noise taken off; the p-values"
            " are raised for all that were looked at.",
            segment_rows(result),
        ),
        _table("The arms", "How many were assigned, and what became of them.", arm_rows(result)),
        _table(
            "May they be compared?",
            "Sizes against those drawn, and who they were before: below 0.001 nothing is read.",
            check_rows(result),
        ),
    ]
    return [table for table in found if table["rows"]]


def _table(
    title: str, words: str, table: tuple[Sequence[str], Sequence[Sequence[str]]]
) -> dict[str, Any]:
    return {"title": title, "words": words, "heads": table[0], "rows": table[1]}


def _figures(result: ExperimentReading) -> list[Figure]:
    if not result.path:
        return []
    primary = next(e.metric for e in result.effects if e.role == "primary")
    rows = [{**span(one.wave, one.interval), "group": one.arm} for one in result.path]
    drawn = [row for row in rows if math.isfinite(row["upper"] - row["lower"])] or rows
    arms = list(dict.fromkeys(row["group"] for row in rows))
    unit = f"{primary} over {result.control}, a customer so far"
    return [
        _now(result, unit),
        Figure(
            "time",
            "The effect over time",
            "After each closed wave, with limits that hold at all planned looks together; waves at"
            " which nothing may be read are left out.",
            course(drawn, arms, "wave", unit),
        ),
        _alpha(result),
    ]


def _now(result: ExperimentReading, unit: str) -> Figure:
    last = {one.arm: one for one in result.path}
    rows = [span(arm, one.interval) for arm, one in last.items()]
    colour, _ = series("name", list(last))
    layers = [rule_at(0.0), *interval_layers(rows, list(last), unit, {**colour, "legend": None})]
    words = "; ".join(f"{a}: {interval_text(o.interval, signed=True)}" for a, o in last.items())
    return Figure(
        "effect", f"Each arm less {result.control}", f"{words}.", layered(layers, len(rows))
    )


def _alpha(result: ExperimentReading) -> Figure:
    """The error that the looks have used up, by wave."""
    spent = {one.wave: one.alpha_spent for one in result.path}
    x = {"field": "wave", "type": "ordinal", "sort": list(spent), "title": "wave",
         "axis": {"labelAngle": 0}}  # fmt: skip
    y = {"field": "alpha", "type": "quantitative", "title": "alpha spent"}
    spec: Spec = {
        "data": {"values": [{"wave": wave, "alpha": alpha} for wave, alpha in spent.items()]},
        "width": WIDTH,
        "height": 160,
        "mark": {"type": "line", "color": BLUE, "strokeWidth": 2, "point": {"size": 70}},
        "encoding": {"x": x, "y": y},
    }
    total = list(spent.values())[-1]
    return Figure(
        "alpha",
        "The alpha spent",
        f"After look {result.look} of {result.looks}: {number(total)}. Each closed wave is a look,"
        " whether somebody looked or not.",
        spec,
    )
