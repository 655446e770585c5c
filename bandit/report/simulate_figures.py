"""The figures of a judgement, as Vega-Lite specifications."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from bandit.report.render import QUIET, Figure, Spec

WIDTH = 620
STEP = 30
MOST_ACTIONS = 10
BLUE, GREEN, RED, AMBER, GREY = "#2b5fad", "#1d7f4e", "#b3352c", "#9a6700", "#77818f"
_SERIES = (BLUE, "#d07a1e", GREEN, "#8a4fa3", GREY, "#b3352c")
_DECISIONS = {
    "ship": GREEN, "hold": RED, "not enough data": AMBER, "business as usual": BLUE,
    "no causal claim": GREY,
}  # fmt: skip


def simulate_figures(result: Any) -> list[Figure]:
    """Value and lift of each candidate, for whom it pays, weights, overlap, time, learning."""
    found = [_values(result)]
    if result.causal:
        found += [_lifts(result)]
    if result.segments:
        found.append(_segments(result))
    if result.causal:
        found += [_weights(result), _overlap(result)]
    found += [_actions(result), _periods(result)]
    if result.curves:
        found.append(_curves(result))
    return found


def decision_of(result: Any, row: Any) -> str:
    """The verdict as the page shows it."""
    if not result.causal:
        return "no causal claim"
    return "business as usual" if row.name == result.business_as_usual else str(row.decision)


def _values(result: Any) -> Figure:
    rows = [
        {**_span(row.name, row.value), "verdict": decision_of(result, row)}
        for row in result.candidates
        if math.isfinite(row.value.value)
    ]
    rule = {
        "data": {"values": [{"x": result.logged.value}]},
        "mark": {"type": "rule", "color": QUIET, "strokeDash": [4, 3]},
        "encoding": {"x": {"field": "x", "type": "quantitative"}},
    }
    colour = {
        "field": "verdict",
        "type": "nominal",
        "scale": {"domain": list(_DECISIONS), "range": list(_DECISIONS.values())},
        "legend": {"orient": "top", "title": None, "values": _used(r["verdict"] for r in rows)},
    }
    layers = [rule, *_interval_layers(rows, _names(rows), f"{result.unit} a decision", colour)]
    return Figure(
        "value",
        "What each candidate would earn",
        f"Value a decision with its {result.confidence:.0%} interval; the dashed line is what the"
        f" logged policy earned ({result.logged.value:.4g} {result.unit}).",
        _layered(layers, len(rows)),
    )


def _lifts(result: Any) -> Figure:
    usual = result.business_as_usual
    rows = []
    for row in result.candidates:
        if row.lift is not None:
            rows.append({**_span(row.name, row.lift), "over": f"over {usual}"})
        if row.over_logged is not None:
            rows.append({**_span(row.name, row.over_logged), "over": "over the logged policy"})
    colour = {
        "field": "over",
        "type": "nominal",
        "scale": {"range": [BLUE, "#d07a1e"]},
        "legend": {"orient": "top", "title": None},
    }
    title = f"lift, {result.unit} a decision"
    layers = [_zero(), *_interval_layers(rows, _names(rows), title, colour, offset="over")]
    several = " They hold for all candidates at once." if result.at_once > 1 else ""
    return Figure(
        "lift",
        "What each candidate would earn more",
        f"Paired differences with {result.confidence:.0%} intervals, right of zero is better."
        + several,
        _layered(layers, len(_names(rows)), step=STEP + 10),
    )


def _segments(result: Any) -> Figure:
    rows = [{**_span(f"{s.column}: {s.group}", s.lift), "rows": s.rows} for s in result.segments]
    over = result.business_as_usual
    over = over if over and over != result.gate.candidate else "the logged policy"
    layers = [
        _zero(),
        *_interval_layers(rows, _names(rows), f"lift, {result.unit} a decision", {"value": BLUE}),
    ]
    return Figure(
        "segments",
        f"For whom {result.gate.candidate} pays",
        f"Lift over {over} among some customers; the intervals of all groups hold at once, so a"
        " group that stands out by chance is not taken for a finding.",
        _layered(layers, len(rows), step=24),
    )


def _weights(result: Any) -> Figure:
    names = ("median", "90 %", "99 %", "99.9 %", "largest")
    rows = [
        {"name": name, "quantile": label, "weight": value, "size": size}
        for name, values in result.weights.items()
        for label, value, size in zip(names, values, (15, 50, 110, 190, 290), strict=True)
    ]
    most = max(1.0, *(value for values in result.weights.values() for value in values))
    ticks = [0, 1, *(s * 10**e for e in range(9) for s in (3, 10))]
    order = {"field": "quantile", "type": "ordinal", "sort": list(names)}
    spec = {
        "data": {"values": rows},
        "width": WIDTH,
        "height": {"step": STEP},
        # Rings of growing size, so that quantiles which fall together are all seen.
        "mark": {"type": "point", "filled": False, "strokeWidth": 2, "opacity": 1},
        "encoding": {
            "y": _y(list(result.weights)),
            "x": {
                "field": "weight",
                "type": "quantitative",
                "scale": {"type": "symlog", "constant": 1},
                "title": "importance weight",
                "axis": {"format": ",", "values": [t for t in ticks if t <= 3 * most]},
            },
            "color": {
                **order,
                "scale": {
                    "domain": list(names),
                    "range": ["#9db8dd", "#5f8bc9", BLUE, "#d07a1e", RED],
                },
                "legend": {"orient": "top", "title": None},
            },
            "size": {"field": "size", "type": "quantitative", "scale": None, "legend": None},
        },
    }
    return Figure(
        "weights",
        "How unequal the weights are",
        "A row counts by the candidate's probability over the logged one. A few very large weights"
        " carry the whole estimate, and its interval with it.",
        spec,
    )


def _overlap(result: Any) -> Figure:
    rows = [
        {
            "name": row.name,
            "share": row.effective_sample_size / row.rows,
            "text": f"{row.effective_sample_size:,.0f} of {row.rows:,}, mean weight"
            f" {row.mean_weight:.3f}",
        }
        for row in result.candidates
    ]
    spec = {
        "data": {"values": rows},
        "width": WIDTH,
        "height": {"step": STEP},
        "encoding": {"y": _y(_names(rows))},
        "layer": [
            {
                "mark": {"type": "bar", "color": BLUE, "opacity": 0.75, "height": 14},
                "encoding": {
                    "x": {
                        "field": "share",
                        "type": "quantitative",
                        "scale": {"domain": [0, 1.35]},
                        "axis": {
                            "format": ".0%",
                            "values": [0, 0.25, 0.5, 0.75, 1.0],
                            "grid": False,
                        },
                        "title": "effective sample size, share of the rows",
                    }
                },
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 6},
                "encoding": {
                    "x": {"field": "share", "type": "quantitative"},
                    "text": {"field": "text"},
                },
            },
        ],
    }
    return Figure(
        "overlap",
        "How much of the log speaks for each candidate",
        "The effective sample size is what is left of the rows when the log did other things than"
        " the candidate would; the mean weight must be near 1.",
        spec,
    )


def _actions(result: Any) -> Figure:
    total: dict[str, float] = {}
    for row in result.candidates:
        for name, share in row.shares.items():
            total[name] = total.get(name, 0.0) + share
    kept = sorted(total, key=lambda name: -total[name])[:MOST_ACTIONS]
    others = f"{len(total) - len(kept)} others"
    shown = [*kept, others] if len(total) > len(kept) else kept
    rows = []
    for row in result.candidates:
        shares = {name: row.shares.get(name, 0.0) for name in kept}
        if others in shown:
            shares[others] = max(0.0, 1.0 - sum(shares.values()))
        rows += [
            {"name": row.name, "action": a, "share": s, "text": _percent(s)}
            for a, s in shares.items()
        ]
    cell = max(52, min(110, 700 // len(shown)))
    spec = {
        "data": {"values": rows},
        "width": {"step": cell},
        "height": {"step": STEP},
        "encoding": {
            "y": _y(_names(rows)),
            "x": {
                "field": "action",
                "type": "nominal",
                "sort": shown,
                "title": None,
                "axis": {"labelAngle": -35, "orient": "bottom", "labelLimit": 160},
            },
        },
        "layer": [
            {
                "mark": {"type": "rect", "stroke": "white"},
                "encoding": {
                    "color": {
                        "field": "share",
                        "type": "quantitative",
                        "scale": {"range": ["#f2f5f9", BLUE], "domain": [0, 1]},
                        "legend": None,
                    }
                },
            },
            {
                "mark": {"type": "text", "fontSize": 11},
                "encoding": {
                    "text": {"field": "text"},
                    "color": {
                        "condition": {"test": "datum.share > 0.55", "value": "white"},
                        "value": "#1c2430",
                    },
                },
            },
        ],
    }
    return Figure(
        "actions",
        "What each candidate would do",
        "Share of the decisions, averaged over the log.",
        spec,
    )


def _periods(result: Any) -> Figure:
    rows = [{**_span(p.label, p.reward), "group": p.group} for p in result.periods]
    labels, groups = _names(rows), list(dict.fromkeys(p.group for p in result.periods))
    several = len(groups) > 1
    x = {
        "field": "name",
        "type": "nominal",
        "sort": labels,
        "title": "wave" if result.has_waves else "tenths of the log, in the order of time",
        "axis": {"labelAngle": 0 if len(labels) <= 10 else -40},
    }
    y = {"type": "quantitative", "title": f"{result.unit} a decision", "scale": {"zero": False}}
    encoding: Spec = {
        "x": x,
        "color": {
            "field": "group",
            "type": "nominal",
            "scale": {"domain": groups, "range": list(_SERIES)},
            "legend": {"orient": "top", "title": None} if several else None,
        },
    }
    if several:
        encoding["xOffset"] = {"field": "group", "type": "nominal", "sort": groups}
    spec = {
        "data": {"values": rows},
        "width": WIDTH,
        "height": 220,
        "encoding": encoding,
        "layer": [
            {
                "mark": {"type": "rule", "strokeWidth": 2},
                "encoding": {"y": {**y, "field": "lower"}, "y2": {"field": "upper"}},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 60, "opacity": 1},
                "encoding": {"y": {**y, "field": "value"}},
            },
        ],
    }
    whose = " of each group that decided" if several else ""
    return Figure(
        "time",
        "What the log earned over time",
        f"Mean net reward{whose}, with 95 % intervals. A log that moves speaks less surely for"
        " tomorrow.",
        spec,
    )


def _curves(result: Any) -> Figure:
    # The first few waves are noise, and would set the scale.
    first = len(result.curves[0].seen) // 10
    rows = [
        {"name": c.name, "seen": seen, "value": v, "lower": low, "upper": high}
        for c in result.curves
        for seen, v, low, high in list(zip(c.seen, c.value, c.lower, c.upper, strict=True))[first:]
        if v is not None and math.isfinite(v)
    ]
    names = [c.name for c in result.curves]
    colour = {
        "field": "name",
        "type": "nominal",
        "sort": names,
        "scale": {"domain": names, "range": list(_SERIES[: len(names)])},
        "legend": {"orient": "top", "title": None},
    }
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
                "mark": {"type": "area", "opacity": 0.15, "clip": True},
                "encoding": {"y": {**y, "field": "lower"}, "y2": {"field": "upper"}},
            },
            {
                "mark": {"type": "line", "strokeWidth": 2, "clip": True},
                "encoding": {"y": {**y, "field": "value"}},
            },
        ],
    }
    return Figure(
        "learning",
        "How fast each policy would have learned",
        result.curves[0].how,
        spec,
    )


def _span(name: str, interval: Any) -> dict[str, Any]:
    return {
        "name": name,
        "value": interval.value,
        "lower": interval.lower,
        "upper": interval.upper,
    }


def _names(rows: Iterable[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(row["name"] for row in rows))


def _used(values: Iterable[str]) -> list[str]:
    used = set(values)
    return [name for name in _DECISIONS if name in used]


def _y(names: Sequence[str]) -> Spec:
    return {
        "field": "name",
        "type": "nominal",
        "sort": list(names),
        "title": None,
        "axis": {"domain": False, "ticks": False, "labelPadding": 8},
    }


def _zero() -> Spec:
    return {
        "data": {"values": [{"x": 0}]},
        "mark": {"type": "rule", "color": QUIET},
        "encoding": {"x": {"field": "x", "type": "quantitative"}},
    }


def _interval_layers(
    rows: list[dict[str, Any]],
    names: Sequence[str],
    title: str,
    colour: Spec,
    offset: str | None = None,
) -> list[Spec]:
    """A point and the line of its interval, one row a name."""
    y: Spec = {"y": _y(names), "color": colour}
    if offset is not None:
        y["yOffset"] = {"field": offset, "type": "nominal"}
    x = {"type": "quantitative", "title": title,
         "axis": {"format": "~g", "tickCount": 8, "labelFlush": False}}  # fmt: skip
    return [
        {
            "data": {"values": rows},
            "mark": {"type": "rule", "strokeWidth": 2.5},
            "encoding": {**y, "x": {**x, "field": "lower"}, "x2": {"field": "upper"}},
        },
        {
            "data": {"values": rows},
            "mark": {"type": "point", "filled": True, "size": 80, "opacity": 1},
            "encoding": {**y, "x": {**x, "field": "value"}},
        },
    ]


def _layered(layers: list[Spec], rows: int, step: int = STEP) -> Spec:
    return {"width": WIDTH, "height": max(rows, 1) * step, "layer": layers}


def _percent(share: float) -> str:
    if share == 0.0:
        return ""
    return f"{share:.0%}" if share >= 0.01 else "<1%"
