"""Increments, costs and returns as tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bandit.core.wording import Span, interval_text
from bandit.render.tables import notes, pairs
from bandit.results.figures import Interval
from bandit.results.roi import Return, RoiResult

UNKNOWN = "too little to say"
ATTRIBUTED = (
    "attributed: value of what names a contacted customer. People buy without being asked too: it"
    " is no increment, and no return is made from it."
)


def roi_tables(result: RoiResult) -> RenderableType:
    """The whole first, then waves, groups, channels and offers."""
    total = result.total
    shown: list[RenderableType] = [
        Text(f"{result.campaign}: what contacts added", style="bold"),
        pairs({
            "waves": f"{len(result.waves):,} closed",
            "added, net": "not known" if total is None else _money(total.net, result.unit),
            "cost": "not known" if total is None else f"{total.cost:,.2f} {result.unit}",
            "ROI": "not known" if total is None else roi_text(total),
            **({} if result.margin == 1.0 else {"margin": f"{result.margin:.0%} of value is kept"}),
        }),
    ]  # fmt: skip
    waves = [*result.by_wave, *([total] if total is not None and len(result.waves) > 1 else [])]
    for title, rows in (
        ("wave", waves),
        ("group", result.groups),
        ("segment", result.segments),
        ("channel", result.channels),
        ("offer", result.offers),
    ):
        if rows:
            shown += [Text(), *_table(title, rows, result.unit)]
    return Group(*shown, Text(f"\n{ATTRIBUTED}", style="dim"), *notes(result.notes))


def _table(title: str, rows: Sequence[Return], unit: str) -> list[RenderableType]:
    """Increments against what each row is held against, in the unit of the campaign.

    What all are held against stands above, and attribution where each contact is in one row.
    """
    overs = list(dict.fromkeys(one.over for one in rows))
    apart = len(overs) > 1
    table = Table(box=None, pad_edge=False)
    table.add_column(title, no_wrap=True)
    if apart:
        table.add_column("over", no_wrap=True)
    for head in ("number", f"added, {unit}", "cost", "net", "ROI"):
        table.add_column(head, justify="right", no_wrap=True)
    if not apart:
        table.add_column("attributed", justify="right", style="dim", no_wrap=True)
    for one in rows:
        so_far = "" if one.closed else " so far"
        net = "–" if one.net is None else f"{one.net.value:+,.0f}"
        table.add_row(
            one.of, *([one.over] if apart else []), f"{one.contacts:,}",
            _span(one.value) + so_far, f"{one.cost:,.2f}", net, roi_text(one),
            *([] if apart else [f"{one.attributed:,.0f}"]),
        )  # fmt: skip
    return [table] if apart else [Text(f"by {title}, over {overs[0]}"), table]


def roi_text(one: Return) -> str:
    """Net over cost, with its interval; in words where there is none."""
    if one.net is None:
        return "–"
    if one.roi is None:
        return "nothing spent" if one.cost == 0.0 else "cost less"
    if not one.bounded:
        return f"{one.roi.value:+.2f} (not bounded)"
    return interval_text(Span(one.roi.value, one.roi.lower, one.roi.upper), signed=True)


def _span(interval: Interval | None) -> str:
    return UNKNOWN if interval is None else interval_text(interval, signed=True)


def _money(interval: Interval | None, unit: str) -> str:
    return f"{_span(interval)} {unit}"
