"""index.duckdb: views over the record for whoever asks in SQL; made anew whenever it is not right.

It holds no rows, only views on the files that the manifests name, so it can be deleted at any time
and is never a source of truth.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa

from bandit.core import files, schema, sql
from bandit.record import heard, manifest, outcomes, rejects
from bandit.record import waves as record
from bandit.sources import sources

NAME = "index.duckdb"
VIEWS = ("decisions", "outcomes", "rejects", "waves")
_FORMAT = 2
_WAVE_COLUMNS = {
    "wave": "VARCHAR", "kind": "VARCHAR", "at": "TIMESTAMPTZ", "seed": "UBIGINT",
    "snapshot": "VARCHAR", "config": "VARCHAR", "decisions": "BIGINT", "forgotten": "BIGINT",
    "customers": "BIGINT", "contacted": "BIGINT", "rejected": "BIGINT", "withheld": "BIGINT",
    "expected_value": "DOUBLE", "unit": "VARCHAR",
}  # fmt: skip


class Index(NamedTuple):
    """What the index is made of, and ``key``, which digests that."""

    key: str
    waves: list[record.Wave]
    batches: list[tuple[Path, dict[str, Any]]]

    def views(self) -> dict[str, str]:
        """SQL by view."""
        events = [path / outcomes.EVENTS for path, _ in sorted(self.batches, key=_delivered)]
        return {
            "decisions": _decisions(self.waves),
            "outcomes": _outcomes(events),
            "rejects": _rejects([w.folder for w in self.waves], [path for path, _ in self.batches]),
            "waves": _waves(self.waves),
        }


def refresh(folder: Path) -> bool:
    """Make index.duckdb over the record as it stands, unless it is right; whether it was made.

    Raises
    ------
    DataError
        A manifest is damaged, or the file cannot be written.
    """
    wanted = _wanted(folder)
    path = folder / NAME
    if _right(path, wanted):
        return False
    with files.aside(path) as partial:
        try:
            _write(partial / NAME, wanted)
            if not _right(partial / NAME, wanted, asked=False):
                raise OSError("what was written does not read back")
        except duckdb.Error as e:
            _hold_whole(folder)
            raise files.unwritable(path, OSError(str(e).split("\n", 1)[0])) from None
        files.remove(path.with_name(f"{NAME}.wal"))  # a stranger's: it must not be replayed on ours
        (partial / NAME).chmod(files.PRIVATE_FILE)
        files.sync(partial / NAME)
        (partial / NAME).replace(path)
        files.sync(folder)
    return True


@contextmanager
def connect(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The views on a connection in memory: the same answers, whatever state the file is in."""
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(sql.NO_BARS)
        _make(connection, _wanted(folder))
        yield connection


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    """What index files are opened in: to start an engine takes longer than to look at a file."""
    return duckdb.connect(
        ":memory:",
        config={"autoinstall_known_extensions": False, "autoload_known_extensions": False},
    )


os.register_at_fork(after_in_child=_engine.cache_clear)


