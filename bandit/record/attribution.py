"""Which outcome belongs to which decision: events joined with a wave's decisions by identity."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np

from bandit.core import spill, sql
from bandit.core.days import Window
from bandit.core.folding import folded
from bandit.core.types import Array, Bool, Float64
from bandit.record.decision_ids import wave_of
from bandit.record.decisions import Decisions
from bandit.record.waves import LOGGED, Wave
from bandit.sources import sources


class Attributed(NamedTuple):
    """``rewards`` float64[n] of the wave's decisions as stored now, zero in silence.

    Each event is in ``rewards`` once: they add up. In ``taught`` float64[n] what names a customer
    stands on every row of that customer: it came after all of them, and a slot that had it alone
    would look better than the others by what people do anyway. `Rows.place` says where the rows of
    a batch lie among them.
    """

    rewards: Float64
    taught: Float64
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
    customer: str,
    decisions: Sequence[str],
) -> list[dict[str, Any]]:
    """Events that name a customer, or one of ``decisions``, each once, in the order of time."""
    if not files:
        return []
    came = f"({_deliveries(files)})"
    named = "list_contains($decisions::VARCHAR[], decision_id)"
    theirs = f"(customer_id::VARCHAR = $customer OR {named})"
    order = ", ".join(f"{c} DESC" for c in f"delivery, {_CONTENT}".split(", "))
    found = connection.sql(
        f"SELECT event_id, {_CONTENT} FROM (SELECT * FROM {came} WHERE event_id IN"
        f" (SELECT event_id FROM {came} WHERE {theirs})"
        " QUALIFY row_number() OVER (PARTITION BY event_id"
        f" ORDER BY version DESC NULLS LAST, {order}) = 1)"
        f" WHERE {theirs} ORDER BY occurred_at, event_id",
        params={"customer": customer, "decisions": list(decisions)},
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


class Corrected(NamedTuple):
    """Events that came with differing contents.

    ``corrections``: a later one decided; ``conflicts``: equally late ones differ.
    """

    corrections: int
    conflicts: int


def load_events(connection: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> Corrected:
    """Make the table `events`: each event id once, however often it came.

    Of deliveries that differ the one with the highest version counts, a row without one being the
    oldest; of equal versions the last delivered, ``files`` being in that order; within one delivery
    the row that sorts last. Where all rows have versions the order of the deliveries is nothing.
    """
    if not files:
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE events AS SELECT NULL::VARCHAR AS event_id,"
            " NULL::VARCHAR AS decision_id, NULL::VARCHAR AS customer_id, NULL::VARCHAR AS event,"
            " NULL::DOUBLE AS reward, NULL::TIMESTAMPTZ AS occurred_at LIMIT 0"
        )
        return Corrected(0, 0)
    connection.execute(f"CREATE OR REPLACE TEMP VIEW deliveries AS {_deliveries(files)}")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE events AS {latest(files)}")
    return _corrected(connection)


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


def attribute(
    connection: duckdb.DuckDBPyConnection,
    decisions: Decisions,
    later: Sequence[Wave],
    window: Window,
    *,
    plain: bool = False,
) -> Attributed:
    """Sum each decision's rewards inside ``[decided_at, window.after(decided_at))``.

    An event that names a decision belongs to it. One that names a customer and a time counts for
    that customer's first slot in the latest wave whose window it falls into, and teaches all of the
    customer's slots and ranks there (see `Attributed`). Live, only decisions made before it are
    meant, the first of them in stored order in the first slot's place. ``later`` are the
    waves that may claim it before this one (`waves.after`). An id that the wave does not have is
    nobody's: it was deleted and served anew.

    Where the wave says what kinds of events are worth (`Wave.worths`), that is an event's reward; a
    withheld contact was none. ``plain`` takes the reward that the event says itself.
    """
    worths = None if plain else decisions.wave.worths
    found = _claimed(connection, decisions, later, window, () if worths is None else worths.kinds)
    worth = found.reward
    if worths is not None:
        worth = worths.of(found.kind, found.reward, _made(decisions)[found.place])
    rewards, taught = np.zeros((2, found.decisions))
    mine = found.inside & found.counts
    np.add.at(rewards, found.place[mine], worth[mine])
    np.add.at(taught, found.place[found.inside], worth[found.inside])
    return Attributed(rewards, taught, int(mine.sum()), int((~found.inside & found.counts).sum()))


class Counted(NamedTuple):
    """``taught`` float64[K, n]: events of each kind of a wave's decisions, as `Attributed.taught`.

    ``events`` inside the window, of any kind; ``known`` are those of a kind that somebody named.
    """

    taught: Float64
    events: int
    known: int
    outside_window: int


def count(
    connection: duckdb.DuckDBPyConnection,
    decisions: Decisions,
    later: Sequence[Wave],
    window: Window,
    kinds: Sequence[str],
    amounts: Sequence[bool],
    others: Sequence[str] = (),
) -> Counted:
    """Count the events of each of ``kinds``; of ``amounts`` [K] sum what they say.

    ``others`` are kinds that are known and teach nothing.
    """
    found = _claimed(connection, decisions, later, window, [*kinds, *others])
    taught = np.zeros((len(kinds), found.decisions))
    on = found.inside & (found.kind >= 0) & (found.kind < len(kinds))
    kind = found.kind[on]
    np.add.at(
        taught, (kind, found.place[on]), np.where(np.array(amounts)[kind], found.reward[on], 1.0)
    )
    mine = found.inside & found.counts
    known = int((mine & (found.kind >= 0)).sum())
    return Counted(taught, int(mine.sum()), known, int((~found.inside & found.counts).sum()))


class Reached(NamedTuple):
    """The first event of a kind in the window of each decision that has one, [m].

    ``place`` of the decision as in `Attributed`; ``days`` from the decision to the event.
    """

    place: Array
    kind: Array
    days: Float64


def reached(
    connection: duckdb.DuckDBPyConnection,
    decisions: Decisions,
    later: Sequence[Wave],
    window: Window,
    kinds: Sequence[str],
) -> Reached:
    """Which decisions have an event of which of ``kinds``, and how long it took.

    What names a customer stands on all of the customer's rows, as it is taught.
    """
    found = _claimed(connection, decisions, later, window, kinds)
    on = found.inside & (found.kind >= 0)
    place, kind, days = found.place[on], found.kind[on], found.days[on]
    order = np.lexsort((days, kind, place))
    place, kind, days = place[order], kind[order], days[order]
    first = np.ones(len(place), np.bool_)
    first[1:] = (place[1:] != place[:-1]) | (kind[1:] != kind[:-1])
    return Reached(place[first], kind[first], days[first])


def kinds_heard(connection: duckdb.DuckDBPyConnection, wave: Wave, window: Window) -> list[str]:
    """Kinds of the events that name a wave's decision, or a customer in its window, by name."""
    found = connection.execute(
        f"""
        SELECT {folded("event")} AS kind FROM events
        WHERE event IS NOT NULL AND ({wave_of("decision_id")} = $wave
            OR decision_id IS NULL AND occurred_at >= $start AND occurred_at < $end)
        GROUP BY kind ORDER BY kind
        """,
        {"wave": wave.name, "start": wave.at, "end": wave.end(window)},
    ).fetchall()
    return [str(kind) for (kind,) in found]


