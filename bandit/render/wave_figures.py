"""The figures of a wave, as Vega-Lite specifications."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

from bandit.core.wording import number
from bandit.render.parts import (
    bars,
    course,
    interval_layers,
    layered,
    names_of,
    rule_at,
    series,
    shaded_table,
    span,
)
from bandit.render.render import Figure
from bandit.render.style import BLUE, ORANGE, WIDTH, Spec
from bandit.results.figures import Interval
from bandit.results.inspect import ReportResult, Segment
from bandit.results.roi import Budget

MOST_OFFERS = 25


def wave_figures(result: ReportResult) -> list[Figure]:
    """What went out, to whom, why others were left in peace, what came of it, prices."""
    found = []
    if result.grid:
        found.append(_grid(result))
    if result.segments:
        found.append(_segments(result))
    if result.at_peace:
        found.append(_peace(result))
    if result.increments:
        found.append(_increments(result))
    if result.budget is not None:
        found.append(_budget(result.budget, result.unit))
    if result.earned:
        found += [_expected(result), _time(result)]
    if any(stage.reached for stage in result.funnel):
        found.append(_delays(result))
    if any(abs(limit.price) > 1e-9 for limit in result.limits):
        found.append(_prices(result))
    return found


def _grid(result: ReportResult) -> Figure:
    offers = list(result.grid)[:MOST_OFFERS]
    channels = sorted({c for cells in result.grid.values() for c in cells})
    rows: list[dict[str, Any]] = [
        {"name": offer, "column": channel, "amount": n, "text": f"{n:,}"}
        for offer in offers
        for channel, n in result.grid[offer].items()
    ]
    most = max(row["amount"] for row in rows)
    left = len(result.grid) - len(offers)
    more = f" {left} offers with fewer are left out." if left > 0 else ""
    return Figure(
        "offers",
        "What went out",
        f"Contacts and shown offers, by offer and channel.{more}",
        shaded_table(rows, channels, most, room=560),
    )


def _segments(result: ReportResult) -> Figure:
    rows = [
        {
            "name": f"{s.column}: {s.group}",
            "share": s.contacted / s.customers,
            "text": f"{s.contacted:,} of {s.customers:,}" + _most(s),
            "short": f"{s.contacted:,}",
        }
        for s in result.segments
        if s.customers
    ]
    return Figure(
        "segments",
        "To whom",
        "Share of each segment that was contacted, and what each group sent it most often.",
        bars(rows, "customers contacted", percent=True, room=2.2),
    )


def _most(segment: Segment) -> str:
    """The most frequent offer of the two groups that sent most; the rest stands in tables."""
    named = [f"{group}: {offer}" for group, offer in segment.most.items() if group != "exploration"]
    return f"; {', '.join(named[:2])}" if named else ""


def _peace(result: ReportResult) -> Figure:
    rows = [
        {"name": name, "share": n / max(result.customers, 1), "text": f"{n:,}"}
        for name, n in sorted(result.at_peace.items(), key=lambda item: -item[1])
    ]
    return Figure(
        "peace",
        "Why people were left in peace",
        "Each customer without a contact counts once, at the first rule that left nothing.",
        bars(rows, "share of all customers", percent=True, room=1.25),
    )


def _increments(result: ReportResult) -> Figure:
    rows = [
        {**span(f"{one.group} − {one.over}" + ("" if one.wave else ", all"), one.each),
         "group": one.group}
        for one in result.increments
        if one.wave in {None, result.wave}
    ]  # fmt: skip
    groups = list(dict.fromkeys(row["group"] for row in rows))
    colour, shape = series("group", groups)
    layers = interval_layers(rows, names_of(rows), f"{result.unit} a customer", colour, shape)
    return Figure(
        "increments",
        "What contacts added, in a picture",
        "Net reward a customer less that of the other group, with 95 % intervals, in this wave and"
        " in all closed ones; left of the line a group earned less.",
        layered([rule_at(0.0), *layers], len(rows)),
    )


def _budget(budget: Budget, unit: str) -> Figure:
    """Net by what is spent: in the order of worth with its interval, and both lines below it."""
    lines = {
        "in the order of worth": [(p.cost, p.net) for p in budget.points],
        "in a random order": [(p.cost, p.random) for p in budget.points],
        "the same for all": [(p.cost, p.same) for p in budget.points if p.same is not None],
    }
    rows = [
        {**span(name, Interval(0.0, 0.0, 0.0)), "cost": 0.0} if net is None
        else {**span(name, net), "cost": cost}
        for name, points in lines.items()
        if points
        for cost, net in [(0.0, None), *points]
    ]  # fmt: skip
    colour, _ = series("name", list(lines))
    x = {"field": "cost", "type": "quantitative", "title": f"spent on contacts, {unit}"}
    y = {"type": "quantitative", "title": f"net, {unit}"}
    first = next(iter(lines))
    layers: list[Spec] = [
        rule_at(budget.spent, dashed=True),
        {
            "data": {"values": [row for row in rows if row["name"] == first]},
            "mark": {"type": "area", "opacity": 0.15, "color": BLUE},
            "encoding": {"x": x, "y": {**y, "field": "lower"}, "y2": {"field": "upper"}},
        },
        {
            "data": {"values": rows},
            "mark": {"type": "line", "point": True},
            "encoding": {"x": x, "y": {**y, "field": "value"}, "color": colour},
        },
    ]
    return Figure(
        "budget",
        "What another budget would have brought",
        f"Net of cost by what is spent, in wave {budget.waves[0]}; the band is the 95 % interval of"
        " the order, the dashed line what was spent.",
        {"width": WIDTH, "height": 240, "layer": layers},
    )


def _expected(result: ReportResult) -> Figure:
    mine = [e for e in result.earned if e.wave == result.wave]
    y = {"field": "group", "type": "nominal", "sort": [e.group for e in mine], "title": None}
    x = {"type": "quantitative", "title": f"{result.unit} a customer, net of costs",
         "axis": {"tickCount": 8, "labelFlush": False}}  # fmt: skip
    rows = [
        {"group": e.group, "value": e.realised, "lower": e.lower, "upper": e.upper} for e in mine
    ]
    promised = [{"group": e.group, "value": e.expected, "what": "expected"} for e in mine]
    seen = [{**row, "what": "realised"} for row in rows]
    what = {"field": "what", "type": "nominal", "legend": {"orient": "top", "title": None}}
    colour, shape = (
        {**what, "scale": {"domain": ["realised", "expected"], "range": look}}
        for look in ([BLUE, ORANGE], ["circle", "diamond"])
    )
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
        {"width": WIDTH, "height": max(len(mine), 1) * 34, "layer": layers},
    )


def _time(result: ReportResult) -> Figure:
    rows = [
        {"name": e.wave, "group": e.group, "value": e.realised, "lower": e.lower,
         "upper": e.upper, "expected": e.expected}
        for e in result.earned
    ]  # fmt: skip
    groups = list(dict.fromkeys(e.group for e in result.earned))
    return Figure(
        "time",
        "Wave by wave",
        "Points are realised net reward a customer with 95 % intervals; the short bars are what was"
        " expected when it was decided.",
        course(rows, groups, "wave", f"{result.unit} a customer"),
    )


def _delays(result: ReportResult) -> Figure:
    """Of all channels together: the share of contacts that reached each stage, by days."""
    names = list(dict.fromkeys(stage.stage for stage in result.funnel))
    contacts = sum({stage.channel: stage.contacts for stage in result.funnel}.values())
    last = max(len(stage.by_day) for stage in result.funnel)
    rows = []
    for name in names:
        mine = [stage.by_day for stage in result.funnel if stage.stage == name]
        by_day = [sum(d[day] for d in mine if day < len(d)) for day in range(last)]
        rows += [
            {"name": name, "day": day + 1, "share": share / contacts}
            for day, share in enumerate(accumulate(by_day))
        ]
    colour, _ = series("name", names)
    return Figure(
        "delays",
        "How long it takes",
        "Share of all contacts and shown offers that reached each stage within so many days.",
        {
            "data": {"values": rows},
            "width": WIDTH,
            "height": 220,
            "mark": {"type": "line", "interpolate": "step-before", "point": True},
            "encoding": {
                "x": {"field": "day", "type": "quantitative", "title": "days",
                      "scale": {"domain": [0, last]}, "axis": {"tickMinStep": 1}},
                "y": {"field": "share", "type": "quantitative", "title": "share of contacts",
                      "axis": {"format": "%"}},
                "color": colour,
            },
        },
    )  # fmt: skip


def _prices(result: ReportResult) -> Figure:
    rows = [
        {
            "name": limit.name,
            "share": limit.price,
            "text": f"{number(limit.price)}; {limit.used:,.0f} used"
            + (f" of {limit.most:,.0f}" if limit.most is not None else ""),
            "short": number(limit.price),
        }
        for limit in result.limits
    ]
    return Figure(
        "prices",
        "What scarce room was worth",
        f"The price of a limit is what one more unit of it would have earned, in {result.unit};"
        " below zero, what one more contact that was promised costs.",
        bars(rows, f"{result.unit} a unit", percent=False, room=1.6),
    )
