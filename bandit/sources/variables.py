"""Variables made of events: one scan of each source, its aggregates in a table by customer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import duckdb
import pyarrow as pa

from bandit.config.campaign import Campaign
from bandit.config.variables import EventSource, Variable
from bandit.core import files, sql
from bandit.core.problems import Problems
from bandit.sources import event_index, event_parts
from bandit.sources.aggregates import (
    DAY_US,
    FIFTHS,
    MOMENT,
    Aggregate,
    Part,
    aggregate,
    scores,
)
from bandit.sources.connection import Database, failed
from bandit.sources.event_index import ONE
from bandit.sources.event_parts import Gap
from bandit.sources.events import Events, events, micros

STATE_BYTES = 24
"""What an aggregate of one customer takes while it is made, about."""
SUMMED = "bandit_summed"
"""What a part of the customers is called while it is added."""
GAP_BYTES = 80
"""What a moment takes while gaps are sorted and their median is found, about."""


class Made(NamedTuple):
    """The view of id and each variable of a source; ``empty``: SQL of one without an event."""

    table: str
    empty: Mapping[str, str | None]

    def values(self) -> dict[str, str]:
        """SQL of each variable where the view was joined: null is no event."""
        columns = {name: f"{self.table}.{sql.name(name)}" for name in self.empty}
        return {
            name: column if self.empty[name] is None else f"coalesce({column}, {self.empty[name]})"
            for name, column in columns.items()
        }


class One(NamedTuple):
    """The only ``customer`` of whom variables are wanted; others get none, and are not read.

    ``known``: what hangs on everybody, rfm, by name: it is taken, not made.
    """

    customer: str
    known: Mapping[str, int | None]


def evaluate(
    database: Database, campaign: Campaign, at: dt.datetime, key: str, one: One | None = None
) -> list[Made]:
    """Make the variables of all open sources of events before ``at``.

    ``key`` is the type of the customers' key. ConfigError lists every fault by variable.
    """
    if one is not None:
        value = f"TRY_CAST(? AS {key})"
        database.connection.execute(f"SET VARIABLE {ONE} = {value}", [one.customer])
    faults = Problems()
    used = [source for source in campaign.source if campaign.variables_of(source)]
    for source in used if one is not None else ():
        faults.attempt(partial(_narrow, database, campaign, source, key))
    faults.stop()
    seen = [faults.attempt(partial(events, database, campaign, s, at, key)) for s in used]
    faults.stop()
    made = []
    for source, found in zip(used, seen, strict=True):
        if found is not None:
            table = table_of(campaign, source)
            listed = 0
            if one is None and source.role in database.plain:
                listed = database.count(source.role)
            empty = _make(database, campaign.variables_of(source), found, at, table, one, listed)
            made.append(Made(table, empty))
    return made


def table_of(campaign: Campaign, source: EventSource) -> str:
    """What the view of a source's variables is called; its table ends in `_parts`."""
    return f"bandit_variables_{campaign.source.index(source)}"


