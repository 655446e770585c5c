"""A connection to DuckDB with the user's sources as tables: cells read, queries streamed."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, NamedTuple, Self

import duckdb
import pyarrow as pa

from bandit.core import spill, sql
from bandit.core.batches import cut
from bandit.core.errors import BanditError, ConfigError, DataError
from bandit.core.problems import nearest
from bandit.sources import cells, typed
from bandit.sources.cells import Use, Writing
from bandit.sources.csv_source import first_line
from bandit.sources.deadline import paced, within
from bandit.sources.merges import Known

WRITTEN = 2_000_000
"""Rows that a thread holds while it writes parts of customers."""
ZONED = "TIMESTAMP WITH TIME ZONE"


class Table(NamedTuple):
    """One source: the view that serves it, its columns with DuckDB's types, how it is called.

    ``names``: the hidden columns by (column, use); ``writing``: how its cells are written;
    ``unfit``: columns that cannot be read for a use, and why; ``notes``: what is odd about it;
    ``hints``: settings that would read what does not fit; ``made``: columns that are variables or
    segments of the campaign's, no columns of the file; ``gaps``: those of what baskets lack, with
    their SQL over `basket.GAPS`.
    """

    view: str
    columns: dict[str, str]
    shown: str
    has_faults: bool
    names: dict[tuple[str, str], str]
    key_kind: str | None
    writing: Writing
    unfit: dict[tuple[str, str], str]
    notes: tuple[str, ...]
    hints: tuple[str, ...]
    made: tuple[str, ...] = ()
    gaps: Mapping[str, str] = MappingProxyType({})

    @property
    def called(self) -> str:
        """How it is called without the folders that it lies in on this machine."""
        file, comma, more = self.shown.partition(", ")
        return Path(file).name + comma + more


class Database:
    """An in-memory DuckDB connection over the sources of a campaign; a context manager.

    It is made when it is first asked something: of a catalogue that stands in campaign.toml there
    is nothing to ask, and starting an engine takes longer than all else of a small campaign.
    """

    def __init__(self, threads: int, memory_mb: int, seconds: float) -> None:
        self.seconds = seconds
        self.memory_mb = memory_mb
        self._spill, self._asides = spill.folder(), 0
        self.threads = threads
        self.tables: dict[str, Table] = {}
        self.plain: dict[str, tuple[Path, ...]] = {}  # Parquet files that are rows as they lie
        self.known: Known | None = None  # who is who, where [identity] says so
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._locked: list[Path] | None = None

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The connection, locked if it is to be."""
        if self._connection is None:
            made = self._started()
            if self._locked is not None:
                self._lock(made, self._locked)
            self._connection = made
        return self._connection

    def _started(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(
            ":memory:",
            config={
                "threads": self.threads,
                "memory_limit": f"{self.memory_mb}MB",
                "temp_directory": str(self._spill),
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "allow_community_extensions": False,
                "partitioned_write_flush_threshold": WRITTEN,
            },
        )
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
        connection.execute(sql.NO_BARS)
        # A statement looks up the footer of each file that it names, and those of many row groups
        # take longer than what is asked of them; a file that was written since is read again.
        connection.execute("SET parquet_metadata_cache = true")
        return connection

    def lock(self, files: Sequence[Path]) -> None:
        """From now on nothing but these files is reachable, and no setting changes."""
        self._locked = list(files)
        if self._connection is not None:
            self._lock(self._connection, self._locked)

    def _lock(self, connection: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> None:
        listed = ", ".join(sql.text(str(f.resolve())) for f in files)
        connection.execute(f"SET allowed_paths = [{listed}]")
        # Views of the user's are no statements that write.
        connection.execute(f"SET allowed_directories = [{sql.text(str(self._spill))}]")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection and remove its temporary folder."""
        try:
            if self._connection is not None:
                self._connection.close()
        finally:
            shutil.rmtree(self._spill, ignore_errors=True)

    @property
    def spill(self) -> Path:
        """The folder that is gone when the connection is closed; statements of ours may write."""
        return self._spill

    def aside(self) -> Path:
        """A new folder there, not made yet."""
        self._asides += 1
        self._spill.mkdir(exist_ok=True)
        return self._spill / f"aside-{self._asides}"

    def table(self, role: str) -> Table:
        """The source of that role; ConfigError if the campaign names none."""
        if role not in self.tables:
            raise ConfigError(f"campaign.toml has no [{role}]; add it with its source")
        return self.tables[role]

    def column(self, role: str, column: str) -> str:
        """The type of a column; ConfigError names the nearest one if it is missing."""
        table = self.table(role)
        if column not in table.columns:
            raise ConfigError(
                f"{table.shown} has no column {column!r}{nearest(column, table.columns)}"
            )
        return table.columns[column]

    def read(self, role: str, column: str, use: Use) -> str:
        """SQL of a column read for a use; ConfigError if it is missing or cannot be read so."""
        kind, table = self.column(role, column), self.tables[role]
        if (column, use) in table.unfit:
            raise ConfigError(table.unfit[column, use])
        if (column, use) in table.names:
            return table.names[column, use]
        if not cells.readable(kind, use, table.writing):
            raise ConfigError(
                f"{table.shown}: column {column!r} is {kind}; needed is {cells.REMEDY[use]};"
                " convert it in a query"
            )
        return cells.read(sql.name(column), kind, use, table.writing)

    def key(self, role: str, column: str, wanted: str) -> str:
        """SQL of a column as the customers' key, BIGINT or VARCHAR; NULL where it is none."""
        kind, table = self.column(role, column), self.tables[role]
        return table.names.get((column, "key")) or typed.as_key(sql.name(column), kind, wanted)

    def misread(self, role: str, column: str, use: Use) -> str:
        """SQL of whether a cell says something that the use cannot take."""
        kind, table = self.column(role, column), self.tables[role]
        return cells.misread(sql.name(column), kind, use, table.writing) or "false"

    def count(self, role: str) -> int:
        """Rows of a source."""
        return int(self.rows(f"SELECT count(*) FROM {self.table(role).view}")[0][0])

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a small query; a fault in the data is a DataError."""
        try:
            with self.limited():
                return self._rows(query, parameters)
        except duckdb.Error as e:
            raise failed(e) from None

    def limited(self) -> AbstractContextManager[None]:
        """What is asked of the connection in this block ends within `limits.query_seconds`."""
        return within(self.connection, self.seconds)

    def _rows(self, query: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        found = self.connection.sql(query, params=list(parameters))
        if ZONED not in map(str, found.types):
            return found.fetchall()
        # As Python objects DuckDB gives zoned times only where a further package is installed.
        table = found.to_arrow_table()
        return list(zip(*(column.to_pylist() for column in table.columns), strict=True))

    def stream(
        self, query: str, parameters: Sequence[Any] = (), *, rows: int, exact: bool = True
    ) -> Iterator[pa.RecordBatch]:
        """A query in batches of so many rows, on a cursor: others may use the connection.

        Where that need not be ``exact`` they come as DuckDB has them, and are not copied.
        """
        cursor = self.connection.cursor()
        try:
            with within(cursor, self.seconds):
                reader = cursor.sql(query, params=list(parameters)).to_arrow_reader(rows)
            pieces = paced(iter(reader), cursor, self.seconds)
            yield from cut(pieces, rows) if exact else pieces
        except duckdb.Error as e:
            raise failed(e) from None
        except (pa.ArrowException, OSError) as e:
            raise streaming_failed(e) from None
        finally:
            cursor.close()

    def describe(self, query: str) -> dict[str, str]:
        """Column names and types of a SELECT."""
        return {str(row[0]): str(row[1]) for row in self.rows(f"DESCRIBE {query}")}

    def kinds(self, view: str, expressions: Collection[str]) -> dict[str, str]:
        """The type of each of some expressions over a view, asked for together.

        None is told where one of them cannot be read: who asks for each alone learns which.
        """
        listed = list(dict.fromkeys(expressions))
        if not listed:
            return {}
        chosen = ", ".join(f"{query} AS answer{i}" for i, query in enumerate(listed))
        try:
            found = self.describe(f"SELECT {chosen} FROM {view}")
        except BanditError:
            return {}
        return dict(zip(listed, found.values(), strict=True))


def failed(error: duckdb.Error) -> BanditError:
    """What DuckDB reports while it reads the user's data, as an error of the user's."""
    if isinstance(error, duckdb.OutOfMemoryException):
        return too_little_memory(first_line(error))
    return DataError(f"reading the data failed: {first_line(error)}")


def streaming_failed(error: Exception) -> BanditError:
    """The same for what comes through an Arrow reader, which hides DuckDB's class of error."""
    line = str(error).split("\n", 1)[0]
    if "Out of Memory" in line:
        return too_little_memory(line)
    return DataError(f"reading the data failed: {line}")


def too_little_memory(line: str) -> ConfigError:
    """What DuckDB had not enough memory for."""
    return ConfigError(f"limits.memory_mb is too little for this data ({line}); raise it")
