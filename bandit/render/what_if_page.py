"""Value against one limit as a page that opens from disk."""

from __future__ import annotations

from pathlib import Path

from bandit.core.wording import number, price_text
from bandit.render import render
from bandit.render.parts import rule_at
from bandit.render.render import Figure
from bandit.render.style import BLUE, WIDTH, Spec
from bandit.results.serve import WhatIf


def write_what_if(folder: Path, result: WhatIf, made_by: str) -> Path:
    """Write report.html and the figures of a what-if into ``folder``; the page's path."""
    content = {
        "title": f"What if {result.limit} were another",
        "words": _words(result),
        "facts": {
            "limit": result.limit,
            "as it is": "none" if result.now is None else f"{result.now:,.0f}",
            "looked at": f"{result.customers:,} of {result.total:,} customers",
        },
        "notes": result.notes,
        "unit": result.unit,
        "rows": [
            [f"{p.most:,.0f}", f"{p.value:,.2f}", price_text(p.price), f"{p.used:,.0f}"]
            for p in result.points
        ],
        "made_by": made_by,
    }
    return render.write(folder, "what_if.html", _figures(result), content)


def _words(result: WhatIf) -> str:
    low, high = result.points[0], result.points[-1]
    text = (
        f"From {low.most:,.0f} to {high.most:,.0f} the best allocation would be worth"
        f" {number(high.value - low.value)} {result.unit} more; a wave has less of it, since who is"
        " held out, explores or keeps the rules is not decided for by worth."
        f" At {high.most:,.0f} one more"
    )
    if high.price <= 0.0:
        return f"{text} earns nothing: {high.used:,.0f} are used, and no more are wanted."
    return f"{text} would earn {number(high.price)} {result.unit}."


def _figures(result: WhatIf) -> list[Figure]:
    now = [] if result.now is None else [rule_at(result.now, dashed=True)]
    today = " The dashed line is the limit as it is." if now else ""
    return [
        Figure(
            "value",
            "What the best allocation would be worth",
            "The best that any allocation of all customers could reach at each size of the limit."
            + today,
            _line(result, "value", f"{result.unit}, the best allocation", now),
        ),
        Figure(
            "price",
            "What one more would earn",
            "The price of the limit: room beyond the point where it falls to zero is not wanted.",
            _line(result, "price", f"{result.unit} a unit", now),
        ),
    ]


def _line(result: WhatIf, what: str, title: str, more: list[Spec]) -> Spec:
    x = {"field": "most", "type": "quantitative", "title": result.limit,
         "scale": {"zero": False}, "axis": {"tickCount": 8}}  # fmt: skip
    y = {"field": what, "type": "quantitative", "title": title,
         "scale": {"zero": what == "price"}}  # fmt: skip
    points = {
        "data": {"values": [{"most": p.most, what: getattr(p, what)} for p in result.points]},
        "mark": {"type": "line", "color": BLUE, "strokeWidth": 2, "point": {"size": 70}},
        "encoding": {"x": x, "y": y},
    }
    return {"width": WIDTH, "height": 240, "layer": [points, *more]}