class _Claimed(NamedTuple):
    """Events by the place of the decision that each belongs to, in a fixed order, [m].

    ``kind``: position among the kinds asked for, -1 for another; ``counts``: the event's first row.
    """

    place: Array
    kind: Array
    reward: Float64
    counts: Bool
    inside: Bool
    days: Float64
    decisions: int


def _claimed(
    connection: duckdb.DuckDBPyConnection,
    decisions: Decisions,
    later: Sequence[Wave],
    window: Window,
    kinds: Sequence[str],
) -> _Claimed:
    wave, live = decisions.wave, decisions.wave.manifest.live
    after = sources.parquet([f for w in later for f in w.decisions]) if later else None
    rival = (
        f"""AND NOT EXISTS (SELECT 1 FROM {after} d WHERE d.customer_id = e.customer_id
            AND d.decided_at <= e.occurred_at)"""
        if after
        else ""
    )
    first, made = "d.slot = 1 AND d.placement = $first", ""
    if live:
        first = (
            "row_number() OVER (PARTITION BY e.event_id"
            " ORDER BY d.file_index, d.file_row_number) = 1 AND $first IS NOT NULL"
        )
        made = "AND d.decided_at <= e.occurred_at"
    listed = ", ".join(sql.text(kind) for kind in kinds)
    kind = f"list_position([{listed}], {folded('e.event')})" if kinds else "NULL"
    found = connection.sql(
        f"""
        WITH claimed AS (
            SELECT d.file_index, d.file_row_number, e.event_id, {kind} AS kind, e.reward,
                   e.occurred_at, d.decided_at, true AS counts
            FROM {_numbered(decisions.files)} d JOIN (
                SELECT * FROM events WHERE {wave_of("decision_id")} = $wave
            ) e USING (decision_id)
            UNION ALL
            SELECT d.file_index, d.file_row_number, e.event_id, {kind} AS kind, e.reward,
                   e.occurred_at, d.decided_at, {first} AS counts
            FROM {_numbered(decisions.files)} d JOIN events e ON e.customer_id = d.customer_id
            WHERE e.decision_id IS NULL
              AND e.occurred_at >= $start AND e.occurred_at < $end {made} {rival}
        )
        SELECT file_index::BIGINT AS file, file_row_number AS row, reward, counts,
               coalesce(kind::BIGINT, 0) - 1 AS kind,
               occurred_at >= $start AND occurred_at < $end AS inside,
               epoch_us(occurred_at - decided_at) / 86_400e6 AS days
        FROM claimed ORDER BY file, row, event_id
        """,
        params={
            "wave": wave.name,
            "first": wave.manifest.placements[0],
            "start": wave.at,
            "end": wave.end(window),
        },
    ).to_arrow_table()
    starts = np.concatenate([[0], np.cumsum(decisions.sizes)])
    place = starts[found["file"].to_numpy()] + found["row"].to_numpy()
    kind, reward, counts, inside, days = (
        found[name].to_numpy() for name in ("kind", "reward", "counts", "inside", "days")
    )
    return _Claimed(place, kind, reward, counts, inside, days, int(starts[-1]))


def _made(decisions: Decisions) -> Array:
    """The action of each decision as it was carried out, int32[n]: none where withheld."""
    parts = [np.where(rows.withheld, 0, rows.action) for rows in decisions.rows("action")]
    return np.concatenate(parts) if parts else np.zeros(0, np.int32)


def _numbered(files: Sequence[Path]) -> str:
    """The files with file_index, their position in ``files``, and file_row_number."""
    return sources.parquet(files)[:-1] + ", file_row_number = true)"
