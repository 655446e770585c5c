"""How figures look: colours that the colour-blind tell apart, fonts, axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Spec = dict[str, Any]

INK, QUIET, GRID, PALE = "#1c2430", "#5b6675", "#e4e8ee", "#eef2f8"
BLUE, ORANGE, GREEN, RED = "#2b5fad", "#d07a1e", "#1d7f4e", "#b3352c"
AMBER, PURPLE, GREY, TEAL = "#9a6700", "#8a4fa3", "#77818f", "#0d7d87"
SERIES = (BLUE, ORANGE, GREEN, PURPLE, GREY, RED, TEAL, AMBER)
SHAPES = (
    "circle", "diamond", "square", "triangle-up", "cross", "triangle-down", "triangle-right",
    "triangle-left",
)  # fmt: skip
"""A series has its own shape beside its own colour."""

GROUPS = (
    "lin_ts", "rules", "lin_ucb", "greedy", "holdout", "no_contact", "uniform", "exploration",
)  # fmt: skip
"""Groups and candidates that have the colour and the shape of their place on every page."""


def places(names: Sequence[str]) -> list[int]:
    """The place of each name's colour and shape: its own, or the first that is free."""
    taken = {GROUPS.index(name) for name in names if name in GROUPS}
    free = [i for i in range(len(SERIES)) if i not in taken]
    found = []
    for number, name in enumerate(names):
        if name in GROUPS:
            found.append(GROUPS.index(name))
        else:
            found.append(free.pop(0) if free else number % len(SERIES))
    return found


WIDTH = 620
NARROW_WIDTH = 215
"""What a telephone has room for beside the labels."""

CONFIG: Spec = {
    "font": "Liberation Sans, Arial, Helvetica, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": INK,
        "titleColor": QUIET,
        "titleFontWeight": "normal",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "gridColor": GRID,
        "domainColor": "#aab3bf",
        "tickColor": "#aab3bf",
        "labelLimit": 240,
    },
    "legend": {
        "symbolOpacity": 1,
        "symbolSize": 80,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "labelColor": INK,
        "labelLimit": 260,
    },
    "text": {"fontSize": 11, "color": INK},
}


def narrowed(spec: Spec) -> Spec:
    """The same figure for a telephone: narrower, with shorter names and texts and fewer ticks."""
    step = spec["width"]["step"] if isinstance(spec["width"], dict) else None
    width = NARROW_WIDTH if step is None else {"step": min(step, 44)}
    config = {
        **CONFIG,
        "axis": {**CONFIG["axis"], "labelLimit": 140},
        "legend": {**CONFIG["legend"], "columns": 2, "labelLimit": 120},
    }
    return {**_shortened(spec), "width": width, "config": config}


def _shortened(part: Any) -> Any:
    """A row's ``short`` text instead of its ``text``, where it has one, and four ticks an axis."""
    if isinstance(part, dict):
        smaller = {"tickCount": 4, "text": part.get("short", part.get("text"))}
        return {k: _shortened(smaller.get(k, v)) for k, v in part.items()}
    return [_shortened(v) for v in part] if isinstance(part, list) else part
