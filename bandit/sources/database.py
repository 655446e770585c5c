"""DuckDB over the user's files: read-only, nothing else reachable, settings locked."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import duckdb
import pyarrow as pa

from bandit.config.campaign import Campaign, Source
from bandit.core import spill, sql
from bandit.core.batches import cut
from bandit.core.errors import BanditError, ConfigError, DataError
from bandit.core.problems import Faults, nearest
from bandit.sources import csv_source, sources
from bandit.sources.csv_source import FAULT, first_line
from bandit.sources.given import given
from bandit.sources.sources import Located

ROLES = ("customers", "offers", "channels", "consents", "history")
"""The sources of a wave; `connect` takes others too (outcomes, log)."""


ZONED = "TIMESTAMP WITH TIME ZONE"


class Table(NamedTuple):
    """One source: the view that serves it, its columns with DuckDB's types, how it is called."""

    view: str
    columns: dict[str, str]
    shown: str
    has_faults: bool


class Database:
    """An in-memory DuckDB connection over the sources of a campaign; a context manager."""

    def __init__(self, threads: int, memory_mb: int) -> None:
        self._spill = spill.folder()
        self.tables: dict[str, Table] = {}
        self.connection = duckdb.connect(
            ":memory:",
            config={
                "threads": threads,
                "memory_limit": f"{memory_mb}MB",
                "temp_directory": str(self._spill),
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "allow_community_extensions": False,
            },
        )
        self.connection.execute("SET GLOBAL TimeZone = 'UTC'")

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
        self.connection.close()
        shutil.rmtree(self._spill, ignore_errors=True)

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

    def count(self, role: str) -> int:
        """Rows of a source."""
        return int(self.rows(f"SELECT count(*) FROM {self.table(role).view}")[0][0])

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a small query; a fault in the data is a DataError."""
        try:
            found = self.connection.sql(query, params=list(parameters))
            if ZONED not in map(str, found.types):
                return found.fetchall()
            # As Python objects DuckDB gives zoned times only where a further package is installed.
            table = found.to_arrow_table()
            return list(zip(*(column.to_pylist() for column in table.columns), strict=True))
        except duckdb.Error as e:
            raise failed(e) from None

    def stream(
        self, query: str, parameters: Sequence[Any] = (), *, rows: int
    ) -> Iterator[pa.RecordBatch]:
        """A query in batches of so many rows, on a cursor: others may use the connection."""
        cursor = self.connection.cursor()
        try:
            yield from cut(cursor.sql(query, params=list(parameters)).to_arrow_reader(rows), rows)
        except duckdb.Error as e:
            raise failed(e) from None
        except (pa.ArrowException, OSError) as e:
            raise streaming_failed(e) from None
        finally:
            cursor.close()

    def describe(self, query: str) -> dict[str, str]:
        """Column names and types of a SELECT."""
        return {str(row[0]): str(row[1]) for row in self.rows(f"DESCRIBE {query}")}


def failed(error: duckdb.Error) -> BanditError:
    """What DuckDB reports while it reads the user's data, as an error of the user's."""
    if isinstance(error, duckdb.OutOfMemoryException):
        return _too_little_memory(first_line(error))
    return DataError(f"reading the data failed: {first_line(error)}")


def streaming_failed(error: Exception) -> BanditError:
    """The same for what comes through an Arrow reader, which hides DuckDB's class of error."""
    line = str(error).split("\n", 1)[0]
    if "Out of Memory" in line:
        return _too_little_memory(line)
    return DataError(f"reading the data failed: {line}")


def _too_little_memory(line: str) -> ConfigError:
    return ConfigError(f"limits.memory_mb is too little for this data ({line}); raise it")


def connect(
    campaign: Campaign,
    *,
    threads: int | None = None,
    extra_files: Sequence[Path] = (),
    roles: Sequence[str] = ROLES,
    more: Mapping[str, Source] | None = None,
) -> Database:
    """Open the sources of a campaign.

    Parameters
    ----------
    campaign
        Its folder is where relative paths start; `limits.memory_mb` bounds DuckDB.
    threads
        Of DuckDB; by default as many as there are processors. Results do not depend on it.
    extra_files
        Parquet files of ours that queries may read besides.
    roles
        Which sections are sources here; those that the campaign lacks are left out.
    more
        Further sources by role, for example a file of outcomes named on the command line.

    Raises
    ------
    ConfigError, DataError
        Everything wrong at once: missing files, unknown tables, broken CSV lines with their
        numbers, queries that are not one SELECT.
    """
    faults = Faults()
    database = open_sources(
        campaign, faults, threads=threads, extra_files=extra_files, roles=roles, more=more
    )
    if faults:
        database.close()
    faults.stop()
    return database


