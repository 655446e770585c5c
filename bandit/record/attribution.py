"""Which outcome belongs to which decision: events joined with a wave's decisions by identity."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np

from bandit.core import sql
from bandit.core.days import Window
from bandit.core.folding import folded
from bandit.core.types import Array, Bool, Float64
from bandit.record.decision_ids import wave_of
from bandit.record.decisions import Decisions
from bandit.record.waves import Wave
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
    whose, their = _families(connection, decisions, after)
    rival = (
        f"""AND NOT EXISTS (SELECT 1 FROM {their} d WHERE d.customer_id = e.person
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
            FROM {_numbered(decisions.files)} d JOIN ({whose}) e ON e.customer_id = d.customer_id
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


def _families(
    connection: duckdb.DuckDBPyConnection, decisions: Decisions, after: str | None
) -> tuple[str, str]:
    """SQL of the events by customer of the wave and person, and of ``after`` by person.

    A key that the wave has is that customer's. Of another key of the same person the events are of
    the person's present key in the wave, or of the first one of theirs that it has.
    """
    if connection.execute("SELECT count(*) FROM families").fetchall()[0][0] == 0:
        return "SELECT *, customer_id AS person FROM events", after or ""
    there = sources.parquet(decisions.files)
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE spoken_for AS
        WITH here AS (
            SELECT DISTINCT id, person FROM families
            SEMI JOIN {there} made ON made.customer_id = families.id
        )
        SELECT families.id AS said, coalesce(
            max(CASE WHEN here.id = families.id THEN here.id END),
            max(CASE WHEN here.id = here.person THEN here.id END),
            min(here.id)
        ) AS id FROM families JOIN here USING (person) GROUP BY said
        """
    )
    whose = (
        "SELECT events.* REPLACE (coalesce(spoken_for.id, events.customer_id) AS customer_id),"
        " coalesce(families.person, events.customer_id) AS person FROM events"
        " LEFT JOIN spoken_for ON spoken_for.said = events.customer_id"
        " LEFT JOIN families ON families.id = events.customer_id"
    )
    their = (
        f"(SELECT coalesce(families.person, made.customer_id) AS customer_id, decided_at"
        f" FROM {after} made LEFT JOIN families ON families.id = made.customer_id)"
    )
    return whose, their


def _made(decisions: Decisions) -> Array:
    """The action of each decision as it was carried out, int32[n]: none where withheld."""
    parts = [np.where(rows.withheld, 0, rows.action) for rows in decisions.rows("action")]
    return np.concatenate(parts) if parts else np.zeros(0, np.int32)


def _numbered(files: Sequence[Path]) -> str:
    """The files with file_index, their position in ``files``, and file_row_number."""
    return sources.parquet(files)[:-1] + ", file_row_number = true)"
