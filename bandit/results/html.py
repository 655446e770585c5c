"""A result in a notebook: its tables as HTML, every text of the user's escaped."""

from __future__ import annotations

from html import escape

from bandit.core.wording import counted
from bandit.results.frames import RESULT, Cells

MOST_ROWS = 50
"""Rows of a table that are shown; `.to_polars()` has them all."""


def html(name: str, tables: dict[str, list[Cells]]) -> str:
    """The result's own figures as a list of pairs, then each table."""
    found = dict(tables)
    own = found.pop(RESULT, [{}])[0]
    pairs = "".join(f"<tr><th>{escape(n)}</th><td>{_shown(v)}</td></tr>" for n, v in own.items())
    parts = [f"<h4>{escape(name)}</h4><table>{pairs}</table>"]
    parts += [_table(of, rows) for of, rows in found.items()]
    return "\n".join(parts)


def _table(name: str, rows: list[Cells]) -> str:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{_shown(row.get(column))}</td>" for column in columns) + "</tr>"
        for row in rows[:MOST_ROWS]
    )
    left = len(rows) - MOST_ROWS
    more = f"<p>and {counted(left, 'row')} more</p>" if left > 0 else ""
    return (
        f"<details open><summary>{escape(name)}</summary>"
        f"<table><tr>{head}</tr>{body}</table>{more}</details>"
    )


def _shown(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return escape(f"{value:,.6g}" if isinstance(value, float) else str(value))