def open_sources(
    campaign: Campaign,
    faults: Faults,
    *,
    threads: int | None = None,
    extra_files: Sequence[Path] = (),
    roles: Sequence[str] = ROLES,
    more: Mapping[str, Source] | None = None,
) -> Database:
    """Like `connect`, but what is wrong goes to `faults` and the sources that are right open."""
    wanted = {role: _source(campaign, role) for role in roles} | dict(more or {})
    located: list[Located] = []
    for role, source in wanted.items():
        if source is not None:
            try:
                located.append(sources.locate(role, source, campaign.folder))
            except BanditError as e:
                faults.catch(e)
    database = Database(threads or os.cpu_count() or 1, campaign.limits.memory_mb)
    try:
        aliases = _attach(database, located, faults)
        _lock(database, [f for s in located for f in s.files] + list(extra_files))
        for found in located:
            if not found.is_database or found.files[0] in aliases:
                try:
                    _open(database, campaign, found, aliases)
                except BanditError as e:
                    faults.catch(e)
    except BaseException:
        database.close()
        raise
    return database


def _source(campaign: Campaign, role: str) -> Source | None:
    found = given(role) or getattr(campaign, role)
    if found is None or isinstance(found, Source):
        return found
    if found.source is None:
        return None
    return Source(source=found.source, table=found.table, query=found.query)


def _attach(database: Database, located: Sequence[Located], faults: Faults) -> dict[Path, str]:
    """Attach each .duckdb file once, under a name of ours; its path stays out of the names."""
    aliases: dict[Path, str] = {}
    for source in located:
        file = source.files[0]
        if not source.is_database or file in aliases:
            continue
        alias = f"bandit_{len(aliases)}"
        try:
            database.connection.execute(f"ATTACH {sql.text(str(file))} AS {alias} (READ_ONLY)")
            aliases[file] = alias
        except duckdb.Error as e:
            faults.data.append(f"{file} cannot be opened as a DuckDB file: {first_line(e)}")
    return aliases


def _lock(database: Database, files: Sequence[Path]) -> None:
    listed = ", ".join(sql.text(str(f.resolve())) for f in files)
    database.connection.execute(f"SET allowed_paths = [{listed}]")
    database.connection.execute("SET enable_external_access = false")
    database.connection.execute("SET lock_configuration = true")


def _open(
    database: Database, campaign: Campaign, source: Located, aliases: Mapping[Path, str]
) -> None:
    """Make the view of one source and learn its columns."""
    view = f"bandit_{source.role}"
    alias = aliases.get(source.files[0])
    if alias is not None:
        body = f"SELECT * FROM {sources.table(alias, source.source.table or '')}"
    elif source.files[0].suffix in sources.PARQUET:
        body = f"SELECT * FROM {sources.parquet(source.files)}"
    else:
        hints = _hints(campaign) if source.role == "customers" else {}
        try:
            csv_source.load(database.connection, source.files[0], hints, f"{view}_csv")
        except duckdb.Error as e:
            raise _refused(source, e) from None
        body = f"SELECT * FROM {view}_csv"
    if source.source.query is not None:
        own = f"{view}_file"
        if alias is None:
            _create(database, source, own, body)
        body = sources.query(source.role, source.source.query, alias=alias, own=own)
    _create(database, source, view, body)
    columns = _columns(database, source, view)
    has_faults = columns.pop(FAULT, None) is not None
    database.tables[source.role] = Table(view, columns, source.shown, has_faults)


def _create(database: Database, source: Located, view: str, body: str) -> None:
    try:
        database.connection.execute(f"CREATE VIEW {view} AS {body}")
    except duckdb.Error as e:
        raise _refused(source, e) from None


def _columns(database: Database, source: Located, view: str) -> dict[str, str]:
    try:
        rows = database.connection.execute(f"DESCRIBE SELECT * FROM {view}").fetchall()
    except duckdb.Error as e:
        raise _refused(source, e) from None
    return {str(row[0]): str(row[1]) for row in rows}


def _refused(source: Located, error: duckdb.Error) -> BanditError:
    if isinstance(error, duckdb.OutOfMemoryException):
        return _too_little_memory(first_line(error))
    if isinstance(error, duckdb.PermissionException):
        return ConfigError(
            f"[{source.role}] {source.shown} reads a file that the campaign does not name:"
            f" {first_line(error)}"
        )
    if isinstance(error, duckdb.CatalogException | duckdb.BinderException | duckdb.ParserException):
        return ConfigError(f"[{source.role}] {source.shown}: {first_line(error)}")
    return DataError(f"[{source.role}] {source.shown} cannot be read: {first_line(error)}")


def _hints(campaign: Campaign) -> dict[str, str]:
    """The types that the features need of CSV columns."""
    features = campaign.features
    return {
        **dict.fromkeys(features.numeric, "DOUBLE"),
        **dict.fromkeys(features.boolean, "BOOLEAN"),
        **dict.fromkeys(features.date, "TIMESTAMP WITH TIME ZONE"),
        **dict.fromkeys(features.vector, "FLOAT[]"),
    }
