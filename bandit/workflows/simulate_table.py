"""The strict log of a campaign logged elsewhere: any table, Parquet or CSV of `[log]`.

Rows are taken as they are or refused with their number (from 0, in the order of the file): a log
that is mended silently would be judged wrongly.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bandit.campaign import Campaign, Customers, Features, Log
from bandit.errors import ConfigError, DataError
from bandit.features.encode import encode
from bandit.features.fit import fit
from bandit.features.spec import FeatureSpec
from bandit.store import catalogue as offers_and_channels
from bandit.store import database, sql
from bandit.store.columns import feature_columns
from bandit.store.csv_source import first_line
from bandit.store.database import Database
from bandit.store.faults import nearest
from bandit.types import Array, Bool, Float64
from bandit.workflows import simulate_logged as logged
from bandit.workflows import simulate_open_bandit as open_bandit
from bandit.workflows.simulate_job import Job
from bandit.workflows.simulate_logged import Catalogue, Logged

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
        goods, labels = _alone(items, None)
        return _assembled(job, open_bandit.MAPPING, rows, goods, labels)
    log = job.campaign.log
    if log is None:
        raise ConfigError("campaign.toml has no [log]; add it with source, action and reward")
    rows, goods, labels = _logged(job, log)
    return _assembled(job, log, rows, goods, labels)


def _assembled(
    job: Job, log: Log, rows: _Rows, goods: Catalogue, labels: Mapping[str, int]
) -> Logged:
    table = rows.columns
    actions = _actions(table["label"], labels)
    n = table.num_rows
    if n == 0:
        raise DataError("the log has no rows; is it the right table?")
    encoded = encode(rows.spec, _one_batch(rows.features), rows.at)
    if encoded.faults:
        bad = encoded.faults[0]
        raise DataError(
            f"log, row {bad.row}: {bad.column} = {bad.value!r} {bad.reason}"
            f" ({len({f.row for f in encoded.faults}):,} rows of {n:,})"
        )
    whole = logged.assemble(
        title=job.campaign.name,
        catalogue=goods,
        spec=rows.spec,
        unit=job.campaign.reward.unit if job.obd is None else "click",
        contexts=encoded.contexts,
        actions=actions,
        rewards=_numbers(table["reward"]),
        propensities=_propensities(log, table),
        eligible=_eligible(log, table, labels, goods),
        customers=table["customer"] if log.customer else None,
        clusters=_clusters(log, table),
        times=_times(log, table),
        positions=_positions(log, table),
        notes=() if log.propensity is not None else (NO_CAUSE,),
    )
    return _sampled(whole, job)


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
        _check_columns(data, log)
        if job.alone:
            goods, labels = _alone(_labels(data, log), log.no_contact)
        else:
            goods, labels = _mapped(campaign, log, data)
        return _rows(seen, log, data), goods, labels


def _check_columns(data: Database, log: Log) -> None:
    named = [log.action, log.reward, log.customer, log.cluster, log.time, log.position]
    named += [log.eligible, log.propensity if isinstance(log.propensity, str) else None]
    for column in named:
        if column is not None:
            data.column("customers", column)


def _labels(data: Database, log: Log) -> list[str]:
    found = data.rows(
        f"SELECT DISTINCT {sql.name(log.action)}::VARCHAR FROM {data.table('customers').view}"
        " LIMIT 10001"
    )
    labels = [str(label) for (label,) in found if label is not None]
    if len(labels) > 10_000:
        raise DataError(f"[log] action = {log.action!r} has more than 10,000 values; is it a key?")
    if isinstance(log.propensity, dict):
        labels += [label for label in log.propensity if label not in labels]
    numbers = all(label.lstrip("-").isdigit() for label in labels)
    return sorted(labels, key=(lambda label: (int(label), label)) if numbers else None)


def _alone(labels: Sequence[str], no_contact: str | None) -> tuple[Catalogue, dict[str, int]]:
    """The log's own values as actions, worth their reward and free of cost."""
    others = [label for label in labels if label != no_contact]
    names = others if no_contact is None else [no_contact, *others]
    k, peace = len(names), no_contact is not None
    order = (*range(1, k), 0) if peace else tuple(range(k))
    goods = Catalogue(tuple(names), np.ones(k), np.zeros(k), order, peace, np.zeros(k))
    return goods, {name: a for a, name in enumerate(names)}


