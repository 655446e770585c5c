"""Rows of a log as arrays, and which of them nothing can be learned from or judged on.

`learn --log`, `simulate` and `check` refuse the same rows of the same table: up to
limits.reject_share of them are left out and counted, of more than that none is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bandit.config.tables import Log
from bandit.core.errors import DataError
from bandit.core.schema import MOST_REWARD
from bandit.core.types import Array, Bool, Float64, Int32

Table: TypeAlias = pa.Table | pa.RecordBatch
Problems: TypeAlias = Sequence[tuple[int, str, str, str]]
"""What `features.encode` gives."""


MISREAD = "cannot be read as what the column is; mend or empty it"


class Refused(NamedTuple):
    """A row that is left out: its number in the table, the column, what stands there, why."""

    row: int
    column: str
    value: str
    reason: str


class LogRows(NamedTuple):
    """n rows: ``action`` int32[n], 0 where none is named; ``propensity`` float64[n] or None.

    ``eligible`` bool[n, k] is what might have been done; ``refused`` bool[n]; ``faults`` say why
    of each refused row, the first reason alone, in the order of the rows.
    """

    action: Int32
    reward: Float64
    propensity: Float64 | None
    eligible: Bool
    refused: Bool
    faults: list[Refused]


def of(
    log: Log,
    table: Table,
    labels: Mapping[str, int],
    k: int,
    features: Problems = (),
) -> LogRows:
    """Rows of `columns.selected`; ``labels`` number the k actions.

    ``features`` are faults of the rows' features.
    """
    label, reward = _one(table["label"]), _numbers(table["reward"])
    number = pc.index_in(label, pa.array(labels, pa.string()))
    named = number.is_valid().to_numpy(zero_copy_only=False)
    place = number.fill_null(0).to_numpy(zero_copy_only=False)
    action = np.where(named, np.array([*labels.values(), 0], np.int32)[place], 0).astype(np.int32)
    p = _propensities(log, table)
    allowed = _eligible(log, table, labels, k)
    refused = np.zeros(len(reward), dtype=np.bool_)
    faults: list[Refused] = []

    def note(bad: Bool, column: str | None, values: Array | pa.Array, reason: str) -> None:
        for row in np.flatnonzero(bad & ~refused):
            value = values[int(row)]
            said = value.as_py() if isinstance(value, pa.Scalar) else value
            faults.append(Refused(int(row), column or "", str(said), reason))
        refused[bad] = True

    for row in np.flatnonzero(_valid(table["fault"])):
        column, _, cell = table["fault"][int(row)].as_py().partition("\x1f")
        faults.append(Refused(int(row), column, cell, MISREAD))
        refused[row] = True
    note(~named, log.action, label, "name what was done in every row, also for no contact")
    done = allowed[np.arange(len(action)), action]
    note(~done, log.eligible or log.action, label, "not among what might have been done")
    if p is not None:
        column = log.propensity if isinstance(log.propensity, str) else log.action
        note(~((p > 0.0) & (p <= 1.0)), column, p, "a propensity lies in (0, 1]; was it eligible?")
    note(~np.isfinite(reward), log.reward, reward, "no finite number; what did not happen is 0")
    most = np.abs(reward) > MOST_REWARD
    note(most, log.reward, reward, f"beyond {MOST_REWARD:.0e}, which is no reward")
    if log.customer is not None:
        nobody, said = ~_valid(table["customer"]), _one(table["said"])
        note(nobody, log.customer, said, "no key of a customer of this campaign")
    if log.time is not None:
        note(~_valid(table["time"]), log.time, _one(table["time"]), "no date or time")
    if log.position is not None:
        place = _one(table["position"])
        note(~_valid(place), log.position, place, "no whole number")
    for fault in map(Refused._make, features):
        if not refused[fault.row]:
            refused[fault.row] = True
            faults.append(fault)
    return LogRows(action, reward, p, allowed, refused, sorted(faults))


def told(faults: Sequence[Refused], rows: int, share: float, shown: str) -> tuple[str, ...]:
    """A note on the refused rows of ``rows``; DataError where they are more than ``share``."""
    if not faults:
        return ()
    if len(faults) > share * rows:
        listed = "\n".join(
            f"{shown}, row {f.row}: {f.column} = {f.value!r}: {f.reason}" for f in faults[:3]
        )
        raise DataError(
            f"{listed}\n{len(faults):,} of {rows:,} rows are refused, more than limits.reject_share"
            f" = {share:g} allows; mend them or raise it"
        )
    why = Counter(f"{f.column}: {f.reason}" for f in faults).most_common(3)
    listed = "; ".join(f"{reason} ({count:,})" for reason, count in why)
    return (f"{len(faults):,} of {rows:,} rows of the log are refused: {listed}",)


def clusters(log: Log, table: pa.Table) -> pa.ChunkedArray | None:
    """Who belongs together; None where each row stands alone."""
    if log.cluster is not None:
        return table["cluster"]
    return table["customer"] if log.customer is not None else None


def times(log: Log, table: pa.Table) -> Array | None:
    """When each row was decided, datetime64[n]."""
    if log.time is None:
        return None
    utc = table["time"].cast(pa.timestamp("us", "UTC")).cast(pa.int64())
    return np.asarray(utc.to_numpy()).astype("datetime64[us]")


def positions(log: Log, table: pa.Table) -> Array | None:
    """The slot of each row, int64[n]."""
    if log.position is None:
        return None
    return np.asarray(table["position"].to_numpy(), dtype=np.int64)


def _one(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _valid(column: pa.Array | pa.ChunkedArray) -> Bool:
    return np.asarray(_one(column).is_valid().to_numpy(zero_copy_only=False))


def _numbers(column: pa.Array | pa.ChunkedArray) -> Float64:
    """A column of numbers, float64[n]; NaN where there is none."""
    values = pc.fill_null(_one(column).cast(pa.float64()), float("nan"))
    return np.asarray(values.to_numpy(zero_copy_only=False), dtype=np.float64)


def _propensities(log: Log, table: Table) -> Float64 | None:
    """None, a column, a constant, or a share an action."""
    if log.propensity is None:
        return None
    if isinstance(log.propensity, str):
        return _numbers(table["propensity"])
    if isinstance(log.propensity, float):
        return np.full(table.num_rows, log.propensity)
    where = pc.index_in(_one(table["label"]), pa.array(log.propensity, pa.string()))
    return _numbers(pa.array(log.propensity.values(), pa.float64()).take(where))


def _eligible(log: Log, table: Table, labels: Mapping[str, int], k: int) -> Bool:
    """What might have been done: the listed actions, those with a share, or all of the log's."""
    if log.eligible is None:
        return np.broadcast_to(_possible(log, labels, k), (table.num_rows, k))
    out = np.zeros((table.num_rows, k), dtype=np.bool_)
    lists = _one(table["eligible"])
    rows = pc.list_parent_indices(lists).to_numpy()
    where = pc.index_in(pc.list_flatten(lists), pa.array(labels, pa.string()))
    known = where.is_valid().to_numpy(zero_copy_only=False)
    number = np.array(list(labels.values()), dtype=np.int64)
    out[rows[known], number[where.drop_null().to_numpy()]] = True
    return out


def _possible(log: Log, labels: Mapping[str, int], k: int) -> Bool:
    found = np.zeros(k, dtype=np.bool_)
    found[list(labels.values())] = True
    if isinstance(log.propensity, dict):
        for label, share in log.propensity.items():
            if label in labels:
                found[labels[label]] = share > 0.0
    return found