@contextmanager
def _opened(path: Path, how: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection of its own whose statements are about that file."""
    name = sql.name(f"index {uuid.uuid4().hex}")
    with ExitStack() as failed, _engine().cursor() as connection:
        failed.callback(_engine.cache_clear)  # a damaged file can take its engine with it
        connection.execute(f"ATTACH {sql.text(str(path))} AS {name} ({how})")
        connection.execute(f"USE {name}")
        yield connection
        connection.execute("USE memory")
        connection.execute(f"DETACH {name}")
        failed.pop_all()


def _write(path: Path, wanted: Index) -> None:
    with _opened(path, "READ_WRITE") as connection:
        _make(connection, wanted)
        connection.execute("CREATE TABLE bandit_index (key VARCHAR)")
        connection.execute("INSERT INTO bandit_index VALUES ($1)", [wanted.key])
        connection.execute("CHECKPOINT")  # a close would keep a failure to itself


def _hold_whole(folder: Path) -> None:
    """Name the damaged file, if one is why the views cannot be made."""
    for wave in record.waves(folder):
        manifest.verified(wave.folder, wave.content)
    for batch in manifest.published(folder / outcomes.OUTCOMES):
        manifest.verified(batch, manifest.read(batch))


def _make(connection: duckdb.DuckDBPyConnection, wanted: Index) -> None:
    for name, query in wanted.views().items():
        connection.execute(f"CREATE VIEW {name} AS {query}")


def _right(path: Path, wanted: Index, *, asked: bool = True) -> bool:
    """Whether the file opens, was made from this record, and its views answer.

    Those that were made just now answered then: they are not ``asked`` again.
    """
    if not path.is_file() or path.with_name(f"{NAME}.wal").exists():
        return False
    try:
        with _opened(path, "READ_ONLY") as connection:
            right = connection.execute("SELECT key FROM bandit_index").fetchall() == [(wanted.key,)]
            for view in VIEWS if right and asked else ():
                connection.execute(f"DESCRIBE {view}")
    except duckdb.Error:
        return False
    return right


def _wanted(folder: Path) -> Index:
    waves = record.waves(folder)
    batches = [(one.folder, one.content) for one in outcomes.taken(folder)]
    made_from = [
        [_FORMAT, duckdb.__version__, str(folder.resolve())],
        *([w.name, w.manifest.sha256] for w in waves),
        *([path.name, content["sha256"]] for path, content in batches),
    ]
    key = hashlib.sha256(json.dumps(made_from).encode()).hexdigest()
    return Index(key, waves, batches)


def _delivered(batch: tuple[Path, Mapping[str, Any]]) -> tuple[int, str]:
    path, content = batch
    return outcomes.delivery(content), path.name


def _decisions(waves: Sequence[record.Wave]) -> str:
    found = [path.resolve() for wave in waves for path in wave.decisions]
    if not found:
        return _empty(schema.decisions(pa.int64(), 1, 1))
    return f"SELECT * FROM {_parquet(found)}"


def _outcomes(found: Sequence[Path]) -> str:
    """Each event once, as `learn` takes it; ``found`` are in the order of their delivery."""
    if not found:
        return _empty(schema.outcomes(pa.int64()))
    return f"SELECT * EXCLUDE (copies) FROM ({heard.latest([p.resolve() for p in found])})"


def _rejects(waves: Sequence[Path], batches: Sequence[Path]) -> str:
    """With ``source``: the wave or the batch of outcomes that the row was refused in."""
    columns = ", ".join(sql.name(name) for name in schema.REJECTS.names)
    parts = [
        f"SELECT {sql.text(f'{folder.parent.name}/{folder.name}')} AS source, {columns}"
        f" FROM {_parquet([(folder / rejects.NAME).resolve()])}"
        for folder in (*waves, *batches)
        if (folder / rejects.NAME).is_file()
    ]
    empty = f"SELECT '' AS source, * FROM ({_empty(schema.REJECTS)})"
    return " UNION ALL ".join(parts) or empty


def _waves(waves: Sequence[record.Wave]) -> str:
    columns = ", ".join(map(sql.name, _WAVE_COLUMNS))
    typed = ", ".join(
        f"CAST({sql.name(name)} AS {kind}) AS {sql.name(name)}"
        for name, kind in _WAVE_COLUMNS.items()
    )
    rows = [f"({', '.join(_literal(v) for v in _wave_row(w))})" for w in waves]
    if not rows:
        rows = [f"({', '.join('NULL' for _ in _WAVE_COLUMNS)})"]
    kept = " WHERE wave IS NOT NULL ORDER BY listed.at, wave"
    return f"SELECT {typed} FROM (VALUES {', '.join(rows)}) listed({columns}){kept}"


def _wave_row(wave: record.Wave) -> list[Any]:
    content = {"forgotten": 0, **wave.manifest.summary, **wave.content}
    return [content.get(name) for name in _WAVE_COLUMNS]


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    return sql.text(value) if isinstance(value, str) else repr(value)


def _parquet(found: Sequence[Path]) -> str:
    """Waves differ in their numbers of actions and features, so columns go by name."""
    return sources.parquet(found)[:-1] + ", union_by_name = true)"


@cache
def _empty(kind: pa.Schema) -> str:
    with _engine().cursor() as connection:
        described = connection.from_arrow(kind.empty_table()).description
        types = {name: str(t) for name, t, *_ in described}
    columns = ", ".join(f"NULL::{t} AS {sql.name(name)}" for name, t in types.items())
    return f"SELECT {columns} WHERE false"
