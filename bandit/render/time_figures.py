"""What the log earned over time, and how fast a policy would have learned from it."""

from __future__ import annotations

import math

from bandit.render.parts import course, series, span
from bandit.render.render import Figure
from bandit.render.style import WIDTH
from bandit.results.judge import SimulateResult

_DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [12, 4])
"""A line has its own dashes beside its own colour."""


def periods(result: SimulateResult) -> Figure:
    """Mean net reward of the logged policy's groups, by wave or by tenths of the log."""
    rows = [{**span(p.label, p.reward), "group": p.group} for p in result.periods]
    groups = list(dict.fromkeys(p.group for p in result.periods))
    whose = " of each group that decided" if len(groups) > 1 else ""
    when = "wave" if result.has_waves else "tenths of the log, in the order of time"
    return Figure(
        "time",
        "What the log earned over time",
        f"Mean net reward{whose}, with 95 % intervals. A log that moves speaks less surely for"
        " tomorrow.",
        course(rows, groups, when, f"{result.unit} a decision"),
    )


def curves(result: SimulateResult) -> Figure:
    """Value a decision of each learner, up to so many decisions replayed."""
    # The first few waves are noise, and would set the scale.
    first = len(result.curves[0].seen) // 10
    rows = [
        {"name": c.name, "seen": seen, "value": v, "lower": low, "upper": high}
        for c in result.curves
        for seen, v, low, high in list(zip(c.seen, c.value, c.lower, c.upper, strict=True))[first:]
        if v is not None and math.isfinite(v)
    ]
    names = [c.name for c in result.curves]
    colour, _ = series("name", names)
    if colour["legend"]:
        colour["legend"] = {**colour["legend"], "symbolType": "stroke", "symbolSize": 400}
    dashes = [_DASHES[i % len(_DASHES)] for i in range(len(names))]
    x = {"field": "seen", "type": "quantitative", "title": "decisions replayed",
         "axis": {"format": ",d", "tickCount": 8, "labelFlush": False}}  # fmt: skip
    y = {"type": "quantitative", "title": f"{result.unit} a decision so far",
         "scale": {"zero": False}}  # fmt: skip
    spec = {
        "data": {"values": rows},
        "width": WIDTH,
        "height": 260,
        "encoding": {"x": x, "color": colour},
        "layer": [
            {
                "mark": {"type": "area", "opacity": 0.15},
                "encoding": {"y": {**y, "field": "lower"}, "y2": {"field": "upper"}},
            },
            {
                "mark": {"type": "line", "strokeWidth": 2},
                "encoding": {
                    "y": {**y, "field": "value"},
                    "strokeDash": {**colour, "scale": {"domain": names, "range": dashes}},
                },
            },
        ],
    }
    return Figure("learning", "How fast each policy would have learned", result.curves[0].how, spec)
