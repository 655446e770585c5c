"""The columns that [log] names: one set of rules for learn, simulate and check.

Cells are read as in every other source (`sources.cells`), and a row with one that is misread is
refused, never mended.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bandit.config.campaign import Campaign, Customers, Log
from bandit.core import sql
from bandit.core.actions import ActionSpace
from bandit.core.errors import ConfigError, DataError
from bandit.core.problems import Faults
from bandit.core.types import Array, Bool, Float64
from bandit.sources import cells
from bandit.sources.cells import Use
from bandit.sources.database import Database
from bandit.sources.typed import FAULT, as_key

ROLE = "log"
"""What the table is called in the database; where features are read it is the customers, too."""

SHARE_SLACK = 1e-6
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
    faults = Faults()
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


def fault(column: str, cell: str) -> str:
    """What to say of a misread cell."""
    return f"{column} = {cell!r} cannot be read as what the column is; mend or empty it"


def actions(labels: pa.ChunkedArray, known: Mapping[str, int]) -> Array:
    """Number of each row's action, int32[n]."""
    where = pc.index_in(labels, pa.array(known, pa.string()))
    missing = np.flatnonzero(where.is_null().to_numpy())
    if missing.size:
        raise DataError(
            f"action must be named in every row, row {missing[0]} has {labels[missing[0].item()]};"
            " name what was done, also for no contact"
        )
    number = np.array(list(known.values()), dtype=np.int32)
    return np.asarray(number[where.to_numpy()])


def numbers(column: pa.ChunkedArray) -> Float64:
    """A column of numbers, float64[n]; NaN where there is none."""
    values = column.cast(pa.float64()).to_numpy()
    return np.asarray(values, dtype=np.float64)


def propensities(log: Log, table: pa.Table) -> Float64 | None:
    """None, a column, a constant, or a share an action."""
    given, n = log.propensity, table.num_rows
    if given is None:
        return None
    if isinstance(given, str):
        return numbers(table["propensity"])
    if isinstance(given, dict):
        return _by_shares(given, table["label"])
    return np.full(n, float(given))


def _by_shares(shares: Mapping[str, float], labels: pa.ChunkedArray) -> Float64:
    total = sum(shares.values())
    if total > 1.0 + SHARE_SLACK:
        raise ConfigError(
            f"[log] propensity: the shares sum to {total:g}; they are probabilities of one decision"
            " and sum to 1"
        )
    where = pc.index_in(labels, pa.array(shares, pa.string()))
    missing = np.flatnonzero(where.is_null().to_numpy())
    if missing.size:
        raise ConfigError(
            f"[log] propensity has no share for {labels[missing[0].item()].as_py()!r}, which row"
            f" {missing[0]} logs; add it"
        )
    return np.asarray(np.array(list(shares.values()), dtype=np.float64)[where.to_numpy()])


def eligible(log: Log, table: pa.Table | pa.RecordBatch, labels: Mapping[str, int], k: int) -> Bool:
    """What might have been done: the listed actions, those with a share, or all of the log's."""
    if log.eligible is None:
        return np.broadcast_to(_possible(log, labels, k), (table.num_rows, k))
    out = np.zeros((table.num_rows, k), dtype=np.bool_)
    lists = table["eligible"]
    lists = pa.concat_arrays(lists.chunks) if isinstance(lists, pa.ChunkedArray) else lists
    rows = pc.list_parent_indices(lists).to_numpy()
    where = pc.index_in(pc.list_flatten(lists), pa.array(labels, pa.string()))
    known = where.is_valid().to_numpy(zero_copy_only=False)
    number = np.array(list(labels.values()), dtype=np.int64)
    out[rows[known], number[where.drop_null().to_numpy()]] = True
    return out


def hold_eligible(log: Log, allowed: Bool, actions: ActionSpace, taken: Array) -> None:
    """DataError for an action ``taken`` int32[n] that was not among those of its row."""
    outside = np.flatnonzero(~allowed[np.arange(len(taken)), taken])
    if outside.size:
        row = outside[0]
        raise DataError(
            f"row {row} logs {actions[taken[row]]!r}, which is not in its eligible set"
            f" (column {log.eligible!r}, {outside.size:,} such rows); was eligibility taken at the"
            " time of the decision?"
        )


def _possible(log: Log, labels: Mapping[str, int], k: int) -> Bool:
    found = np.zeros(k, dtype=np.bool_)
    found[list(labels.values())] = True
    if isinstance(log.propensity, dict):
        for label, share in log.propensity.items():
            if label in labels:
                found[labels[label]] = share > 0.0
    return found


def clusters(log: Log, table: pa.Table) -> pa.ChunkedArray | None:
    """Who belongs together; None where each row stands alone."""
    if log.cluster is not None:
        return table["cluster"]
    return table["customer"] if log.customer is not None else None


def times(log: Log, table: pa.Table) -> Array | None:
    """When each row was decided, datetime64[n]."""
    if log.time is None:
        return None
    missing = np.flatnonzero(table["time"].is_null().to_numpy())
    if missing.size:
        raise DataError(
            f"time must be a date or time in every row, row {missing[0]} has none in column"
            f" {log.time!r}; fill it, or leave time out"
        )
    utc = table["time"].cast(pa.timestamp("us", "UTC")).cast(pa.int64())
    return np.asarray(utc.to_numpy()).astype("datetime64[us]")


def positions(log: Log, table: pa.Table) -> Array | None:
    """The slot of each row, int64[n]."""
    if log.position is None:
        return None
    missing = np.flatnonzero(table["position"].is_null().to_numpy())
    if missing.size:
        raise DataError(
            f"position must be a whole number in every row, row {missing[0]} has none in column"
            f" {log.position!r}; fill it, or leave position out"
        )
    return np.asarray(table["position"].to_numpy(), dtype=np.int64)
