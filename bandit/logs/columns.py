"""The columns that [log] names: one set of rules for learn, simulate and check.

Cells are read as in every other source (`sources.cells`), and a row with one that is misread is
refused, never mended.
"""

from __future__ import annotations

import datetime as dt
from functools import partial

from bandit.config.campaign import Campaign
from bandit.config.tables import Customers, Log
from bandit.core import sql
from bandit.core.errors import ConfigError, DataError
from bandit.core.problems import Problems
from bandit.sources import cells
from bandit.sources.cells import Use
from bandit.sources.database import Database
from bandit.sources.typed import FAULT, as_key

ROLE = "log"
"""What the table is called in the database; where features are read it is the customers, too."""

_AROUND = " \t\"'"


def named(log: Log) -> list[str]:
    """Every column that [log] names."""
    columns = [
        log.action, log.reward, log.customer, log.cluster, log.time, log.position, log.eligible,
        log.propensity if isinstance(log.propensity, str) else None,
    ]  # fmt: skip
    return [column for column in columns if column is not None]


def check(database: Database, log: Log) -> None:
    """ConfigError for columns that the log does not have, all at once."""
    faults = Problems()
    for column in named(log):
        faults.attempt(partial(database.column, ROLE, column))
    faults.stop()


def customer(database: Database, log: Log, wanted: str | None) -> str:
    """SQL of the key of whom a row is about, of the kind ``wanted``; as it stands with None."""
    if log.customer is None:
        return "NULL"
    table = database.table(ROLE)
    if wanted is None:
        return table.names.get((log.customer, "key"), sql.name(log.customer))
    return as_key(sql.name(log.customer), database.column(ROLE, log.customer), wanted)


def selected(database: Database, log: Log, wanted: str | None) -> list[str]:
    """SQL of label, reward, propensity, customer, said, cluster, time, position, eligible, fault.

    NULL for what [log] does not name; ``wanted`` is the kind of the customers' key, ``said`` the
    customer as it is written. ``fault`` names a misread cell, as `sources.typed` writes it.
    """
    fault = FAULT if database.table(ROLE).has_faults else "NULL::VARCHAR"
    logged = log.propensity if isinstance(log.propensity, str) else None
    return [
        f"{_read(database, log.action, 'text')}::VARCHAR AS label",
        f"{_reward(database, log)} AS reward",
        f"{_read(database, logged, 'number')}::DOUBLE AS propensity",
        f"{customer(database, log, wanted)} AS customer",
        f"{f'CAST({sql.name(log.customer)} AS VARCHAR)' if log.customer else 'NULL'} AS said",
        f"{_read(database, log.cluster, 'text')}::VARCHAR AS cluster",
        f"{_read(database, log.time, 'date')}::TIMESTAMPTZ AS time",
        f"{_whole(_read(database, log.position, 'number'))} AS position",
        f"{eligible_list(database, log)} AS eligible",
        f"{fault} AS fault",
    ]


def _read(database: Database, column: str | None, use: Use) -> str:
    return "NULL" if column is None else f"({database.read(ROLE, column, use)})"


def _whole(number: str) -> str:
    return f"CASE WHEN {number} = floor({number}) THEN TRY_CAST({number} AS BIGINT) END"


def _reward(database: Database, log: Log) -> str:
    """A number; of a truth value 1 or 0."""
    if database.column(ROLE, log.reward) == "BOOLEAN":
        return f"CAST({sql.name(log.reward)} AS DOUBLE)"
    return f"{_read(database, log.reward, 'number')}::DOUBLE"


def eligible_list(database: Database, log: Log) -> str:
    """SQL: the actions that a row lists as eligible, NULL where [log] names no such column.

    A list, or text such as `a|b`, `a, b`, `[a, b]`; where a bar stands, commas are part of names.
    """
    if log.eligible is None:
        return "NULL::VARCHAR[]"
    kind, cell = database.column(ROLE, log.eligible), sql.name(log.eligible)
    item = sql.LISTS.match(kind)
    if item is not None and item["item"] == "VARCHAR":
        return cell
    if item is not None and cells.readable(item["item"], "text"):
        return f"list_transform({cell}, lambda x: {cells.text('x', item['item'])})"
    if kind != "VARCHAR":
        raise ConfigError(
            f"{database.table(ROLE).shown}: column {log.eligible!r} is {kind}; [log] eligible needs"
            " a list of actions, or text such as a|b; convert it in a query"
        )
    bare = f"regexp_replace(trim({cell}), '^\\[(.*)\\]$', '\\1')"
    parts = f"string_split({bare}, CASE WHEN instr({bare}, '|') > 0 THEN '|' ELSE ',' END)"
    return f"list_transform({parts}, lambda x: trim(x, {sql.text(_AROUND)}))"


def repeated(database: Database, log: Log) -> list[str]:
    """A sentence where rows are equal in every column that is read of them.

    Only where the log says whose its rows are: without that equal rows are nothing odd.
    """
    if log.customer is None:
        return []
    table = database.table(ROLE)
    more, groups = database.rows(
        "SELECT coalesce(sum(_bandit_n - 1), 0)::BIGINT, count(*) FROM (SELECT *,"
        f" count(*) AS _bandit_n FROM {table.view} GROUP BY ALL HAVING count(*) > 1)"
    )[0]
    if not more:
        return []
    return [
        f"{table.shown}: {more:,} rows repeat another one exactly ({groups:,} rows stand more than"
        " once); each counts as a decision of its own: if they are repetitions, read the log with"
        ' query = "SELECT DISTINCT * FROM source"'
    ]


def as_customers(campaign: Campaign, log: Log, database: Database) -> Campaign:
    """The campaign with the log's rows in the customers' place, so that one code reads both."""
    key = log.customer or campaign.customers.key
    customers = Customers(source=log.source, key=key, **log.form)
    database.tables["customers"] = database.table(ROLE)
    return campaign.model_copy(update={"customers": customers})


def latest(database: Database, log: Log) -> dt.datetime:
    """The last time in the log; DataError where none stands in its column."""
    moment = _read(database, log.time, "date")
    found = database.rows(f"SELECT max({moment}) FROM {database.table(ROLE).view}")[0][0]
    if found is None:
        raise DataError(f"[log] time: no date stands in column {log.time!r}")
    end: dt.datetime = found.astimezone(dt.UTC)
    return end