def _mapped(campaign: Campaign, log: Log, data: Database) -> tuple[Catalogue, dict[str, int]]:
    """The campaign's actions that the log knows; ConfigError for a label that is none."""
    goods = offers_and_channels.load_catalogue(campaign, data)
    offers = {o.name: o for o in goods.offers}
    channels = {c.name: c for c in goods.channels}
    known = [f"{o}/{c}" for o, c in offers_and_channels.actions(goods)]
    names: list[str] = []
    meaning: dict[str, str] = {}
    faults = []
    for label in _labels(data, log):
        if label == log.no_contact:
            continue
        named = log.actions.get(label, label)
        full = named if "/" in named else f"{named}/{log.channel}"
        if full not in known:
            faults.append(
                f"[log] action {label!r} means {full!r}, which is no offer and channel of the"
                f" campaign{nearest(full, known)}; map it in [log.actions]"
            )
        meaning[label] = full
        names.append(full)
    if faults:
        raise ConfigError("\n".join(faults[:20]))
    names = list(dict.fromkeys(names))
    if any(isinstance(offers[n.split("/")[0]].value, str) for n in names):
        raise ConfigError(
            "an offer's value is an expression over the customers; to judge a [log], give it a"
            " number, or put the value into the log's reward"
        )
    costs = [offers[o].cost + channels[c].cost for o, c in (n.split("/") for n in names)]
    values = [float(offers[n.split("/")[0]].value) for n in names]
    rank = [(offers[n.split("/")[0]].priority, known.index(n)) for n in names]
    order = sorted(range(1, len(names) + 1), key=lambda a: rank[a - 1])
    labels = {label: 1 + names.index(full) for label, full in meaning.items()}
    if log.no_contact is not None:
        labels[log.no_contact] = 0
    return (
        Catalogue(
            (logged.PEACE, *names),
            np.array([campaign.reward.no_contact_value, *values]),
            np.array([0.0, *costs]),
            (*order, 0),
            True,
            np.zeros(len(names) + 1),
        ),
        labels,
    )


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
        table = data.connection.sql(query).to_arrow_table()
        relation = data.connection.from_arrow(_features(table, features))
        spec = fit(kinds, relation, at)
    except duckdb.Error as e:
        raise database.failed(e) from None
    return _Rows(table, _features(table, features), spec, at)


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
    listed = f"CAST({sql.name(log.eligible)} AS VARCHAR[])" if log.eligible else "NULL"
    time = of(log.time, "TIMESTAMPTZ")
    return [
        f"{sql.name(log.action)}::VARCHAR AS label",
        f"{of(log.reward, 'DOUBLE')} AS reward",
        f"{of(logged, 'DOUBLE')} AS propensity",
        f"{sql.name(log.customer) if log.customer else 'NULL'} AS customer",
        f"{of(log.cluster, 'VARCHAR')} AS cluster",
        f"CAST({time} AS TIMESTAMPTZ) AS time",
        f"{of(log.position, 'BIGINT')} AS position",
        f"{listed} AS eligible",
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
        columns = connection.sql(f"SELECT {chosen} FROM log").to_arrow_table()
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


def _actions(labels: pa.ChunkedArray, known: Mapping[str, int]) -> Array:
    where = pc.index_in(labels, pa.array(known, pa.string()))
    missing = np.flatnonzero(where.is_null().to_numpy())
    if missing.size:
        raise DataError(
            f"action must be named in every row, row {missing[0]} has {labels[missing[0].item()]};"
            " name what was done, also for no contact"
        )
    numbers = np.array(list(known.values()), dtype=np.int32)
    return np.asarray(numbers[where.to_numpy()])


def _numbers(column: pa.ChunkedArray) -> Float64:
    values = column.cast(pa.float64()).to_numpy()
    return np.asarray(values, dtype=np.float64)


def _propensities(log: Log, table: pa.Table) -> Float64 | None:
    """None, a column, a constant, or a share an action."""
    given, n = log.propensity, table.num_rows
    if given is None:
        return None
    if isinstance(given, str):
        return _numbers(table["propensity"])
    if isinstance(given, dict):
        where = pc.index_in(table["label"], pa.array(given, pa.string()))
        shares = np.array([*given.values(), np.nan])
        return np.asarray(shares[where.fill_null(len(given)).to_numpy()], dtype=np.float64)
    return np.full(n, float(given))


def _eligible(
    log: Log, table: pa.Table, labels: Mapping[str, int], goods: Catalogue
) -> Bool | None:
    """What might have been done: the listed actions, those with a share, or all of the log's."""
    n = table.num_rows
    if log.eligible is not None:
        out = np.zeros((n, goods.k), dtype=np.bool_)
        lists = table["eligible"].combine_chunks()
        lists = lists.chunk(0) if isinstance(lists, pa.ChunkedArray) else lists
        rows = pc.list_parent_indices(lists).to_numpy()
        names = pc.list_flatten(lists)
        where = pc.index_in(names, pa.array(labels, pa.string()))
        known = where.is_valid().to_numpy(zero_copy_only=False)
        numbers = np.array(list(labels.values()), dtype=np.int64)
        out[rows[known], numbers[where.drop_null().to_numpy()]] = True
        return out
    possible = np.zeros(goods.k, dtype=np.bool_)
    possible[list(labels.values())] = True
    if isinstance(log.propensity, dict):
        for label, share in log.propensity.items():
            if label in labels:
                possible[labels[label]] = share > 0.0
    return np.broadcast_to(possible, (n, goods.k))


def _clusters(log: Log, table: pa.Table) -> pa.ChunkedArray | None:
    if log.cluster is not None:
        return table["cluster"]
    return table["customer"] if log.customer is not None else None


def _times(log: Log, table: pa.Table) -> Array | None:
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


def _positions(log: Log, table: pa.Table) -> Array | None:
    if log.position is None:
        return None
    return np.asarray(table["position"].fill_null(0).to_numpy(), dtype=np.int64)
