"""CSV read as a whole before it is trusted: broken lines named, types from every row.

A guess from the first rows would break on a column that looks integer for hundreds of rows.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Mapping
from pathlib import Path

import duckdb

from bandit.core import sql
from bandit.core.errors import DataError

SAMPLE_ROWS = 10_000
MAX_HEADER_CHARACTERS = 1_000_000
MAX_COLUMNS = 10_000
FAULT = "_bandit_fault"
"""Column of a view over CSV: what a cell said that its column's declared kind cannot hold."""

# From narrow to wide: the first type that every cell fits is the column's.
_FITS = {
    "BIGINT": "TRY_CAST(nullif({c}, '') AS BIGINT)::VARCHAR IS NOT DISTINCT FROM {c}",
    "DOUBLE": "TRY_CAST(nullif({c}, '') AS DOUBLE) IS NOT NULL"
    " AND NOT ({c} LIKE '0_%' AND {c} NOT LIKE '0.%')",
    "BOOLEAN": "lower({c}) IN ('true', 'false')",
    "DATE": "length({c}) <= 10 AND TRY_CAST(nullif({c}, '') AS DATE) IS NOT NULL",
    "TIMESTAMP WITH TIME ZONE": "{c} LIKE '____-%'"
    " AND TRY_CAST(nullif({c}, '') AS TIMESTAMPTZ) IS NOT NULL",
}


def load(
    connection: duckdb.DuckDBPyConnection, file: Path, hints: Mapping[str, str], table: str
) -> None:
    r"""Read a CSV file (gzip too) into `table` with typed columns; DuckDB spills what is much.

    It is read once so, since every pass over text costs, and all passes see the same rows.
    `hints` are the types that the configuration needs: where most cells of a column fit, the
    others become NULL and the row's column FAULT says "column\x1fcell". DataError names the file
    and its broken lines.
    """
    names, delimiter = _header(file)
    raw = _reader(file, names, delimiter)
    types = _types(connection, file, raw, names)
    wanted = {n: t for n, t in hints.items() if n in types and types[n] == "VARCHAR"}
    loose = _mostly(connection, raw, wanted)
    columns = [
        f"{_loosely(n, loose[n]) if n in loose else f'CAST({sql.name(n)} AS {types[n]})'}"
        f" AS {sql.name(n)}"
        for n in names
    ]
    if loose:
        faults = " ".join(_fault_case(n, t) for n, t in loose.items())
        columns.append(f"CASE {faults} END AS {sql.name(FAULT)}")
    connection.execute(f"CREATE TABLE {table} AS SELECT {', '.join(columns)} FROM {raw}")


def _loosely(column: str, kind: str) -> str:
    """NULL where the cell does not fit.

    DuckDB 2.0 moves a bare TRY_CAST into its CSV reader, where a misfit is an error; the nullif
    keeps it out.
    """
    return f"TRY_CAST(nullif({sql.name(column)}, '') AS {kind})"


def _fault_case(column: str, kind: str) -> str:
    c = sql.name(column)
    return (
        f"WHEN {c} IS NOT NULL AND {_loosely(column, kind)} IS NULL"
        f" THEN {sql.text(column + chr(31))} || {c}"
    )


def _header(file: Path) -> tuple[list[str], str]:
    """Column names and delimiter from the first line."""
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as stream:
            start = stream.read(MAX_HEADER_CHARACTERS)
        line = start.decode("utf-8-sig", errors="replace")
    except (gzip.BadGzipFile, EOFError, zlib.error) as e:
        raise DataError(f"{file} is no valid gzip file ({e}); write it again") from None
    except OSError as e:
        raise DataError(f"{file} cannot be read: {e.strerror}") from None
    first = line.split("\n", 1)[0]
    if not first.strip():
        raise DataError(f"{file}, line 1 is empty; the first line must name the columns")
    delimiter = max(",;\t|", key=first.count)
    try:
        names = next(csv.reader(io.StringIO(line), delimiter=delimiter, strict=True))
    except (csv.Error, StopIteration) as e:
        raise DataError(f"{file}, line 1 is no list of column names: {e}") from None
    _check_names(file, names)
    return names, delimiter


