"""The figures of a wave, as Vega-Lite specifications."""

from __future__ import annotations

from typing import Any

from bandit.report.render import Figure, Spec

WIDTH = 620
BLUE, ORANGE, GREEN = "#2b5fad", "#d07a1e", "#1d7f4e"
_SERIES = (BLUE, ORANGE, GREEN, "#8a4fa3", "#77818f", "#b3352c", "#0d7d87", "#a0522d")
MOST_OFFERS = 25


def wave_figures(result: Any) -> list[Figure]:
    """What went out, to whom, why others were left in peace, what came of it, prices."""
    found = []
    if result.grid:
        found.append(_grid(result))
    if result.segments:
        found.append(_segments(result))
    if result.at_peace:
        found.append(_peace(result))
    if result.earned:
        found += [_expected(result), _time(result)]
    if any(limit["price"] > 0.0 for limit in result.limits):
        found.append(_prices(result))
    return found


def _grid(result: Any) -> Figure:
    offers = list(result.grid)[:MOST_OFFERS]
    channels = sorted({c for cells in result.grid.values() for c in cells})
    rows = [
        {"offer": offer, "channel": channel, "count": n, "text": f"{n:,}"}
        for offer in offers
        for channel, n in result.grid[offer].items()
    ]
    most = max(row["count"] for row in rows)
    left = len(result.grid) - len(offers)
    spec = {
        "data": {"values": rows},
        "width": {"step": max(64, min(110, 560 // len(channels)))},
        "height": {"step": 26},
        "encoding": {
            "y": {"field": "offer", "type": "nominal", "sort": offers, "title": None},
            "x": {
                "field": "channel",
                "type": "nominal",
                "title": None,
                "axis": {"labelAngle": 0, "orient": "top"},
            },
        },
        "layer": [
            {
                "mark": {"type": "rect", "stroke": "white"},
                "encoding": {
                    "color": {
                        "field": "count",
                        "type": "quantitative",
                        "scale": {"range": ["#e9eff8", BLUE], "domain": [0, most]},
                        "legend": None,
                    }
                },
            },
            {
                "mark": {"type": "text"},
                "encoding": {
                    "text": {"field": "text"},
                    "color": {
                        "condition": {"test": f"datum.count > {0.55 * most}", "value": "white"},
                        "value": "#1c2430",
                    },
                },
            },
        ],
    }
    more = f" {left} offers with fewer are left out." if left > 0 else ""
    return Figure(
        "offers",
        "What went out",
        f"Contacts and shown offers, by offer and channel.{more}",
        spec,
    )


def _segments(result: Any) -> Figure:
    rows = [
        {
            "name": f"{s.column}: {s.group}",
            "share": s.contacted / s.customers,
            "text": f"{s.contacted:,} of {s.customers:,}; most often {s.most}",
        }
        for s in result.segments
        if s.customers
    ]
    return Figure(
        "segments",
        "To whom",
        "Share of each group that was contacted, and what it was offered most often.",
        _bars(rows, "customers contacted", percent=True, room=2.2),
    )


def _peace(result: Any) -> Figure:
    rows = [
        {"name": name, "share": n / max(result.customers, 1), "text": f"{n:,}"}
        for name, n in sorted(result.at_peace.items(), key=lambda item: -item[1])
    ]
    return Figure(
        "peace",
        "Why people were left in peace",
        "Each customer without a contact counts once, at the first rule that left nothing.",
        _bars(rows, "share of all customers", percent=True, room=1.25),
    )


def _bars(rows: list[dict[str, Any]], title: str, *, percent: bool, room: float) -> Spec:
    most = max((row["share"] for row in rows), default=1.0) or 1.0
    axis: Spec = {"format": ".0%" if percent else "~g", "grid": False, "tickCount": 5}
    if percent and room * most > 1.0:
        axis["values"] = [0, 0.25, 0.5, 0.75, 1.0]
    x = {
        "field": "share",
        "type": "quantitative",
        "title": title,
        "scale": {"domain": [0, room * most]},
        "axis": axis,
    }
    return {
        "data": {"values": rows},
        "width": WIDTH,
        "height": {"step": 24},
        "encoding": {
            "y": {
                "field": "name",
                "type": "nominal",
                "sort": [row["name"] for row in rows],
                "title": None,
                "axis": {"domain": False, "ticks": False, "labelPadding": 8, "labelLimit": 260},
            }
        },
        "layer": [
            {
                "mark": {"type": "bar", "color": BLUE, "opacity": 0.75, "height": 14},
                "encoding": {"x": x},
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 6},
                "encoding": {"x": x, "text": {"field": "text"}},
            },
        ],
    }


def _expected(result: Any) -> Figure:
    mine = [e for e in result.earned if e.wave == result.wave]
    names = [e.group for e in mine]
    y = {"field": "group", "type": "nominal", "sort": names, "title": None}
    x = {"type": "quantitative", "title": f"{result.unit} a customer, net of costs",
         "axis": {"format": "~g", "tickCount": 8, "labelFlush": False}}  # fmt: skip
    rows = [
        {"group": e.group, "value": e.realised, "lower": e.lower, "upper": e.upper} for e in mine
    ]
    promised = [{"group": e.group, "value": e.expected, "what": "expected"} for e in mine]
    seen = [{**row, "what": "realised"} for row in rows]
    colour = {
        "field": "what",
        "type": "nominal",
        "scale": {"domain": ["realised", "expected"], "range": [BLUE, ORANGE]},
        "legend": {"orient": "top", "title": None},
    }
    shape = {
        "field": "what",
        "type": "nominal",
        "scale": {"domain": ["realised", "expected"], "range": ["circle", "diamond"]},
        "legend": {"orient": "top", "title": None},
    }
    layers: list[Spec] = [
        {
            "data": {"values": rows},
            "mark": {"type": "rule", "strokeWidth": 2.5, "color": BLUE},
            "encoding": {"y": y, "x": {**x, "field": "lower"}, "x2": {"field": "upper"}},
        },
        {
            "data": {"values": [*promised, *seen]},
            "mark": {"type": "point", "filled": True, "size": 90, "opacity": 1},
            "encoding": {"y": y, "x": {**x, "field": "value"}, "color": colour, "shape": shape},
        },
    ]
    so_far = "" if all(e.closed for e in mine) else " The window is open: realised is so far."
    return Figure(
        "expected",
        "Expected and realised in this wave",
        "A customer's mean net reward by group; lines are 95 % intervals of what was realised."
        + so_far,
        {"width": WIDTH, "height": max(len(names), 1) * 34, "layer": layers},
    )


def _time(result: Any) -> Figure:
    waves = list(dict.fromkeys(e.wave for e in result.earned))
    names = list(dict.fromkeys(e.group for e in result.earned))
    rows = [
        {"wave": e.wave, "group": e.group, "value": e.realised, "lower": e.lower,
         "upper": e.upper, "expected": e.expected}
        for e in result.earned
    ]  # fmt: skip
    x = {
        "field": "wave",
        "type": "ordinal",
        "sort": waves,
        "title": "wave",
        "axis": {"labelAngle": 0 if len(waves) <= 8 else -40},
    }
    y = {"type": "quantitative", "title": f"{result.unit} a customer", "scale": {"zero": False}}
    colour = {
        "field": "group",
        "type": "nominal",
        "sort": names,
        "scale": {"domain": names, "range": list(_SERIES)},
        "legend": {"orient": "top", "title": None},
    }
    offset = {"field": "group", "type": "nominal", "sort": names}
    spec = {
        "data": {"values": rows},
        "width": WIDTH + 60,
        "height": 280,
        "encoding": {"x": x, "color": colour, "xOffset": offset},
        "layer": [
            {
                "mark": {"type": "rule", "strokeWidth": 2},
                "encoding": {"y": {**y, "field": "lower"}, "y2": {"field": "upper"}},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 60, "opacity": 1},
                "encoding": {"y": {**y, "field": "value"}},
            },
            {
                "mark": {"type": "tick", "orient": "horizontal", "thickness": 2, "width": 14},
                "encoding": {"y": {**y, "field": "expected"}},
            },
        ],
    }
    return Figure(
        "time",
        "Wave by wave",
        "Points are realised net reward a customer with 95 % intervals; the short bars are what was"
        " expected when it was decided.",
        spec,
    )


def _prices(result: Any) -> Figure:
    rows = [
        {
            "name": limit["name"],
            "share": limit["price"],
            "text": f"{limit['price']:.4g}; {limit['used']:,.0f} used"
            + (f" of {limit['most']:,.0f}" if limit["most"] is not None else ""),
        }
        for limit in result.limits
    ]
    return Figure(
        "prices",
        "What scarce room was worth",
        f"The price of a limit is what one more unit of it would have earned, in {result.unit}.",
        _bars(rows, f"{result.unit} a unit", percent=False, room=1.6),
    )
