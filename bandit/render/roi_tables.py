"""Increments, costs and returns as tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bandit.core.wording import Span, counted, interval_text
from bandit.render.tables import notes, pairs
from bandit.results.figures import Interval
from bandit.results.roi import Budget, BudgetPoint, Return, RoiResult

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
    if result.budget is not None:
        shown += [Text(), *_budget(result.budget, result.unit)]
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


def _budget(budget: Budget, unit: str) -> list[RenderableType]:
    """What more or less would have brought, net, by the policy's order and by two others."""
    table = Table(box=None, pad_edge=False)
    for head in ("budget", f"cost, {unit}", "net", "over a random order", "over the same for all"):
        table.add_column(head, justify="left" if head == "budget" else "right", no_wrap=True)
    for point in budget.points:
        table.add_row(*budget_row(budget, point))
    return [
        Text(f"by budget, over no contact; {counted(len(budget.waves), 'wave')}"),
        table,
        Text("\n".join(budget_words(budget, unit))),
    ]


def budget_row(budget: Budget, point: BudgetPoint) -> list[str]:
    """A budget, its cost, its net, and that over both other lines."""
    return [
        "everybody"
        if point.cost > budget.whole * (1.0 - 1e-9)
        else "as spent"
        if point.times == 1.0
        else f"{point.times:g} times",
        f"{point.cost:,.2f}",
        *(_span(one) for one in (point.net, point.over_random, point.over_same)),
    ]


def budget_words(budget: Budget, unit: str) -> list[str]:
    """What the order is worth, and what it is held against."""
    return [
        f"the order of worth adds {interval_text(budget.by_order, signed=True)} {unit} to a random"
        f" one, averaged over all budgets up to {budget.whole:,.2f}, which contact everybody; an"
        f" order by lot adds {interval_text(budget.by_chance, signed=True)}",
        f"the same for all: {', '.join(budget.same) or 'too few got any one contact to say'}",
    ]


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
