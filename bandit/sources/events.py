"""Events of customers as variables see them: those that were known before a moment, read strictly.

An event counts if it is of a customer, and happened, and was known, strictly before the moment.
What cannot say so is refused, not guessed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from bandit.config.basket import BOUGHT
from bandit.config.campaign import Campaign
from bandit.config.variables import AS_THEY_ARE, EventSource, Variable, numbers_of
from bandit.core import sql
from bandit.core.days import Window
from bandit.core.errors import BanditError, ConfigError
from bandit.core.problems import Problems
from bandit.sources.aggregates import MOMENT, MOST, UNIT, Row
from bandit.sources.connection import Database
from bandit.sources.expressions import check_expression
from bandit.sources.typed import FAULT

ADDED_UP = frozenset({"sum", "mean", "ratio", "share", "trend", "rfm"})
"""Functions of sums: their columns are whole millionths."""


class Fault(NamedTuple):
    """Rows that cannot be used: of which column, SQL of whether one is such, and why."""

    column: str
    bad: str
    reason: str


class Events(NamedTuple):
    """``query``: SELECT of id, the moment, columns and flags; ``rows``: what each variable sees.

    ``inner`` is the query without flags, ``flags`` SQL of each by its name over that.
    """

    query: str
    rows: Mapping[str, Row]
    inner: str
    flags: Mapping[str, str]


def faults(database: Database, campaign: Campaign, source: EventSource) -> list[Fault]:
    """What makes a row of a source unusable, besides a customer who is none."""
    role = source.role
    found = []
    for column in dict.fromkeys((source.at, source.known_at or source.at)):
        when = database.read(role, column, "date")
        found.append(Fault(column, f"{when} IS NULL", "no date; write it as 2026-11-23 10:00:00"))
    kinds = database.table(role).columns
    for column in numbers_of(campaign.read_of(source)):
        number = database.read(role, column, "number")
        bad = f"NOT coalesce({number} BETWEEN {-MOST} AND {MOST}, true)"
        if kinds[column] == "VARCHAR":
            bad = f"{bad} OR {misread(column)}"
        found.append(Fault(column, bad, f"no number of at most {MOST:,}; mend or empty the cell"))
    return found


def misread(column: str) -> str:
    """SQL of whether the first fault of a row of text is in that column."""
    return f"starts_with(coalesce({FAULT}, ''), {sql.text(column + chr(31))})"


def events(
    database: Database, campaign: Campaign, source: EventSource, at: dt.datetime, key: str
) -> Events:
    """The usable events of a source before ``at``; ConfigError lists every fault by variable."""
    role, gathered = source.role, Problems()
    id_ = gathered.attempt(partial(database.key, role, source.customer, key))
    for column in dict.fromkeys((source.at, source.known_at or source.at)):
        gathered.attempt(partial(database.read, role, column, "date"))
    columns: dict[str, str] = {}
    flags: dict[str, str] = {}
    rows = {}
    right = _conditions(database, campaign, source, at)
    for name, variable in campaign.read_of(source).items():
        try:
            rows[name] = _row(database, campaign, role, variable, at, columns, flags, right)
        except BanditError as e:
            said = name if name == BOUGHT else f"variables.{name}"
            gathered.config.extend(f"{said}: {line}" for line in str(e).splitlines())
    gathered.stop()
    bad, view = faults(database, campaign, source), database.table(role).view
    happened = f"epoch_us({database.read(role, source.at, 'date')})"
    known = f"epoch_us({database.read(role, source.known_at or source.at, 'date')})"
    now = micros(at)
    conditions = [f"{id_} IS NOT NULL", f"{happened} < {now}", f"{known} < {now}"]
    conditions += [f"NOT ({fault.bad})" for fault in bad]
    if (oldest := _oldest(campaign, source, at)) is not None:
        conditions.append(f"{happened} >= {oldest}")
    made = ["*", *(f"{flag} AS {name}" for flag, name in flags.items())]
    chosen = [f"{id_} AS id", f"{happened} AS {MOMENT}"]
    chosen += [f"{column} AS {name}" for column, name in columns.items()]
    inner = f"SELECT {', '.join(chosen)} FROM {view} WHERE {' AND '.join(conditions)}"
    query = f"SELECT {', '.join(made)} FROM ({inner})"
    return Events(query, rows, inner, {name: flag for flag, name in flags.items()})


def micros(at: dt.datetime) -> int:
    """Microseconds since 1970 of a time with a zone, exact."""
    return (at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)


def _oldest(campaign: Campaign, source: EventSource, at: dt.datetime) -> int | None:
    """The moment before which no variable of the source looks; None where one looks at all."""
    days = []
    for variable in campaign.read_of(source).values():
        if variable.days is None:
            return None
        days.append(variable.days * (2 if variable.function == "trend" else 1))
    return micros(Window(max(days, default=0.0), campaign.time_zone).before(at))


def _row(
    database: Database,
    campaign: Campaign,
    role: str,
    variable: Variable,
    at: dt.datetime,
    columns: dict[str, str],
    flags: dict[str, str],
    right: Mapping[str, str],
) -> Row:
    """What a variable sees; the columns and flags that it needs are added, each once."""

    def named(text: str, kept: dict[str, str], letter: str) -> str:
        return kept.setdefault(text, f"{letter}{len(kept)}")

    def since(days: float) -> int:
        return micros(Window(days, campaign.time_zone).before(at))

    def flag(*parts: str | None) -> str | None:
        known = [part for part in parts if part is not None]
        return named(" AND ".join(known), flags, "f") if known else None

    where = None
    if (text := variable.where) is not None:
        known = right.get(text) or _condition(database, campaign, role, text, at)
        where = named(known, columns, "c")
    inside = None if variable.days is None else f"{MOMENT} >= {since(variable.days)}"
    earlier = None
    if variable.function == "trend" and variable.days is not None:
        earlier = f"{MOMENT} >= {since(2 * variable.days)} AND NOT {inside}"
    cells = [
        "" if column is None else named(_cell(database, role, variable, column), columns, "c")
        for column in (variable.column, variable.per)
    ]
    return Row(cells[0], cells[1], flag(inside, where), flag(inside), flag(earlier, where))


def _conditions(
    database: Database, campaign: Campaign, source: EventSource, at: dt.datetime
) -> dict[str, str]:
    """SQL of the conditions on a source that are right, by their text, asked for together."""
    table, found = database.table(source.role), dict[str, str]()
    for variable in campaign.read_of(source).values():
        if (text := variable.where) is not None and text not in found:
            with suppress(BanditError):  # told where the condition is asked for alone
                found[text] = check_expression(text, table.columns, at=at, zone=campaign.time_zone)
    kinds = database.kinds(table.view, found.values())
    return {
        text: f"coalesce({query}, false)"
        for text, query in found.items()
        if kinds.get(query) == "BOOLEAN"
    }


def _condition(
    database: Database, campaign: Campaign, role: str, text: str, at: dt.datetime
) -> str:
    table = database.table(role)
    query = check_expression(text, table.columns, at=at, zone=campaign.time_zone)
    kind = database.describe(f"SELECT {query} AS answer FROM {table.view}")["answer"]
    if kind != "BOOLEAN":
        raise ConfigError(f"{text!r} gives {kind}, not true or false; compare it with something")
    return f"coalesce({query}, false)"


def _cell(database: Database, role: str, variable: Variable, column: str) -> str:
    """A column as the function takes it. −0 is 0: else the order of rows says which is told."""
    if variable.function not in AS_THEY_ARE:
        number = f"CAST({database.read(role, column, 'number')} AS DOUBLE)"
        if variable.function in ADDED_UP:
            return f"CAST(round({number} * {UNIT}) AS BIGINT)"
        return f"{number} + 0"
    kind, cell = database.column(role, column), sql.name(column)
    if kind in {"FLOAT", "DOUBLE"}:
        return f"CASE WHEN isfinite({cell}) THEN {cell} + 0 END"
    if not (sql.is_number(kind) or sql.is_category(kind) or sql.is_time(kind)):
        raise ConfigError(
            f"{database.table(role).shown}: column {column!r} is {kind}; needed is a number, a"
            " word or a date: convert it in a query"
        )
    return f"nullif({cell}, '')" if kind == "VARCHAR" else cell
