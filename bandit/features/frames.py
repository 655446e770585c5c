"""Frames of any make as the columns that `fit` and `encode` take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from bandit.core import sql
from bandit.core.errors import BanditError, ConfigError, DataError
from bandit.core.frames import table_of
from bandit.core.problems import Faults, nearest, shown
from bandit.features.spec import Kind
from bandit.sources import cells

BATCH_ROWS = 65_536
_NEEDS = {
    "numeric": "a number",
    "boolean": "true or false",
    "categorical": "text or a whole number",
    "date": "a date or time",
    "vector": "a list of numbers",
}


@contextmanager
def typed(
    frame: object, wanted: Sequence[tuple[str, Kind]]
) -> Iterator[tuple[duckdb.DuckDBPyRelation, pa.Table]]:
    """The ``wanted`` columns of a frame as `fit` names their types, and as they stand in the frame.

    Raises
    ------
    DataError
        Something else than a frame, a missing column, one that cannot be of the kind wanted.
    """
    table = table_of(frame)
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("frame", table)
        types = connection.table("frame")
        kinds = dict(zip(types.columns, map(str, types.types), strict=True))
        faults, columns = Faults(), []
        for name, kind in wanted:
            try:
                columns.append(f"{_read(name, kinds, kind)} AS {sql.name(name)}")
            except BanditError as e:
                faults.catch(e)
        faults.stop()
        chosen = ", ".join(columns) or "1 AS one"
        yield connection.sql(f"SELECT {chosen} FROM frame"), table


def rows_of(
    relation: duckdb.DuckDBPyRelation, table: pa.Table, wanted: Sequence[tuple[str, Kind]]
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Batches of the typed columns with the number of their first row, in the frame's order.

    Raises
    ------
    DataError
        A cell that says something which is not of its kind, by row and column.
    """
    start = 0
    for batch in relation.to_arrow_reader(BATCH_ROWS):
        for name, kind in wanted:
            _refuse_lost(
                name, kind, batch.column(name), table[name].slice(start, len(batch)), start
            )
        yield start, batch
        start += len(batch)


def _refuse_lost(name: str, kind: Kind, now: pa.Array, before: pa.ChunkedArray, start: int) -> None:
    if now.null_count == before.null_count:
        return
    for row, (had, has) in enumerate(zip(before.is_valid(), now.is_valid(), strict=True)):
        if had.as_py() and not has.as_py():
            raise DataError(
                f"row {start + row}, column {name!r}: {shown(before[row].as_py())} is not"
                f" {_NEEDS[kind]}; mend or empty the cell"
            )


def _read(name: str, kinds: dict[str, str], kind: Kind) -> str:
    """SQL of a column in the type of its kind; NULL where a cell cannot be that."""
    if name not in kinds:
        raise DataError(f"the frame has no column {name!r}{nearest(name, kinds)}")
    type_, quoted = kinds[name], sql.name(name)
    if kind == "numeric" and sql.is_number(type_):
        return f"CAST({quoted} AS DOUBLE)"
    if kind == "boolean" and type_ == "BOOLEAN":
        return quoted
    if kind == "boolean" and sql.is_number(type_):
        return f"CASE {quoted} WHEN 0 THEN false WHEN 1 THEN true END"
    if kind == "categorical" and sql.is_category(type_):
        return f"CAST({quoted} AS VARCHAR)"
    if kind == "date" and sql.is_time(type_):
        return f"CAST({cells.moment(quoted, type_)} AS TIMESTAMP)"
    if kind == "vector" and sql.is_vector(type_):
        return f"CAST({quoted} AS FLOAT{type_[type_.index('[') :]})"
    raise ConfigError(
        f"column {name!r} of the frame is {type_}, a {kind} feature needs {_NEEDS[kind]};"
        " convert it or list it under another kind"
    )
