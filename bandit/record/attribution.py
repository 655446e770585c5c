"""Which outcome belongs to which decision: events joined with a wave's decisions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa

from bandit.core import spill
from bandit.core.types import Bool, Float64
from bandit.record.waves import Wave
from bandit.sources import sources


class Attributed(NamedTuple):
    """``rewards`` float64[rows of the wave]: summed over the window, zero in silence."""

    rewards: Float64
    events: int
    outside_window: int


def connect(memory_mb: int, threads: int | None = None) -> duckdb.DuckDBPyConnection:
    """A connection for the record's own files; no expression of the user's is run on it."""
    connection = duckdb.connect(
        ":memory:",
        config={"memory_limit": f"{memory_mb}MB", "temp_directory": str(spill.folder())},
    )
    connection.execute("SET TimeZone = 'UTC'")
    if threads is not None:
        connection.execute("SET threads = $1", [threads])
    return connection


def load_events(connection: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> None:
    """Make the table `events`: each event id once, however often and in whatever order it came.

    Where two deliveries of one id differ, the one that sorts first counts, so the order of
    deliveries does not matter.
    """
    columns = "decision_id, customer_id, event, reward, occurred_at"
    if not files:
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE events AS SELECT NULL::VARCHAR AS event_id,"
            " NULL::VARCHAR AS decision_id, NULL::VARCHAR AS customer_id, NULL::VARCHAR AS event,"
            " NULL::DOUBLE AS reward, NULL::TIMESTAMPTZ AS occurred_at LIMIT 0"
        )
        return
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE events AS
        SELECT event_id, {columns} FROM {sources.parquet(files)}
        QUALIFY row_number() OVER (PARTITION BY event_id ORDER BY {columns}) = 1
        """
    )


def attribute(
    connection: duckdb.DuckDBPyConnection,
    wave: Wave,
    later: Sequence[Wave],
    window: dt.timedelta,
) -> Attributed:
    """Sum each decision's rewards inside ``[decided_at, decided_at + window)``.

    An event that names a decision belongs to it. One that names a customer and a time belongs to
    that customer's first slot in the latest wave whose window it falls into; ``later`` are the
    waves after this one that may claim it. Rows that the wave does not have are nobody's: it was
    deleted and served anew.
    """
    rows = int(wave.manifest["decisions"])
    first = wave.manifest["placements"][0]
    taken = sources.parquet(wave.decisions)
    after = sources.parquet([f for w in later for f in w.decisions]) if later else None
    rival = (
        f"""AND NOT EXISTS (SELECT 1 FROM {after} d WHERE d.customer_id = e.customer_id
            AND d.decided_at <= e.occurred_at)"""
        if after
        else ""
    )
    found = connection.sql(
        f"""
        WITH claimed AS (
            SELECT TRY_CAST(regexp_extract(decision_id, '[0-9]+$') AS BIGINT) AS row, event_id,
                   reward, occurred_at
            FROM events WHERE regexp_replace(decision_id, '\\.[0-9]+$', '') = $wave
            UNION ALL
            SELECT TRY_CAST(regexp_extract(d.decision_id, '[0-9]+$') AS BIGINT), e.event_id,
                   e.reward, e.occurred_at
            FROM events e JOIN {taken} d ON e.customer_id = d.customer_id
            WHERE e.decision_id IS NULL AND d.slot = 1 AND d.placement = $first
              AND e.occurred_at >= $start AND e.occurred_at < $end {rival}
        )
        SELECT row, reward, occurred_at >= $start AND occurred_at < $end AS inside
        FROM claimed WHERE row < $rows ORDER BY row, event_id
        """,
        params={
            "wave": wave.name,
            "first": first,
            "start": wave.at,
            "end": wave.at + window,
            "rows": rows,
        },
    ).to_arrow_table()
    inside: Bool = found["inside"].to_numpy()
    rewards = np.zeros(rows)
    np.add.at(rewards, found["row"].to_numpy()[inside], found["reward"].to_numpy()[inside])
    return Attributed(rewards, int(inside.sum()), int((~inside).sum()))


def withheld_rows(connection: duckdb.DuckDBPyConnection, paths: Sequence[Path], rows: int) -> Bool:
    """Decisions that were not carried out, because consent was gone when the list was written."""
    gone = np.zeros(rows, dtype=np.bool_)
    if paths:
        found: pa.Table = connection.sql(
            "SELECT TRY_CAST(regexp_extract(decision_id, '[0-9]+$') AS BIGINT) AS row"
            f" FROM {sources.parquet(paths)}"
        ).to_arrow_table()
        gone[found["row"].to_numpy()] = True
    return gone
