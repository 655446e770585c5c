"""The strict log of a campaign logged elsewhere: any table, Parquet or CSV of `[log]`.

Rows are taken as they are or refused with their number (from 0, in the order of the file): a log
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

from bandit.config.campaign import Campaign, Customers, Features, Log
from bandit.core import sql
from bandit.core.errors import ConfigError, DataError
from bandit.features.encode import encode
from bandit.features.fit import fit
from bandit.features.spec import FeatureSpec
from bandit.logs import columns
from bandit.sources import database
from bandit.sources.columns import feature_columns
from bandit.sources.csv_source import first_line
from bandit.sources.database import Database
from bandit.workflows.judge import logged, open_bandit
from bandit.workflows.judge.catalogue import alone, labels_of, mapped
from bandit.workflows.judge.job import Job
from bandit.workflows.judge.logged import Catalogue, Logged

NO_CAUSE = (
    "the log has no propensities: its outcome model alone speaks, and no causal claim comes out of"
    " it; who got what may have been decided by what they would do anyway"
)


class _Rows(NamedTuple):
    """Columns label, reward, propensity, customer, cluster, time, position, eligible; features."""

    columns: pa.Table
    features: pa.Table
    spec: FeatureSpec
    at: dt.datetime


def read(job: Job) -> Logged:
    """Read `[log]`, or a log of the Open Bandit Dataset."""
    if job.obd is not None:
        rows, items = _open_bandit(job, job.obd)
        goods, labels = alone(items, None)
        return _assembled(job, open_bandit.MAPPING, rows, goods, labels)
    log = job.campaign.log
    if log is None:
        raise ConfigError("campaign.toml has no [log]; add it with source, action and reward")
    rows, goods, labels = _logged(job, log)
    return _assembled(job, log, rows, goods, labels)


def _assembled(
    job: Job, log: Log, rows: _Rows, goods: Catalogue, labels: Mapping[str, int]
) -> Logged:
    rows, refused = _with_rewards(job, rows)
    table = rows.columns
    actions = columns.actions(table["label"], labels)
    allowed = columns.eligible(log, table, labels, goods.k)
    if log.eligible is not None:
        columns.hold_eligible(log, allowed, goods.actions, actions)
    encoded = encode(rows.spec, _one_batch(rows.features), rows.at)
    if encoded.faults:
        bad = encoded.faults[0]
        raise DataError(
            f"log, row {bad.row}: {bad.column} = {bad.value!r} {bad.reason}"
            f" ({len({f.row for f in encoded.faults}):,} rows of {table.num_rows:,})"
        )
    whole = logged.assemble(
        title=job.campaign.name,
        catalogue=goods,
        spec=rows.spec,
        unit=job.campaign.reward.unit if job.obd is None else "click",
        contexts=encoded.contexts,
        actions=actions,
        rewards=columns.numbers(table["reward"]),
        propensities=columns.propensities(log, table),
        eligible=allowed,
        customers=table["customer"] if log.customer else None,
        clusters=columns.clusters(log, table),
        times=columns.times(log, table),
        positions=columns.positions(log, table),
        notes=(*refused, *(() if log.propensity is not None else (NO_CAUSE,))),
    )
    return _sampled(whole, job)


def _with_rewards(job: Job, rows: _Rows) -> tuple[_Rows, tuple[str, ...]]:
    """The rows whose reward is a number; the others are refused, as `learn --log` refuses them.

    Up to limits.reject_share of them are left out and counted in a note. Of more than that nothing
    is left out: then the log is wrong, and the first such row is named.
    """
    known = np.isfinite(columns.numbers(rows.columns["reward"]))
    bad, n = int((~known).sum()), len(known)
    if not bad or bad > job.campaign.limits.reject_share * n:
        return rows, ()
    keep = pa.array(known)
    left = rows._replace(columns=rows.columns.filter(keep), features=rows.features.filter(keep))
    return left, (f"{bad:,} of {n:,} rows of the log are refused: their reward is no number",)


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
    source = Customers(
        source=log.source, table=log.table, query=log.query, key=log.customer or "customer_id"
    )
    seen = campaign.model_copy(update={"customers": source})
    roles = ("customers",) if job.alone else ("customers", "offers", "channels")
    more = {} if job.alone or log.customer is None else {"people": campaign.customers}
    with database.connect(seen, roles=roles, more=more) as data:
        columns.check(data, log, "customers")
        if job.alone:
            goods, labels = alone(labels_of(data, log), log.no_contact)
        else:
            goods, labels = mapped(campaign, log, data)
        return _rows(seen, log, data), goods, labels


def _rows(campaign: Campaign, log: Log, data: Database) -> _Rows:
    """One query: our columns, then the features, of the log or of its customers."""
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
    chosen = ", ".join(_columns(log))
    if not away:
        features = feature_columns(data, campaign)
        fields = "".join(f", {q} AS {sql.name(f'f{i}')}" for i, q in enumerate(features.values()))
        query = f"SELECT {chosen}{fields} FROM {data.table('customers').view}"
    else:
        features, query = _looked_up(campaign, log, data, chosen)
    try:
        table = _enough(data.connection.sql(query).to_arrow_table())
        relation = data.connection.from_arrow(_features(table, features))
        spec = fit(kinds, relation, at)
    except duckdb.Error as e:
        raise database.failed(e) from None
    return _Rows(table, _features(table, features), spec, at)


def _enough(table: pa.Table) -> pa.Table:
    if table.num_rows == 0:
        raise DataError("the log has no rows; is it the right table?")
    if table.num_rows == 1:
        raise DataError("the log has one row, and nothing can be judged on it; log more decisions")
    return table


def _looked_up(
    campaign: Campaign, log: Log, data: Database, chosen: str
) -> tuple[Mapping[str, str], str]:
    """Features of the customers, as they are today."""
    own = data.tables["customers"]
    data.tables["customers"] = data.tables["people"]
    try:
        features = feature_columns(data, campaign)
    finally:
        data.tables["customers"] = own
    people = data.tables["people"]
    key = sql.name(campaign.customers.key) if campaign.customers.key in people.columns else None
    key = key or sql.name(log.customer or "")
    fields = "".join(f", {q} AS {sql.name(f'f{i}')}" for i, q in enumerate(features.values()))
    outer = "".join(f", p.{sql.name(f'f{i}')}" for i in range(len(features)))
    query = (
        f"SELECT l.*{outer} FROM (SELECT row_number() OVER () AS number, {chosen},"
        f" {sql.name(log.customer or '')}::VARCHAR AS key FROM {own.view}) l LEFT JOIN"
        f" (SELECT {key}::VARCHAR AS key{fields} FROM {people.view}) p USING (key) ORDER BY number"
    )
    return features, query


def _columns(log: Log) -> list[str]:
    def of(column: str | None, kind: str) -> str:
        return "NULL" if column is None else f"TRY_CAST({sql.name(column)} AS {kind})"

    logged = log.propensity if isinstance(log.propensity, str) else None
    time = of(log.time, "TIMESTAMPTZ")
    return [
        f"{sql.name(log.action)}::VARCHAR AS label",
        f"{of(log.reward, 'DOUBLE')} AS reward",
        f"{of(logged, 'DOUBLE')} AS propensity",
        f"{sql.name(log.customer) if log.customer else 'NULL'} AS customer",
        f"{of(log.cluster, 'VARCHAR')} AS cluster",
        f"CAST({time} AS TIMESTAMPTZ) AS time",
        f"{of(log.position, 'BIGINT')} AS position",
        f"{columns.eligible_list(log)} AS eligible",
    ]


def _latest(data: Database, log: Log) -> dt.datetime:
    """When the log ends: dates among the features are ages at that time."""
    if log.time is None:
        return dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    column = f"TRY_CAST({sql.name(log.time)} AS TIMESTAMPTZ)"
    found = data.rows(f"SELECT max({column}) FROM {data.table('customers').view}")[0][0]
    if found is None:
        raise DataError(f"[log] time: no date stands in column {log.time!r}")
    latest: dt.datetime = found.astimezone(dt.UTC)
    return latest


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
        connection.register("log", table)
        chosen = ", ".join(_columns(open_bandit.MAPPING))
        columns = _enough(connection.sql(f"SELECT {chosen} FROM log").to_arrow_table())
        features = _cast(connection, kinds)
        return _Rows(columns, features, fit(kinds, connection.from_arrow(features), at), at), items


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