def _make(
    database: Database,
    variables: Mapping[str, Variable],
    found: Events,
    at: dt.datetime,
    table: str,
    one: One | None,
    listed: int,
) -> dict[str, str | None]:
    """The view of id and each variable over one scan; what each is without an event, by name.

    ``listed``: rows that the files say they have, 0 where that is not known before they are read.
    """
    now = micros(at)
    known: dict[Part, str] = {}
    made = {
        name: aggregate(variable, found.rows[name], known, now)
        for name, variable in variables.items()
        if variable.function != "median_gap"
    }
    asked = [f"{part.sql()} AS {name}" for part, name in known.items()]
    kept = [f"{one.value} AS {sql.name(name)}" for name, one in made.items() if one.value]
    kept += dict.fromkeys(part for one in made.values() if not one.value for part in one.parts)
    fits = one is None and event_parts.fits(database, found, [*known])
    if one is not None:
        size = _Size(1, 1)
    elif fits and listed >= event_parts.LARGE:
        size = _Size(listed, 0)
    else:
        size = _size(database, found)

    def grouped(rows: str) -> str:
        return (
            f"SELECT {', '.join(['id', *kept])} FROM"
            f" (SELECT {', '.join(['id', *asked])} FROM ({rows}) GROUP BY id)"
        )

    gaps = [
        Gap(f"{table}_{place}", found.rows[name].fits)
        for place, (name, variable) in enumerate(variables.items())
        if variable.function == "median_gap"
    ]
    if fits and size.rows >= event_parts.LARGE:
        _add_up(database, found, known, gaps, size.rows, Into(f"{table}_parts", kept, grouped))
        gaps = []
    else:
        in_parts(
            database,
            found.query,
            f"{table}_parts",
            grouped,
            max(1, -(-size.people * (len(asked) + 3) * STATE_BYTES // room(database))),
        )
    for gap in gaps:
        _gaps(database, _moments(found.query, gap.flag), size.rows, gap.table)
    chosen, joined = ["parts.id AS id"], ""
    for place, (name, variable) in enumerate(variables.items()):
        value = f"parts.{sql.name(name)}"
        if variable.function == "median_gap":
            days = f"{table}_{place}"
            joined += f" LEFT JOIN {days} ON {days}.id = parts.id"
            value = f"{days}.days"
        elif not made[name].value and one is not None:
            served = one.known[name]
            value = f"CAST({'NULL' if served is None else served} AS BIGINT)"
        elif not made[name].value:
            value = _rfm(database, made[name], f"{table}_parts")
        chosen.append(f"{value} AS {sql.name(name)}")
    execute(
        database,
        f"CREATE VIEW {table} AS SELECT {', '.join(chosen)} FROM {table}_parts parts{joined}",
    )
    return {name: made[name].empty if name in made else None for name in variables}


class Into(NamedTuple):
    """``table`` of id and what is ``kept``, SQL over aggregates; ``grouped``: the same of rows."""

    table: str
    kept: Sequence[str]
    grouped: Callable[[str], str]


def _add_up(
    database: Database,
    found: Events,
    known: Mapping[Part, str],
    gaps: Sequence[Gap],
    rows: int,
    into: Into,
) -> None:
    """What `in_parts` and `_gaps` make, of events that are read once."""
    statement, folder = event_parts.write(database, found, [*known], rows)
    execute(database, f"CREATE TABLE {into.table} AS {into.grouped(f'{found.query} LIMIT 0')}")
    for gap in gaps:
        none = f"SELECT id, {MOMENT} FROM ({found.query}) LIMIT 0"
        execute(database, f"CREATE TABLE {gap.table} AS {_median(none)}")
    execute(database, statement)
    # Of 128 bits, as DuckDB's own sums are.
    read = [
        f"CAST({name} AS HUGEINT) AS {name}" if part.said == "sum" else name
        for part, name in known.items()
    ]
    query = (
        f"SELECT {', '.join(['id', *into.kept])} FROM"
        f" (SELECT {', '.join(['id', *read])} FROM {SUMMED})"
    )
    for made in event_parts.summed(folder, [*found.flags], known, gaps, database.threads):
        if isinstance(made, Path):
            events = event_parts.again(made, [*found.flags])
            execute(database, f"INSERT INTO {into.table} {into.grouped(events)}")
            for gap in gaps:
                execute(database, f"INSERT INTO {gap.table} {_median(_moments(events, gap.flag))}")
            files.remove(made)
            continue
        _insert(database, into.table, query, made.sums)
        for gap, days in zip(gaps, made.gaps, strict=True):
            _insert(database, gap.table, f"SELECT id, days FROM {SUMMED}", days)


def _insert(database: Database, table: str, query: str, rows: pa.Table) -> None:
    """Add what is asked of ``rows``, called `SUMMED`, to a table."""
    database.connection.register(SUMMED, rows)
    execute(database, f"INSERT INTO {table} {query}")
    database.connection.unregister(SUMMED)


def _narrow(database: Database, campaign: Campaign, source: EventSource, key: str) -> None:
    """Let a source be the rows of the one customer alone, found by nothing but the key.

    They are read once. What else an event must be is asked of them, not of everybody's: a file in
    the order of keys is then read where they lie, one with an index where that says, any other in
    its column of keys.
    """
    table = database.table(source.role)
    asked = event_index.asked(database, source.role, source.customer, key)
    if asked is not None:
        event_index.narrow(database, campaign.folder, asked)
    view = f"{table.view}_one"
    id_ = database.key(source.role, source.customer, key)
    execute(
        database,
        f"CREATE TABLE {view} AS SELECT * FROM {table.view} WHERE {id_} = getvariable('{ONE}')",
    )
    database.tables[source.role] = table._replace(view=view)


def _rfm(database: Database, made: Aggregate, table: str) -> str:
    """The digits, whose borders are fifths of everybody who has an event."""
    newest, count, money = made.parts
    names = [newest, count, f"coalesce({money}, 0)"]
    fifths = ", ".join(map(str, FIFTHS))
    cuts = database.rows(
        f"SELECT {', '.join(f'quantile_disc({n}, [{fifths}])' for n in names)} FROM {table}"
        f" WHERE {newest} IS NOT NULL"
    )[0]
    if cuts[0] is None:
        return "CAST(NULL AS BIGINT)"
    return f"CASE WHEN {newest} IS NOT NULL THEN {scores(names, cuts)} END"


class _Size(NamedTuple):
    """Of the usable events of a source; ``people`` about."""

    rows: int
    people: int


def _size(database: Database, found: Events) -> _Size:
    counted = "count(*), approx_count_distinct(id)"
    return _Size(*database.rows(f"SELECT {counted} FROM ({found.query})")[0])


def room(database: Database) -> int:
    """Bytes that a part may take; the rest holds the results."""
    return database.memory_mb * 1_000_000 // 2


def in_parts(
    database: Database, events: str, table: str, query: Callable[[str], str], parts: int
) -> None:
    """The table of ``query`` over the events, made in so many parts of the customers.

    Aggregates of all of them at once would not fit into memory, and to spill them costs more than
    to scan again.
    """
    for part in range(parts):
        # Not the hash that the aggregation itself goes by.
        rows = (
            events
            if parts == 1
            else f"SELECT * FROM ({events}) WHERE hash(id, 1) % {parts} = {part}"
        )
        made = f"CREATE TABLE {table} AS" if part == 0 else f"INSERT INTO {table}"
        execute(database, f"{made} {query(rows)}")


def _gaps(database: Database, events: str, rows: int, table: str) -> None:
    """The table of `_median`."""
    in_parts(database, events, table, _median, max(1, -(-rows * GAP_BYTES // room(database))))


def _moments(rows: str, flag: str | None) -> str:
    """SELECT of id and the moment of events with a flag."""
    return f"SELECT id, {MOMENT} FROM ({rows})" + ("" if flag is None else f" WHERE {flag}")


def _median(moments: str) -> str:
    """SELECT of id and days, the median of what lies between two moments of a customer.

    Several events of one moment are one: the lines of a receipt.
    """
    gaps = (
        f"SELECT id, {MOMENT} - lag({MOMENT}) OVER (PARTITION BY id ORDER BY {MOMENT}) AS gap"
        f" FROM ({moments})"
    )
    return (
        f"SELECT id, quantile_cont(gap, 0.5) / {float(DAY_US)} AS days FROM ({gaps})"
        " WHERE gap > 0 GROUP BY id"
    )


def execute(database: Database, statement: str) -> None:
    """Run a statement within the deadline; what fails is a fault of the data."""
    try:
        with database.limited():
            database.connection.execute(statement)
    except duckdb.Error as e:
        raise failed(e) from None
