"""The columns that [log] names: one set of rules for learn, simulate and check."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bandit.config.campaign import Log
from bandit.core import sql
from bandit.core.actions import ActionSpace
from bandit.core.errors import ConfigError, DataError
from bandit.core.types import Array, Bool, Float64
from bandit.sources.database import Database

SHARE_SLACK = 1e-6


def named(log: Log) -> list[str]:
    """Every column that [log] names."""
    columns = [
        log.action, log.reward, log.customer, log.cluster, log.time, log.position, log.eligible,
        log.propensity if isinstance(log.propensity, str) else None,
    ]  # fmt: skip
    return [column for column in columns if column is not None]


def check(database: Database, log: Log, role: str) -> None:
    """ConfigError for a column that the table of ``role`` does not have."""
    for column in named(log):
        database.column(role, column)


def eligible_list(log: Log) -> str:
    """SQL: the actions that a row lists as eligible, NULL where [log] names no such column."""
    return f"CAST({sql.name(log.eligible)} AS VARCHAR[])" if log.eligible else "NULL"


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
    return np.asarray(table["position"].fill_null(0).to_numpy(), dtype=np.int64)
