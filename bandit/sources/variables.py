"""The customers' variables and segments, as columns beside their own: one scan of each source.

They are made before a moment, so a wave of a day gone by has those of that day, as far as the
sources tell what was known then.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import partial

import duckdb
import pyarrow as pa

from bandit.config.campaign import Campaign
from bandit.config.variables import FIRST_SEGMENT, Variable
from bandit.core import sql
from bandit.core.errors import BanditError, ConfigError
from bandit.core.folding import fold
from bandit.core.problems import Problems
from bandit.sources.aggregates import (
    DAY_US,
    FIFTHS,
    MOMENT,
    Aggregate,
    Row,
    aggregate,
    scores,
)
from bandit.sources.connection import Database, Table, failed
from bandit.sources.events import Events, events, micros
from bandit.sources.expressions import check_expression

VIEW = "bandit_customers_known"
ROWS_A_PART = 10_000_000
"""So many events at a time have their gaps sorted: medians lie in memory that nobody bounds."""


def join(database: Database, campaign: Campaign, at: dt.datetime) -> None:
    """Give the customers of an open database their variables before ``at``, and their segments.

    ConfigError lists every fault by variable and segment.
    """
    people = database.table("customers")
    if people.key_kind is None or not (campaign.variables or campaign.segment):
        return
    faults = Problems()
    _hold_free(campaign, people, faults)
    made = {}
    for source in campaign.source:
        found = faults.attempt(partial(events, database, campaign, source, at, people.key_kind))
        if found is not None:
            made[source.name] = found
    faults.stop()
    joined, chosen, kinds = "", ["bandit_people.*"], dict(people.columns)
    key = people.names.get((campaign.customers.key, "key"), sql.name(campaign.customers.key))
    for place, source in enumerate(campaign.source):
        variables = campaign.variables_of(source)
        if not variables:
            continue
        table = f"bandit_variables_{place}"
        empty = _make(database, variables, made[source.name], at, table)
        joined += f" LEFT JOIN {table} ON {table}.id = bandit_people.{key}"
        for name in variables:
            column = f"{table}.{sql.name(name)}"
            said = column if empty[name] is None else f"coalesce({column}, {empty[name]})"
            chosen.append(f"{said} AS {sql.name(name)}")
    _execute(
        database,
        f"CREATE VIEW {VIEW}_variables AS"
        f" SELECT {', '.join(chosen)} FROM {people.view} bandit_people{joined}",
    )
    found_kinds = database.describe(f"SELECT * FROM {VIEW}_variables")
    kinds |= {name: found_kinds[name] for name in campaign.variables}
    _segments(database, campaign, kinds, at)


def restore(database: Database, campaign: Campaign, served: pa.Table) -> None:
    """Give the customers the variables and segments of a wave's record; others have none.

    ``served`` has the key first, then what the wave's campaign names.
    """
    people = database.table("customers")
    made = tuple(served.column_names[1:])
    key = people.names.get((campaign.customers.key, "key"), sql.name(campaign.customers.key))
    faults = Problems()
    _hold_free(campaign, people, faults)
    faults.stop()
    relation = database.connection.from_arrow(served)
    relation.create("bandit_served")
    chosen = ", ".join(f"bandit_served.{sql.name(c)}" for c in made)
    _execute(
        database,
        f"CREATE VIEW {VIEW}_variables AS SELECT bandit_people.*, {chosen}"
        f" FROM {people.view} bandit_people LEFT JOIN bandit_served"
        f" ON bandit_served.{sql.name(served.column_names[0])} = bandit_people.{key}",
    )
    found = database.describe(f"SELECT * FROM {VIEW}_variables")
    kinds = dict(people.columns) | {name: found[name] for name in made}
    _stand_in(database, campaign, people, "SELECT * FROM " + VIEW + "_variables", kinds, made)


def _hold_free(campaign: Campaign, people: Table, faults: Problems) -> None:
    """The names of variables and segments are no columns of the customers."""
    taken = {fold(column): column for column in people.columns}
    names = [("variable", name) for name in campaign.variables]
    names += [("segment", segment.name) for segment in campaign.segment]
    if campaign.segment:
        names.append(("the column of the first segment,", FIRST_SEGMENT))
    for kind, name in names:
        if fold(name) in taken:
            faults.config.append(
                f"{kind} {name!r} is called as column {taken[fold(name)]!r} of {people.shown};"
                " rename one, the column by a query"
            )


def _make(
    database: Database,
    variables: Mapping[str, Variable],
    found: Events,
    at: dt.datetime,
    table: str,
) -> dict[str, str | None]:
    """The view of id and each variable over one scan; what each is without an event, by name."""
    now = micros(at)
    made = {
        name: aggregate(variable, found.rows[name], place, now)
        for place, (name, variable) in enumerate(variables.items())
        if variable.function != "median_gap"
    }
    parts = [f"{query} AS {part}" for one in made.values() for part, query in one.parts.items()]
    kept = [f"{one.value} AS {sql.name(name)}" for name, one in made.items() if one.value]
    kept += [part for one in made.values() if not one.value for part in one.parts]
    _execute(
        database,
        f"CREATE TABLE {table}_parts AS SELECT {', '.join(['id', *kept])} FROM"
        f" (SELECT {', '.join(['id', *parts])} FROM ({found.query}) GROUP BY id)",
    )
    chosen, joined = ["parts.id AS id"], ""
    for place, (name, variable) in enumerate(variables.items()):
        value = f"parts.{sql.name(name)}"
        if variable.function == "median_gap":
            gaps = f"{table}_{place}"
            _gaps(database, found, found.rows[name], gaps)
            joined += f" LEFT JOIN {gaps} ON {gaps}.id = parts.id"
            value = f"{gaps}.days"
        elif not made[name].value:
            value = _rfm(database, made[name], f"{table}_parts")
        chosen.append(f"{value} AS {sql.name(name)}")
    _execute(
        database,
        f"CREATE VIEW {table} AS SELECT {', '.join(chosen)} FROM {table}_parts parts{joined}",
    )
    return {name: made[name].empty if name in made else None for name in variables}


def _rfm(database: Database, made: Aggregate, table: str) -> str:
    """The digits, whose borders are fifths of everybody who has an event."""
    names = list(made.parts)
    fifths = ", ".join(map(str, FIFTHS))
    cuts = database.rows(
        f"SELECT {', '.join(f'quantile_disc({n}, [{fifths}])' for n in names)} FROM {table}"
        f" WHERE {names[0]} IS NOT NULL"
    )[0]
    if cuts[0] is None:
        return "CAST(NULL AS BIGINT)"
    known = scores(names, {n: tuple(cut) for n, cut in zip(names, cuts, strict=True)})
    return f"CASE WHEN {names[0]} IS NOT NULL THEN {known} END"


def _gaps(database: Database, found: Events, row: Row, table: str) -> None:
    """The table of id and days, the median of what lies between two moments of a customer.

    Several events of one moment are one: the lines of a receipt.
    """
    events = f"({found.query})" + ("" if row.fits is None else f" WHERE {row.fits}")
    total = database.rows(f"SELECT count(*) FROM {events}")[0][0]
    parts = 1 + total // ROWS_A_PART
    for part in range(parts):
        moments = f"SELECT DISTINCT id, {MOMENT} FROM (SELECT * FROM {events})"
        if parts > 1:
            moments += f" WHERE hash(id) % {parts} = {part}"
        gaps = (
            f"SELECT id, {MOMENT} - lag({MOMENT}) OVER (PARTITION BY id ORDER BY {MOMENT}) AS gap"
            f" FROM ({moments})"
        )
        query = (
            f"SELECT id, quantile_cont(gap, 0.5) / {float(DAY_US)} AS days FROM ({gaps})"
            " WHERE gap IS NOT NULL GROUP BY id"
        )
        made = f"CREATE TABLE {table} AS" if part == 0 else f"INSERT INTO {table}"
        _execute(database, f"{made} {query}")


def _segments(
    database: Database, campaign: Campaign, kinds: dict[str, str], at: dt.datetime
) -> None:
    """The view that stands for the customers from now on."""
    people, faults = database.table("customers"), Problems()
    chosen = ["*"]
    for segment in sorted(campaign.segment, key=lambda s: s.priority):
        try:
            query = check_expression(segment.where, kinds, at=at, zone=campaign.time_zone)
            answer = f"SELECT {query} AS answer FROM {VIEW}_variables"
            if (kind := database.describe(answer)["answer"]) != "BOOLEAN":
                raise ConfigError(
                    f"{segment.where!r} gives {kind}, not true or false; compare it with something"
                )
        except BanditError as e:
            lines = str(e).splitlines()
            faults.config.extend(f"segment {segment.name!r}: {line}" for line in lines)
            continue
        chosen.append(f"coalesce({query}, false) AS {sql.name(segment.name)}")
    faults.stop()
    body = f"SELECT {', '.join(chosen)} FROM {VIEW}_variables"
    kinds |= dict.fromkeys(campaign.crowds, "BOOLEAN")
    made = (*campaign.variables, *campaign.crowds)
    _stand_in(database, campaign, people, body, kinds, made)


def _stand_in(
    database: Database,
    campaign: Campaign,
    people: Table,
    body: str,
    kinds: dict[str, str],
    made: tuple[str, ...],
) -> None:
    """Make the view that stands for the customers from now on, with their first segment."""
    if campaign.crowds:
        words = " ".join(f"WHEN {sql.name(c)} THEN {sql.text(c)}" for c in campaign.crowds)
        body = f"SELECT *, CASE {words} END AS {sql.name(FIRST_SEGMENT)} FROM ({body})"
        kinds = kinds | {FIRST_SEGMENT: "VARCHAR"}
    _execute(database, f"CREATE VIEW {VIEW} AS {body}")
    database.tables["customers"] = people._replace(view=VIEW, columns=kinds, made=made)


def _execute(database: Database, statement: str) -> None:
    try:
        with database.limited():
            database.connection.execute(statement)
    except duckdb.Error as e:
        raise failed(e) from None


def notes(database: Database, campaign: Campaign) -> list[str]:
    """Sentences about events of people elsewhere, and about variables that are of no event."""
    people, told = database.tables.get("customers"), list[str]()
    if people is None or not people.made:
        return told
    key = people.names.get((campaign.customers.key, "key"), sql.name(campaign.customers.key))
    for place, source in enumerate(campaign.source):
        variables = campaign.variables_of(source)
        if not variables:
            continue
        table, shown = f"bandit_variables_{place}", database.table(source.role).shown
        asked = ["count(*)"]
        for name, variable in variables.items():
            none = {"count": "0", "sum": "0", "distinct": "0", "any": "false"}
            column = sql.name(name)
            if (empty := none.get(variable.function)) is not None:
                column = f"nullif({column}, {empty})"
            asked.append(f"count({column})")
        total, *filled = database.rows(f"SELECT {', '.join(asked)} FROM {table}")[0]
        outside = database.rows(
            f"SELECT count(*) FROM {table}_parts parts ANTI JOIN"
            f" (SELECT {key} AS id FROM {people.view}) known USING (id)"
        )[0][0]
        if outside:
            told.append(
                f"{shown}: {outside:,} of {total:,} people with events are not among the customers"
            )
        told += [
            f"variable {name!r}: no event of {shown} that is known by now makes one; it is empty,"
            " or 0, for everybody"
            for name, count in zip(variables, filled, strict=True)
            if not count
        ]
    return told
