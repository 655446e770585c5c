"""Variables of customers from their events by Polars, a variable at a time; no word of DuckDB's.

Written from what docs/variables.md says. A frame of events has customer_id, at, known_at and any
other columns; ``fits`` is a Polars expression in the place of `where`.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, NamedTuple

import polars as pl

from bandit.config.variables import Variable

DAY_US = 86_400_000_000


def variable(
    frame: pl.DataFrame, asked: Variable, at: dt.datetime, fits: pl.Expr | None
) -> dict[Any, Any]:
    """The variable of everybody who has an event before ``at``; others have its empty value."""
    known = frame.filter((pl.col("at") < at) & (pl.col("known_at") < at))
    people = known["customer_id"].unique().to_list()
    rows = known if fits is None else known.filter(fits)
    if asked.days is not None:
        since = at - dt.timedelta(days=asked.days)
        earlier = rows.filter(
            (pl.col("at") < since) & (pl.col("at") >= at - dt.timedelta(days=2 * asked.days))
        )
        rows, inside = rows.filter(pl.col("at") >= since), known.filter(pl.col("at") >= since)
    else:
        earlier, inside = rows.clear(), known
    found = _of(_Seen(rows, earlier, inside), asked, at)
    return {one: found.get(one, EMPTY.get(asked.function)) for one in people}


EMPTY = {"count": 0, "distinct": 0, "sum": 0.0, "any": False}


class _Seen(NamedTuple):
    """Events inside the window that fit, those of the window before, those inside that need not."""

    rows: pl.DataFrame
    earlier: pl.DataFrame
    inside: pl.DataFrame


def _of(seen: _Seen, asked: Variable, at: dt.datetime) -> dict[Any, Any]:
    if asked.function in {"share", "trend", "ratio"}:
        return _divided(seen, asked)
    if asked.function == "rfm":
        return _rfm(seen.rows, asked)
    if asked.function in {"first", "last"}:
        known = seen.rows.drop_nulls([asked.column]).sort("customer_id", "at", asked.column)
        groups = known.group_by("customer_id", maintain_order=True)
        ends = groups.first() if asked.function == "first" else groups.last()
        return dict(ends.select("customer_id", asked.column).iter_rows())
    if asked.function == "median_gap":
        moments = seen.rows.select("customer_id", "at").unique().sort("customer_id", "at")
        gap = pl.col("at").diff().over("customer_id").dt.total_microseconds() / DAY_US
        gaps = moments.with_columns(gap=gap).drop_nulls("gap")
        return dict(gaps.group_by("customer_id").agg(pl.col("gap").median()).iter_rows())
    column = pl.col(asked.column or "at")
    now = pl.lit(at).cast(pl.Datetime("us", "UTC"))
    age = (now - pl.col("at")).dt.total_microseconds() / DAY_US
    plain = {
        "count": pl.len(),
        "any": pl.len() > 0,
        "distinct": column.drop_nulls().n_unique(),
        "min": column.min(),
        "max": column.max(),
        "days_since": age.min(),
        "days_since_first": age.max(),
    }
    if asked.column is not None and asked.function in {"sum", "mean"}:
        plain |= {"sum": column.sum(), "mean": column.mean()}
    found = seen.rows.group_by("customer_id").agg(value=plain[asked.function])
    return dict(found.iter_rows())


def _divided(seen: _Seen, asked: Variable) -> dict[Any, float]:
    whole = pl.len() if asked.column is None else pl.col(asked.column).sum()
    if asked.function == "ratio":
        both = seen.rows.drop_nulls([asked.column, asked.per])
        above, below = _sums(both, whole), _sums(both, pl.col(asked.per).sum())
        return {k: above[k] / v for k, v in below.items() if v}
    now = _sums(seen.rows, whole)
    if asked.function == "share":
        return {k: now.get(k, 0) / v for k, v in _sums(seen.inside, whole).items() if v}
    before = _sums(seen.earlier, whole)
    pairs = {k: (float(now.get(k, 0)), float(before.get(k, 0))) for k in {*now, *before}}
    return {k: (a - b) / (abs(a) + abs(b)) for k, (a, b) in pairs.items() if a or b}


def _sums(rows: pl.DataFrame, whole: pl.Expr) -> dict[Any, float]:
    return dict(rows.group_by("customer_id").agg(value=whole).iter_rows())


def _rfm(rows: pl.DataFrame, asked: Variable) -> dict[Any, int]:
    """A digit a part: 1 and how many of the four borders between fifths lie below."""
    parts = rows.group_by("customer_id").agg(
        r=pl.col("at").max().dt.timestamp("us"), f=pl.len(), m=pl.col(asked.column).sum()
    )
    total = [0] * parts.height
    for name, weight in (("r", 100), ("f", 10), ("m", 1)):
        values = parts[name].to_list()
        ordered = sorted(values)
        n = len(ordered)
        borders = [ordered[max(-(-n * fifth // 5), 1) - 1] for fifth in (1, 2, 3, 4)]
        digits = [1 + sum(value > border for border in borders) for value in values]
        total = [t + weight * digit for t, digit in zip(total, digits, strict=True)]
    return dict(zip(parts["customer_id"].to_list(), total, strict=True))
