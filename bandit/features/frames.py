"""Frames of any make as the columns that `fit` and `encode` take, read as sources are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import duckdb

from bandit.core import sql
from bandit.core.errors import BanditError, DataError
from bandit.core.frames import table_of
from bandit.core.problems import Problems, nearest, shown
from bandit.features.spec import Kind
from bandit.sources import asked, cells
from bandit.sources.columns import in_type, refuse_unreadable


@contextmanager
def typed(
    frame: object, wanted: Sequence[tuple[str, Kind]]
) -> Iterator[tuple[duckdb.DuckDBPyRelation, int]]:
    """The ``wanted`` columns of a frame in the types that `fit` names, and its number of rows.

    Raises
    ------
    DataError
        Something else than a frame, a missing column, a cell that says something which is not of
        its kind, by row and column.
    ConfigError
        A column that cannot be of the kind wanted.
    """
    table = table_of(frame)
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(sql.NO_BARS)
        connection.register("frame", table)
        there = connection.table("frame")
        kinds = dict(zip(there.columns, map(str, there.types), strict=True))
        faults, columns = Problems(), []
        for name, kind in wanted:
            try:
                columns.append(_column(connection, kinds, name, kind))
            except BanditError as e:
                faults.catch(e)
        faults.stop()
        chosen = ", ".join(columns) or "1 AS one"
        yield connection.sql(f"SELECT {chosen} FROM frame"), table.num_rows


def _column(
    connection: duckdb.DuckDBPyConnection, kinds: dict[str, str], name: str, kind: Kind
) -> str:
    """SQL of a column in the type of its kind; every cell that is not empty is of it."""
    if name not in kinds:
        raise DataError(f"the frame has no column {name!r}{nearest(name, kinds)}")
    use, type_, cell = asked.KINDS[kind], kinds[name], sql.name(name)
    refuse_unreadable("the frame", name, type_, use)
    misread = cells.misread(cell, type_, use)
    if misread is not None:
        _refuse_misread(connection, name, misread, cells.REMEDY[use])
    return f"{in_type(cells.read(cell, type_, use), type_, use)} AS {cell}"


def _refuse_misread(
    connection: duckdb.DuckDBPyConnection, name: str, misread: str, needed: str
) -> None:
    cell = sql.name(name)
    numbered = f"SELECT row_number() OVER () - 1 AS bandit_row, {cell} FROM frame"
    lost = connection.sql(
        f"SELECT bandit_row, {cell} FROM ({numbered}) WHERE {misread} ORDER BY bandit_row LIMIT 1"
    ).fetchall()
    if lost:
        row, said = lost[0]
        raise DataError(
            f"row {row}, column {name!r}: {shown(said)} is not {needed}; mend or empty the cell"
        )
