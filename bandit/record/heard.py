"""What was heard: each event once, however often and in however many versions it was delivered."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa

from bandit.core import spill, sql
from bandit.core.days import Window
from bandit.record.decision_ids import wave_of
from bandit.record.doubtful_refusals import MARK
from bandit.record.waves import LOGGED, Wave


def connect(memory_mb: int, threads: int | None = None) -> duckdb.DuckDBPyConnection:
    """A connection for the record's own files; no expression of the user's is run on it."""
    connection = duckdb.connect(
        ":memory:",
        config={"memory_limit": f"{memory_mb}MB", "temp_directory": str(spill.folder())},
    )
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(sql.NO_BARS)
    if threads is not None:
        connection.execute("SET threads = $1", [threads])
    return connection


_CONTENT = "decision_id, customer_id, event, reward, occurred_at"


def latest(files: Sequence[Path]) -> str:
    """SELECT of each event once, as `load_events` says; ``copies`` counts its deliveries."""
    order = ", ".join(f"{c} DESC" for c in f"delivery, {_CONTENT}".split(", "))
    return (
        f"SELECT event_id, {_CONTENT}, count(*) OVER (PARTITION BY event_id) AS copies"
        f" FROM ({_deliveries(files)}) QUALIFY row_number() OVER"
        f" (PARTITION BY event_id ORDER BY version DESC NULLS LAST, {order}) = 1"
    )


def events_about(
    connection: duckdb.DuckDBPyConnection,
    files: Sequence[Path],
    keys: Sequence[str],
    decisions: Sequence[str],
) -> list[dict[str, Any]]:
    """Events that name a person's ``keys``, or one of ``decisions``, each once, by time.

    Their ``delivery`` is the place of the file in ``files``.
    """
    if not files:
        return []
    came = f"({_deliveries(files)})"
    named = "list_contains($decisions::VARCHAR[], decision_id)"
    theirs = f"(list_contains($keys::VARCHAR[], customer_id::VARCHAR) OR {named})"
    order = ", ".join(f"{c} DESC" for c in f"delivery, {_CONTENT}".split(", "))
    found = connection.sql(
        f"SELECT event_id, {_CONTENT}, delivery FROM (SELECT * FROM {came} WHERE event_id IN"
        f" (SELECT event_id FROM {came} WHERE {theirs})"
        " QUALIFY row_number() OVER (PARTITION BY event_id"
        f" ORDER BY version DESC NULLS LAST, {order}) = 1)"
        f" WHERE {theirs} ORDER BY occurred_at, event_id",
        params={"keys": list(keys), "decisions": list(decisions)},
    ).to_arrow_table()
    rows: list[dict[str, Any]] = found.to_pylist()
    return rows


def _deliveries(files: Sequence[Path]) -> str:
    """SELECT of all that came; batches of before there were versions have no such column."""
    listed = ", ".join(sql.text(str(file)) for file in files)
    return (
        f"SELECT event_id, {_CONTENT}, version, delivery"
        f" FROM (FROM read_parquet([{listed}], union_by_name=true, filename=true) UNION ALL BY NAME"
        " SELECT NULL::DOUBLE AS version WHERE false)"
        f" JOIN (SELECT unnest([{listed}]) AS filename, unnest(range({len(files)})) AS delivery)"
        " USING (filename)"
    )


def silent(wave: str) -> str:
    """A sentence on a closed wave in whose window nothing happened, as far as anybody said."""
    return (
        f"no event lies in the window of wave {wave}, so that it earned nothing: were its outcomes"
        " forgotten? `bandit learn --outcomes FILE` takes them in"
    )


class Corrected(NamedTuple):
    """Events that came with differing contents.

    ``corrections``: a later one decided; ``conflicts``: equally late ones differ.
    """

    corrections: int
    conflicts: int


def load_events(
    connection: duckdb.DuckDBPyConnection,
    files: Sequence[Path],
    families: Mapping[int | str, int | str] | None = None,
) -> Corrected:
    """Make the table `events`: each event id once, however often it came.

    With it the table `families` of id and person: customers of several keys, see
    `sources.persons.families`; empty without them.

    Of deliveries that differ the one with the highest version counts, a row without one being the
    oldest; of equal versions the last delivered, ``files`` being in that order; within one delivery
    the row that sorts last. Where all rows have versions the order of the deliveries is nothing.
    """
    _load_families(connection, families or {})
    if not files:
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE events AS SELECT NULL::VARCHAR AS event_id,"
            " NULL::VARCHAR AS decision_id, NULL::VARCHAR AS customer_id, NULL::VARCHAR AS event,"
            " NULL::DOUBLE AS reward, NULL::TIMESTAMPTZ AS occurred_at LIMIT 0"
        )
        return Corrected(0, 0)
    connection.execute(f"CREATE OR REPLACE TEMP VIEW deliveries AS {_deliveries(files)}")
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE events AS SELECT * FROM ({latest(files)})"
        f" WHERE NOT contains(event_id, {sql.text(MARK)})"
    )
    return _corrected(connection)


def _load_families(
    connection: duckdb.DuckDBPyConnection, families: Mapping[int | str, int | str]
) -> None:
    whole = all(isinstance(key, int) for key in families)
    kind = pa.int64() if whole and families else pa.string()
    listed = pa.table({
        "id": pa.array(list(families), kind), "person": pa.array(list(families.values()), kind)
    })  # fmt: skip
    connection.execute("DROP TABLE IF EXISTS families")
    connection.from_arrow(listed).create("families")


def _corrected(connection: duckdb.DuckDBPyConnection) -> Corrected:
    """How many events came with several contents, and how many of them leave it open which."""
    found = connection.execute(
        f"""
        WITH differing AS (
            SELECT event_id FROM deliveries
            WHERE event_id IN (SELECT event_id FROM events WHERE copies > 1)
            GROUP BY event_id HAVING count(DISTINCT row({_CONTENT})) > 1
        ), best AS (
            SELECT event_id, row({_CONTENT}) AS said FROM deliveries
            WHERE event_id IN (FROM differing)
            QUALIFY rank() OVER (PARTITION BY event_id
                                 ORDER BY version DESC NULLS LAST, delivery DESC) = 1
        )
        SELECT count(*), count(*) FILTER (contents > 1)
        FROM (SELECT event_id, count(DISTINCT said) AS contents FROM best GROUP BY event_id)
        """
    ).fetchall()
    different, open_ = found[0]
    return Corrected(int(different - open_), int(open_))


class Occurred(NamedTuple):
    """``events`` that a delivery brought, ``outside`` of them in no wave's window.

    ``first`` and ``last`` are their days, None without events.
    """

    events: int
    outside: int
    first: dt.date | None
    last: dt.date | None


def occurred(
    connection: duckdb.DuckDBPyConnection, waves: Sequence[Wave], window: Window
) -> Occurred:
    """When the events of the table `events` occurred, seen from the windows of ``waves``.

    An event that names a decision lies in the window of that decision's wave or in none. Those of
    logged decisions are no delivery: ``waves`` says which those are.
    """
    given = [w for w in waves if w.manifest.kind != LOGGED]
    found = connection.execute(
        f"""
        WITH windows AS (
            SELECT unnest($names::VARCHAR[]) AS wave, unnest($starts::TIMESTAMPTZ[]) AS start,
                   unnest($ends::TIMESTAMPTZ[]) AS stop
        ), delivered AS (
            SELECT event_id, {wave_of("decision_id")} AS wave, occurred_at FROM events
            WHERE decision_id IS NULL
               OR NOT list_contains($logged::VARCHAR[], {wave_of("decision_id")})
        ), inside AS (
            SELECT DISTINCT event_id FROM delivered d JOIN windows w
            ON d.occurred_at >= w.start AND d.occurred_at < w.stop
               AND coalesce(d.wave, w.wave) = w.wave
        )
        SELECT count(*), count(*) - (SELECT count(*) FROM inside),
               min(occurred_at)::DATE, max(occurred_at)::DATE
        FROM delivered
        """,
        {
            "names": [w.name for w in given],
            "starts": [w.at for w in given],
            "ends": [w.end(window) for w in given],
            "logged": [w.name for w in waves if w.manifest.kind == LOGGED],
        },
    ).fetchall()
    return Occurred(*found[0])
