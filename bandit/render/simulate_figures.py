"""The figures of a judgement: value and lift of each candidate, and for whom it pays."""

from __future__ import annotations

import math

from bandit.core.wording import number
from bandit.render.overlap_figures import actions, overlap, weights
from bandit.render.parts import STEP, interval_layers, layered, names_of, rule_at, series, span
from bandit.render.render import Figure
from bandit.render.simulate_tables import share
from bandit.render.style import AMBER, BLUE, GREEN, GREY, RED
from bandit.render.time_figures import curves, periods
from bandit.results.judge import Judged, SimulateResult

_DECISIONS = {
    "ship": (GREEN, "triangle-up"), "hold": (RED, "square"), "not enough data": (AMBER, "diamond"),
    "business as usual": (BLUE, "circle"), "no causal claim": (GREY, "cross"),
}  # fmt: skip


def simulate_figures(result: SimulateResult) -> list[Figure]:
    """Value and lift of each candidate, for whom it pays, weights, overlap, time, learning."""
    found = []
    if any(math.isfinite(row.value.value) for row in result.candidates):
        found.append(_values(result))
        if result.causal:
            found.append(_lifts(result))
    if result.segments:
        found.append(_segments(result))
    if result.causal:
        found += [weights(result), overlap(result)]
    found.append(actions(result))
    if result.periods:
        found.append(periods(result))
    if result.curves:
        found.append(curves(result))
    return found


def decision_of(result: SimulateResult, row: Judged) -> str:
    """The verdict as the page shows it."""
    if not result.causal:
        return "no causal claim"
    return "business as usual" if row.name == result.business_as_usual else str(row.decision)


def _values(result: SimulateResult) -> Figure:
    rows = [
        {**span(row.name, row.value), "verdict": decision_of(result, row)}
        for row in result.candidates
    ]
    used = {row["verdict"] for row in rows}
    shown = {name: look for name, look in _DECISIONS.items() if name in used}
    verdict = {"field": "verdict", "type": "nominal", "legend": {"orient": "top", "title": None}}
    colour, shape = (
        {**verdict, "scale": {"domain": list(shown), "range": [look[i] for look in shown.values()]}}
        for i in range(2)
    )
    title = f"{result.unit} a decision"
    layers = [
        rule_at(result.logged.value, dashed=True),
        *interval_layers(rows, names_of(rows), title, colour, shape),
    ]
    return Figure(
        "value",
        "What each candidate would earn",
        f"Value a decision with its {share(result.confidence)} interval; the dashed line is what"
        f" the logged policy earned ({number(result.logged.value)} {result.unit}).",
        layered(layers, len(rows)),
    )


def _lifts(result: SimulateResult) -> Figure:
    over_baseline, over_log = f"over {result.business_as_usual}", "over the logged policy"
    rows = []
    for row in result.candidates:
        if row.lift is not None:
            rows.append({**span(row.name, row.lift), "over": over_baseline})
        if row.over_logged is not None:
            rows.append({**span(row.name, row.over_logged), "over": over_log})
    over = [over_baseline, over_log] if result.business_as_usual else [over_log]
    colour, shape = series("over", over)
    title = f"lift, {result.unit} a decision"
    offset = "over" if len(over) > 1 else None
    layers = [rule_at(0), *interval_layers(rows, names_of(rows), title, colour, shape, offset)]
    several = " They hold for all candidates at once." if result.at_once > 1 else ""
    what = f" {over[0].capitalize()}." if len(over) == 1 else ""
    return Figure(
        "lift",
        "What each candidate would earn more",
        f"Paired differences with {share(result.confidence)} intervals, right of zero is better."
        + what + several,
        layered(layers, len(names_of(rows)), step=STEP + (10 if len(over) > 1 else 0)),
    )  # fmt: skip


def _segments(result: SimulateResult) -> Figure:
    rows = [span(f"{s.column}: {s.group}", s.lift) for s in result.segments]
    over = result.business_as_usual
    over = over if over and over != result.gate.candidate else "the logged policy"
    title = f"lift, {result.unit} a decision"
    layers = [rule_at(0), *interval_layers(rows, names_of(rows), title, {"value": BLUE})]
    return Figure(
        "segments",
        f"For whom {result.gate.candidate} pays",
        f"Lift over {over} among some customers; the intervals of all groups hold at once, so a"
        " group that stands out by chance is not taken for a finding.",
        layered(layers, len(rows), step=24),
    )
