"""How much a log says about each candidate, and what each would do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bandit.core.wording import counted
from bandit.render.parts import STEP, bars, shaded_table, y_names
from bandit.render.render import Figure
from bandit.render.style import BLUE, ORANGE, RED, WIDTH
from bandit.results.judge import SimulateResult

MOST_ACTIONS = 12


def weights(result: SimulateResult) -> Figure:
    """Quantiles of each candidate's weights."""
    names = ("median", "90 %", "99 %", "99.9 %", "largest")
    rows: list[dict[str, Any]] = [
        {"name": name, "quantile": label, "weight": value, "size": size}
        for name, values in result.weights.items()
        for label, value, size in zip(names, values, (15, 50, 110, 190, 290), strict=True)
    ]
    most = max(1.0, *(row["weight"] for row in rows))
    ticks = [0, 1, *(s * 10**e for e in range(9) for s in (3, 10))]
    spec = {
        "data": {"values": rows},
        "width": WIDTH,
        "height": {"step": STEP},
        # Rings of growing size, so that quantiles which fall together are all seen.
        "mark": {"type": "point", "filled": False, "strokeWidth": 2, "opacity": 1},
        "encoding": {
            "y": y_names(list(result.weights)),
            "x": {
                "field": "weight",
                "type": "quantitative",
                "scale": {"type": "symlog", "constant": 1},
                "title": "importance weight",
                "axis": {
                    "labelExpr": "format(datum.value, datum.value < 1000 ? 'd' : '~s')",
                    "values": [t for t in ticks if t <= 3 * most],
                    "labelOverlap": "greedy",
                    "labelSeparation": 5,
                },
            },
            "color": {
                "field": "quantile",
                "type": "ordinal",
                "sort": list(names),
                "scale": {
                    "domain": list(names),
                    "range": ["#7f9cc8", "#5580bf", BLUE, ORANGE, RED],
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


def overlap(result: SimulateResult) -> Figure:
    """Effective sample size of each candidate."""
    rows = [
        {
            "name": row.name,
            "share": row.effective_sample_size / row.rows,
            "text": f"{row.effective_sample_size:,.0f} of {row.rows:,}, mean weight"
            f" {row.mean_weight:.3f}",
            "short": f"{row.effective_sample_size:,.0f}",
        }
        for row in result.candidates
    ]
    title = "effective sample size, share of the rows"
    return Figure(
        "overlap",
        "How much of the log speaks for each candidate",
        "The effective sample size is what is left of the rows when the log did other things than"
        " the candidate would; the mean weight must be near 1.",
        bars(rows, title, percent=True, room=1.5, whole=True),
    )


def actions(result: SimulateResult) -> Figure:
    """What each candidate would do; offers over all channels where there are many actions."""
    shares: dict[str, Mapping[str, float]] = {row.name: row.shares for row in result.candidates}
    known = {action for row in shares.values() for action in row}
    by_offer = len(known) > MOST_ACTIONS and sum("/" in name for name in known) >= len(known) - 1
    if by_offer:
        shares = {name: _by_offer(row) for name, row in shares.items()}
        known = {offer for row in shares.values() for offer in row}
    total = {action: sum(row.get(action, 0.0) for row in shares.values()) for action in known}
    kept = sorted(known, key=lambda action: (-total[action], action))[:MOST_ACTIONS]
    others = counted(len(known) - len(kept), "other")
    columns = [*kept, others] if len(known) > len(kept) else kept
    rows = []
    for name, row in shares.items():
        cells = {column: row.get(column, 0.0) for column in kept}
        if others in columns:
            cells[others] = max(0.0, 1.0 - sum(cells.values()))
        rows += [
            {"name": name, "column": column, "amount": share, "text": _percent(share)}
            for column, share in cells.items()
        ]
    what = ", by offer, all channels together" if by_offer else ""
    return Figure(
        "actions",
        "What each candidate would do",
        f"Share of the decisions{what}, averaged over the log.",
        shaded_table(rows, columns, 1.0, room=700),
    )


def _by_offer(shares: Mapping[str, float]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, share in shares.items():
        offer = name.rsplit("/", 1)[0]
        found[offer] = found.get(offer, 0.0) + share
    return found


def _percent(share: float) -> str:
    if share == 0.0:
        return ""
    return f"{share:.0%}" if share >= 0.01 else "<1%"
