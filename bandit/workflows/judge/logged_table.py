"""The strict log of a campaign logged elsewhere: any table, Parquet or CSV of `[log]`.

Rows are taken as they are or refused (`logs.rows`), numbered from 0 in the order of the file: a log
that is mended silently would be judged wrongly.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa

from bandit.config.campaign import Campaign
from bandit.config.deciding import Features
from bandit.config.tables import Log
from bandit.core import sql
from bandit.core.errors import ConfigError, DataError
from bandit.features.encode import encode
from bandit.features.fit import fit
from bandit.features.spec import FeatureSpec
from bandit.logs import columns, labels
from bandit.logs import rows as log_rows
from bandit.sources import database
from bandit.sources.columns import feature_columns
from bandit.sources.csv_source import first_line
from bandit.sources.database import Database
from bandit.workflows.judge import logged, open_bandit
from bandit.workflows.judge.catalogue import alone, mapped
from bandit.workflows.judge.job import Job
from bandit.workflows.judge.logged import Catalogue, Logged

NO_CAUSE = (
    "the log has no propensities: its outcome model alone speaks, and no causal claim comes out of"
    " it; who got what may have been decided by what they would do anyway"
)


class _Rows(NamedTuple):
    """The columns of `logs.columns.selected`; the features; what is odd about the log."""

    columns: pa.Table
    features: pa.Table
    spec: FeatureSpec
    at: dt.datetime
    notes: tuple[str, ...] = ()


def read(job: Job) -> Logged:
    """Read `[log]`, or a log of the Open Bandit Dataset."""
    if job.obd is not None:
        rows, items = _open_bandit(job, job.obd)
        catalogue, numbers = alone(items, None)
        return _assembled(job, open_bandit.MAPPING, rows, catalogue, numbers)
    log = job.campaign.log
    if log is None:
        raise ConfigError("campaign.toml has no [log]; add it with source, action and reward")
    rows, catalogue, numbers = _logged(job, log)
    return _assembled(job, log, rows, catalogue, numbers)


def _assembled(
    job: Job, log: Log, rows: _Rows, catalogue: Catalogue, numbers: Mapping[str, int]
) -> Logged:
    encoded = encode(rows.spec, _one_batch(rows.features), rows.at)
    found = log_rows.of(log, rows.columns, numbers, catalogue.k, encoded.faults)
    n = len(found.refused)
    refused = log_rows.told(found.faults, n, job.campaign.limits.reject_share, "log")
    keep = ~found.refused if refused else slice(None)
    table = rows.columns.filter(pa.array(~found.refused)) if refused else rows.columns
    whole = logged.assemble(
        title=job.campaign.name,
        catalogue=catalogue,
        spec=rows.spec,
        unit=job.campaign.reward.unit if job.obd is None else "click",
        contexts=encoded.contexts[keep],
        actions=found.action[keep],
        rewards=found.reward[keep],
        propensities=None if found.propensity is None else found.propensity[keep],
        eligible=found.eligible[keep],
        customers=table["customer"] if log.customer else None,
        clusters=log_rows.clusters(log, table),
        times=log_rows.times(log, table),
        positions=log_rows.positions(log, table),
        notes=(*rows.notes, *refused, *(() if log.propensity is not None else (NO_CAUSE,))),
    )
    return _sampled(whole, job)


def _key_kind(data: Database) -> str | None:
    """The customers' kind of key, where there are customers beside the log."""
    return data.tables["people"].key_kind if "people" in data.tables else None


def _sampled(whole: Logged, job: Job) -> Logged:
    """A random part of the clusters where the log is too large to be kept in memory."""
    most = logged.most_rows(job.settings.max_rows, whole.catalogue.k)
    if whole.n <= most:
        return whole
    _, place = np.unique(whole.log.clusters, return_inverse=True)
    draw = np.random.default_rng(job.campaign.seed).random(int(place.max()) + 1)
    part = whole.take(np.flatnonzero(draw[place] < most / whole.n))
    note = f"judged on {part.n:,} of {whole.n:,} rows, drawn at random (simulate.max_rows)"
    return Logged(**{**vars(part), "notes": (*whole.notes, note)})


def _logged(job: Job, log: Log) -> tuple[_Rows, Catalogue, dict[str, int]]:
    """Read the table beside the campaign's catalogue, or on its own."""
    campaign = job.campaign
    roles = ("log",) if job.alone else ("log", "offers", "channels")
    more = {} if job.alone or log.customer is None else {"people": campaign.customers}
    with database.connect(campaign, roles=roles, more=more) as data:
        columns.check(data, log)
        _enough(data.count("log"), data.table("log").shown)
        known = labels.found(data, log)
        if job.alone:
            catalogue, numbers = alone(known, log.no_contact)
        else:
            catalogue, numbers = mapped(campaign, log, data)
        rows = _rows(campaign, log, data)
        told = (*data.table("log").notes, *labels.unused(log, known), *rows.notes)
        return rows._replace(notes=told), catalogue, numbers


