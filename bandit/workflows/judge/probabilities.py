"""A table of probabilities as a candidate: action, probability, and whom they are for."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from bandit.config.campaign import Campaign
from bandit.config.simulation import Candidate
from bandit.config.tables import Source
from bandit.core.errors import ConfigError, DataError
from bandit.core.types import Array, Float64
from bandit.sources import database
from bandit.workflows.judge.logged import Logged

_ROLE = "probabilities"


class Given(NamedTuple):
    """``table`` float64[m, k]; ``line`` int[n], which line of it is for each row of the log."""

    table: Float64
    line: Array

    def of(self, rows: Array) -> Float64:
        """Probabilities of some rows, float64[rows, k]."""
        return np.ascontiguousarray(self.table[self.line[rows]])


def read(campaign: Campaign, logged: Logged, candidate: Candidate) -> Given:
    """Read the table; an action that is not named has probability 0."""
    if candidate.customer is not None and candidate.position is not None:
        raise ConfigError(f"candidate {candidate.label!r}: give customer or position, not both")
    key = candidate.customer or candidate.position
    rows = _rows(campaign, candidate, key)
    known = logged.catalogue.actions
    labels = rows["action"].to_pylist()
    if strange := sorted({str(x) for x in labels} - set(known)):
        raise DataError(
            f"candidate {candidate.label!r}: {strange[0]!r} is no action of the log; it has"
            f" {', '.join(known.names[:8])}"
        )
    action = known.indices(labels)
    keys = [None] * len(labels) if key is None else rows["key"].to_pylist()
    lines = {value: i for i, value in enumerate(dict.fromkeys(keys))}
    table = np.zeros((len(lines), logged.catalogue.k))
    at = np.array([lines[value] for value in keys], dtype=np.int64)
    np.add.at(table, (at, action), rows["probability"].to_numpy())
    return Given(table, _lines(logged, candidate, lines))


def _rows(campaign: Campaign, candidate: Candidate, key: str | None) -> pa.Table:
    source = Source(source=candidate.source or "", table=candidate.table, query=candidate.query)
    with database.connect(campaign, roles=(), more={_ROLE: source}) as data:
        for column in (candidate.action_column, candidate.probability, key):
            if column is not None and column not in data.table(_ROLE).columns:
                raise ConfigError(
                    f"{data.table(_ROLE).shown} has no column {column!r};"
                    f" candidate {candidate.label!r} needs it"
                )
        chosen = [
            f"({data.read(_ROLE, candidate.action_column, 'text')})::VARCHAR AS action",
            f"({data.read(_ROLE, candidate.probability, 'number')})::DOUBLE AS probability",
            f"({data.read(_ROLE, key, 'text')})::VARCHAR AS key" if key else "NULL AS key",
        ]
        query = f"SELECT {', '.join(chosen)} FROM {data.table(_ROLE).view}"
        with data.limited():
            found = data.connection.sql(query).to_arrow_table()
    for name, asked in zip(
        found.column_names, (candidate.action_column, candidate.probability, key), strict=True
    ):
        missing = np.flatnonzero(found[name].is_null().to_numpy()) if asked else np.empty(0)
        if missing.size:
            raise DataError(
                f"candidate {candidate.label!r}: column {asked!r} of its table cannot be read in"
                f" row {missing[0]} ({missing.size:,} such rows); mend it"
            )
    return found


def _lines(logged: Logged, candidate: Candidate, lines: dict[str | None, int]) -> Array:
    if candidate.customer is None and candidate.position is None:
        return np.zeros(logged.n, dtype=np.int64)
    if candidate.customer is not None:
        if logged.customers is None:
            raise ConfigError(
                f"candidate {candidate.label!r} is given by customer, but the log names none;"
                " set [log] customer"
            )
        wanted = [str(c) for c in logged.customers.tolist()]
    else:
        wanted = [str(p) for p in logged.log.positions.tolist()]
    missing = next((w for w in wanted if w not in lines), None)
    if missing is not None:
        raise DataError(
            f"candidate {candidate.label!r}: its table has no row for {missing!r}; every customer"
            " or position of the log needs probabilities that sum to one"
        )
    return np.array([lines[w] for w in wanted], dtype=np.int64)