def _check_names(file: Path, names: list[str]) -> None:
    if len(names) > MAX_COLUMNS:
        raise DataError(f"{file}, line 1 names {len(names)} columns; {MAX_COLUMNS} are the most")
    folded = [n.lower() for n in names]
    for position, found in enumerate(folded, start=1):
        if not found.strip() or "\x00" in found or "\ufffd" in found:
            raise DataError(
                f"{file}, line 1: column {position} has no readable name; name it, in UTF-8"
            )
        if folded.index(found) != position - 1:
            raise DataError(
                f"{file}, line 1 names column {names[position - 1]!r} twice; rename one of them"
            )
    if FAULT in folded:
        raise DataError(f"{file}, line 1: the name {FAULT!r} is reserved; rename that column")


def _reader(file: Path, names: list[str], delimiter: str) -> str:
    columns = ", ".join(f"{sql.text(n)}: 'VARCHAR'" for n in names)
    return (
        f"read_csv({sql.text(str(file))}, auto_detect=false, header=true, strict_mode=true,"
        f" delim={sql.text(delimiter)}, quote='\"', escape='\"', columns={{{columns}}})"
    )


def _types(
    connection: duckdb.DuckDBPyConnection, file: Path, raw: str, names: list[str]
) -> dict[str, str]:
    """The narrowest type of each column that all its cells fit.

    The first rows give the candidates; one pass over all tries them, and keeps going after a broken
    line, so that the first few are told together. It looks at every column: one that a query does
    not ask for is not decoded.
    """
    tolerant = raw[:-1] + ", store_rejects=true, rejects_limit=20)"
    everything = {n: list(_FITS) for n in names}
    try:
        first = f"(SELECT * FROM {tolerant} LIMIT {SAMPLE_ROWS})"
        candidates = _survivors(connection, first, everything)
        connection.execute("TRUNCATE reject_errors")
        left = _survivors(connection, tolerant, candidates)
        broken = connection.execute(
            "SELECT line, any_value(csv_line), any_value(error_message) FROM reject_errors"
            " GROUP BY line ORDER BY line LIMIT 5"
        ).fetchall()
    except duckdb.Error as e:
        raise DataError(f"{file} cannot be read as CSV: {first_line(e)}") from None
    connection.execute("DROP TABLE reject_errors")
    connection.execute("DROP TABLE reject_scans")
    if broken:
        raise DataError("\n".join(_broken(file, *row) for row in broken))
    # No cell fits all types, so a column with all of them left has no cell at all.
    empty = len(_FITS)
    return {n: left[n][0] if 0 < len(left[n]) < empty else "VARCHAR" for n in names}


def _broken(file: Path, line: int, content: str | None, message: str) -> str:
    remedy = "save the file as UTF-8" if "unicode" in message.lower() else "mend or delete the line"
    cut = (content or "").strip().replace("\n", "\\n")[:80]
    return f"{file}, line {line} is broken: {message.rstrip('.')}; it reads {cut!r}; {remedy}"


def first_line(error: duckdb.Error) -> str:
    """What DuckDB says, without its class and its hints."""
    line = str(error).split("\n", 1)[0].split("Error: ", 1)[-1]
    if "state machine" in line:
        line += " Do its lines end in different ways (\\r\\n and \\n)? Save the file anew."
    return line


def _survivors(
    connection: duckdb.DuckDBPyConnection, source: str, candidates: Mapping[str, list[str]]
) -> dict[str, list[str]]:
    """Those of the types that every cell of the column fits; all for a column of NULLs."""
    pairs = [(n, t) for n, types in candidates.items() for t in types]
    every = [f"count({sql.name(n)})" for n in candidates]
    tries = [
        f"bool_and({_FITS[t].format(c=sql.name(n))}) FILTER ({sql.name(n)} IS NOT NULL)"
        for n, t in pairs
    ]
    row = connection.execute(f"SELECT {', '.join(every + tries)} FROM {source}").fetchall()[0]
    kept: dict[str, list[str]] = {n: [] for n in candidates}
    for (column, kind), fits in zip(pairs, row[len(every) :], strict=True):
        if fits is not False:
            kept[column].append(kind)
    return kept


def _mostly(
    connection: duckdb.DuckDBPyConnection, raw: str, wanted: Mapping[str, str]
) -> dict[str, str]:
    """Those of `wanted` that at least half of the column's cells fit, if it has any."""
    if not wanted:
        return {}
    shares = ", ".join(
        f"count({_loosely(n, t)}) * 2 >= count({sql.name(n)})" for n, t in wanted.items()
    )
    row = connection.execute(f"SELECT {shares} FROM {raw}").fetchone() or ()
    return {n: t for (n, t), good in zip(wanted.items(), row, strict=True) if good}