def _rows(campaign: Campaign, log: Log, data: Database) -> _Rows:
    """One query: our columns, then the features, of the log or of its customers."""
    columns.as_customers(campaign, log, data)
    kinds = campaign.features
    names = [*kinds.numeric, *kinds.boolean, *kinds.categorical, *kinds.date, *kinds.vector]
    here = data.table("customers").columns
    away = [n for n in names if n not in here]
    if away and "people" not in data.tables:
        raise ConfigError(
            f"{data.table('customers').shown} has no feature column {away[0]!r}; name the column"
            " that identifies the customer in [log] customer, and it is looked up there"
        )
    at = _latest(data, log)
    features: Mapping[str, str]
    chosen = ", ".join(columns.selected(data, log, _key_kind(data)))
    if not away:
        features = feature_columns(data, campaign)
        fields = "".join(f", {q} AS {sql.name(f'f{i}')}" for i, q in enumerate(features.values()))
        query = f"SELECT {chosen}{fields} FROM {data.table('customers').view}"
    else:
        features, query = _looked_up(campaign, data, chosen)
    try:
        with data.limited():
            table = data.connection.sql(query).to_arrow_table()
        relation = data.connection.from_arrow(_features(table, features))
        spec = fit(kinds, relation, at)
    except duckdb.Error as e:
        raise database.failed(e) from None
    told = tuple(columns.repeated(data, log))
    return _Rows(table, _features(table, features), spec, at, told)


def _enough(rows: int, shown: str) -> None:
    if rows == 0:
        raise DataError(f"{shown} has no rows; is it the right table?")
    if rows == 1:
        raise DataError(f"{shown} has one row, on which nothing can be judged; log more decisions")


def _looked_up(campaign: Campaign, data: Database, chosen: str) -> tuple[Mapping[str, str], str]:
    """Features of the customers, as they are today."""
    own = data.tables["customers"]
    data.tables["customers"] = data.tables["people"]
    try:
        features = feature_columns(data, campaign)
    finally:
        data.tables["customers"] = own
    people = data.tables["people"]
    data.column("people", campaign.customers.key)
    key = people.names.get((campaign.customers.key, "key"), sql.name(campaign.customers.key))
    fields = "".join(f", {q} AS {sql.name(f'f{i}')}" for i, q in enumerate(features.values()))
    outer = "".join(f", p.{sql.name(f'f{i}')}" for i in range(len(features)))
    query = (
        f"SELECT l.*{outer} FROM (SELECT row_number() OVER () AS number, {chosen} FROM {own.view})"
        f" l LEFT JOIN (SELECT {key} AS customer{fields} FROM {people.view}) p USING (customer)"
        " ORDER BY number"
    )
    return features, query


def _latest(data: Database, log: Log) -> dt.datetime:
    """When the log ends: dates among the features are ages at that time."""
    if log.time is None:
        return dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return columns.latest(data, log)


def _features(table: pa.Table, features: Mapping[str, str]) -> pa.Table:
    columns = [table[f"f{i}"] for i in range(len(features))]
    if not columns:
        return pa.table({"one": np.ones(table.num_rows)})
    return pa.Table.from_arrays(columns, names=list(features))


def _one_batch(table: pa.Table) -> pa.RecordBatch:
    return table.combine_chunks().to_batches()[0]


def _open_bandit(job: Job, file: Path) -> tuple[_Rows, list[str]]:
    table, items = open_bandit.read(file)
    at = dt.datetime(2019, 12, 1, tzinfo=dt.UTC)
    kinds: Features = job.campaign.features
    if kinds == Features():
        kinds = open_bandit.features(table)
    with closing(duckdb.connect(":memory:")) as connection:
        connection.execute(sql.NO_BARS)
        connection.register("log", table)
        found = connection.sql(f"SELECT {open_bandit.SELECTED} FROM log").to_arrow_table()
        _enough(found.num_rows, str(file))
        features = _cast(connection, kinds)
        return _Rows(found, features, fit(kinds, connection.from_arrow(features), at), at), items


def _cast(connection: duckdb.DuckDBPyConnection, kinds: Features) -> pa.Table:
    wanted = {
        **dict.fromkeys(kinds.numeric, "DOUBLE"),
        **dict.fromkeys(kinds.boolean, "BOOLEAN"),
        **dict.fromkeys(kinds.categorical, "VARCHAR"),
    }
    chosen = ", ".join(f"{sql.name(c)}::{t} AS {sql.name(c)}" for c, t in wanted.items())
    try:
        return connection.sql(f"SELECT {chosen or '1 AS one'} FROM log").to_arrow_table()
    except duckdb.Error as e:
        raise ConfigError(f"[features]: {first_line(e)}") from None
