"""What figures are made of: points with intervals, bars, shaded tables, courses over time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from bandit.render.style import BLUE, INK, PALE, QUIET, SERIES, SHAPES, WIDTH, Spec, places

STEP = 30
MOST_LABELS = 20
MOST_APART = 12
"""Points in time that are drawn apart, with a line each for the interval; more become bands."""


def span(name: str, interval: Any) -> dict[str, Any]:
    """A row with a figure and its interval."""
    return {
        "name": name,
        "value": interval.value,
        "lower": interval.lower,
        "upper": interval.upper,
    }


def names_of(rows: Iterable[dict[str, Any]]) -> list[str]:
    """Each name once, in order."""
    return list(dict.fromkeys(row["name"] for row in rows))


def y_names(names: Sequence[str]) -> Spec:
    """One line a name, in the order given."""
    return {
        "field": "name",
        "type": "nominal",
        "sort": list(names),
        "title": None,
        "axis": {"domain": False, "ticks": False, "labelPadding": 8},
    }


def series(field: str, names: Sequence[str]) -> tuple[Spec, Spec]:
    """Colour and shape of each series, told in one legend above; none for a single one."""
    legend = {"orient": "top", "title": None} if len(names) > 1 else None
    channel = {"field": field, "type": "nominal", "sort": list(names), "legend": legend}
    domain, own = list(names), places(names)
    colours, shapes = [SERIES[i] for i in own], [SHAPES[i] for i in own]
    return (
        {**channel, "scale": {"domain": domain, "range": colours}},
        {**channel, "scale": {"domain": domain, "range": shapes}},
    )


def rule_at(x: float, *, dashed: bool = False) -> Spec:
    """A vertical line to hold the others against."""
    return {
        "data": {"values": [{"x": x}]},
        "mark": {"type": "rule", "color": QUIET, **({"strokeDash": [4, 3]} if dashed else {})},
        "encoding": {"x": {"field": "x", "type": "quantitative"}},
    }


def interval_layers(
    rows: list[dict[str, Any]],
    names: Sequence[str],
    title: str,
    colour: Spec,
    shape: Spec | None = None,
    offset: str | None = None,
) -> list[Spec]:
    """A point and the line of its interval, one row a name; rows without a figure stay empty."""
    y: Spec = {"y": y_names(names), "color": colour}
    if offset is not None:
        y["yOffset"] = {"field": offset, "type": "nominal"}
    x = {"type": "quantitative", "title": title,
         "axis": {"tickCount": 8, "labelFlush": False}}  # fmt: skip
    data = {"values": [row for row in rows if math.isfinite(row["value"])]}
    bounded = [row for row in data["values"] if math.isfinite(row["upper"] - row["lower"])]
    shaped = {} if shape is None else {"shape": shape}
    return [
        {
            "data": {"values": bounded},
            "mark": {"type": "rule", "strokeWidth": 2.5},
            "encoding": {**y, "x": {**x, "field": "lower"}, "x2": {"field": "upper"}},
        },
        {
            "data": data,
            "mark": {"type": "point", "filled": True, "size": 80, "opacity": 1},
            "encoding": {**y, **shaped, "x": {**x, "field": "value"}},
        },
    ]


def layered(layers: list[Spec], rows: int, step: int = STEP) -> Spec:
    """Layers as high as their rows need."""
    return {"width": WIDTH, "height": max(rows, 1) * step, "layer": layers}


def bars(
    rows: list[dict[str, Any]], title: str, *, percent: bool, room: float, whole: bool = False
) -> Spec:
    """Bars of each row's ``share`` with its ``text`` behind; ``room`` leaves place for that.

    A row may have a ``short`` text for a telephone.
    ``whole``: the axis goes to 100 % even where no bar does.
    """
    most = 1.0 if whole else max((row["share"] for row in rows), default=1.0) or 1.0
    least = min(0.0, *(row["share"] for row in rows))
    most = max(most, -least / room)
    axis: Spec = {"grid": False, "tickCount": 5, **({"format": ".0%"} if percent else {})}
    if percent and room * most > 1.0:
        axis["values"] = [0, 0.25, 0.5, 0.75, 1.0]
    x = {
        "field": "share",
        "type": "quantitative",
        "title": title,
        "scale": {"domain": [least, room * most]},
        "axis": axis,
    }
    behind = [{**row, "end": max(row["share"], 0.0)} for row in rows]
    return {
        "data": {"values": behind},
        "width": WIDTH,
        "height": {"step": 26},
        "encoding": {"y": y_names(names_of(rows))},
        "layer": [
            {
                "mark": {"type": "bar", "color": BLUE, "opacity": 0.75, "height": 14},
                "encoding": {"x": x},
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 6},
                "encoding": {"x": {**x, "field": "end"}, "text": {"field": "text"}},
            },
        ],
    }


def shaded_table(
    rows: list[dict[str, Any]], columns: Sequence[str], most: float, *, room: int
) -> Spec:
    """A table of ``name`` by ``column``, shaded by ``amount`` up to ``most``, with its ``text``."""
    cell = max(50, min(110, room // max(len(columns), 1)))
    fits = all(7 * len(column) <= cell for column in columns)
    axis: Spec = {"labelAngle": 0, "orient": "top"}
    if not fits:
        axis = {"labelAngle": -35, "orient": "bottom", "labelLimit": 160}
    return {
        "data": {"values": rows},
        "width": {"step": cell},
        "height": {"step": 28},
        "encoding": {
            "y": y_names(names_of(rows)),
            "x": {
                "field": "column",
                "type": "nominal",
                "sort": list(columns),
                "title": None,
                "axis": {**axis, "domain": False, "ticks": False, "labelPadding": 6},
            },
        },
        "layer": [
            {
                "mark": {"type": "rect", "stroke": "white"},
                "encoding": {
                    "color": {
                        "field": "amount",
                        "type": "quantitative",
                        "scale": {"range": [PALE, BLUE], "domain": [0, most]},
                        "legend": None,
                    }
                },
            },
            {
                "mark": {"type": "text"},
                "encoding": {
                    "text": {"field": "text"},
                    "color": {
                        "condition": {"test": f"datum.amount > {0.55 * most}", "value": "white"},
                        "value": INK,
                    },
                },
            },
        ],
    }


def course(rows: list[dict[str, Any]], groups: Sequence[str], x_title: str, y_title: str) -> Spec:
    """Figures with intervals over time, by ``group``; a short bar at what was ``expected``."""
    labels = names_of(rows)
    apart = len(labels) <= MOST_APART
    colour, shape = series("group", groups)
    y = {"type": "quantitative", "title": y_title, "scale": {"zero": False}}
    encoding: Spec = {
        "x": {
            "field": "name",
            "type": "ordinal",
            "sort": labels,
            "title": x_title,
            "axis": _labels_below(labels),
        },
        "color": colour,
    }
    if apart and len(groups) > 1:
        encoding["xOffset"] = {"field": "group", "type": "nominal", "sort": list(groups)}
    between = {"y": {**y, "field": "lower"}, "y2": {"field": "upper"}}
    middle = {"y": {**y, "field": "value"}}
    dot = {"type": "point", "filled": True, "size": 60 if apart else 30, "opacity": 1}
    layers: list[Spec] = [{"mark": dot, "encoding": {**middle, "shape": shape}}]
    if apart:
        layers.insert(0, {"mark": {"type": "rule", "strokeWidth": 2}, "encoding": between})
    else:
        layers[:0] = [
            {"mark": {"type": "area", "opacity": 0.15}, "encoding": between},
            {"mark": {"type": "line", "strokeWidth": 1.5}, "encoding": middle},
        ]
    if any("expected" in row for row in rows):
        tick = {"type": "tick", "orient": "horizontal", "thickness": 2, "width": 12}
        layers.append({"mark": tick, "encoding": {"y": {**y, "field": "expected"}}})
    return {
        "data": {"values": rows},
        "width": WIDTH,
        "height": 260,
        "encoding": encoding,
        "layer": layers,
    }


def _labels_below(labels: Sequence[str]) -> Spec:
    """Level where they fit, else slanted, and then the newest is always named."""
    room = WIDTH / max(len(labels), 1)
    if 7 * max(map(len, labels), default=0) <= room:
        return {"labelAngle": 0, "labelOverlap": "greedy", "labelSeparation": 6}
    step = -(-len(labels) // MOST_LABELS)
    return {"labelAngle": -35, "labelLimit": 120, "values": list(labels[::-1][::step])}
