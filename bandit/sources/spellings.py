"""Keys that are written otherwise than the customers' are: whom a refusal can mean by them.

Blanks, invisible characters and case tell nobody apart in a refusal, nor do 017, 17.0 and 17 where
keys are whole numbers. All else is read as it is written. See docs/adr/0051.
"""

from __future__ import annotations

from bandit.core import folding


def number(said: str) -> str:
    """SQL of a whole number however it is written: 017, ' 17', 17.0."""
    plain = folding.whole(said)
    found = f"TRY_CAST({plain} AS BIGINT)"
    return f"CASE WHEN TRY_CAST({plain} AS DOUBLE) = {found} THEN {found} END"


def alike(rows: str, people: str, *more: str) -> str:
    """SELECT of id, said, ``more``: of rows (said, more) those ``people`` who are written alike.

    Case is passed over only where nobody is written in the row's.
    """
    columns = ", ".join(["said", *more])
    near = f"{folding.whole('said')} = {folding.whole('id')}"
    pairs = (
        f"SELECT id, {columns}, {near} AS near FROM (SELECT DISTINCT {columns} FROM ({rows}) given"
        " WHERE said IS NOT NULL) refused"
        f" JOIN ({people}) people ON {folding.folded('said')} = {folding.folded('people.id')}"
    )
    return (
        f"SELECT id, {columns} FROM (SELECT *, bool_or(near) OVER (PARTITION BY said) AS known"
        f" FROM ({pairs})) WHERE near OR NOT known"
    )
