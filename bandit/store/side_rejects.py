"""Rows of consents and contact history that cannot be used, streamed as rejects."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pyarrow as pa

from bandit.campaign import Campaign
from bandit.schema import REJECTS
from bandit.store import sql
from bandit.store.columns import as_key, key_type
from bandit.store.database import Database, failed
from bandit.store.wave_query import consent_value, history_columns

BATCH_ROWS = 50_000


def side_rejects(database: Database, campaign: Campaign) -> Iterator[pa.RecordBatch]:
    """Batches of schema.REJECTS, in a stable order.

    A consent or contact of a customer whom the customers' source does not have, a consent whose
    answer cannot be read (it counts as no), a contact whose date is none (it counts as not made).
    """
    key = key_type(database, campaign)
    customers = (
        f"SELECT TRY_CAST({sql.name(campaign.customers.key)} AS {key}) AS id"
        f" FROM {database.table('customers').view}"
    )
    for rows in (_consents(database, campaign, key), _history(database, campaign, key)):
        if rows is None:
            continue
        query = (
            "SELECT \"table\", coalesce(given, '') AS key,"
            " CASE WHEN known.id IS NULL THEN customer_column ELSE column_ END AS column_,"
            " coalesce(CASE WHEN known.id IS NULL THEN given ELSE value END, '') AS value,"
            " CASE WHEN known.id IS NULL THEN 'no such customer; add it or drop the row'"
            " ELSE reason END AS reason"
            f" FROM ({rows}) rows LEFT JOIN (SELECT DISTINCT id FROM ({customers})) known"
            " ON known.id = rows.id WHERE known.id IS NULL OR reason IS NOT NULL ORDER BY ALL"
        )
        yield from _stream(database, query)


def _stream(database: Database, query: str) -> Iterator[pa.RecordBatch]:
    cursor = database.connection.cursor()
    try:
        for batch in cursor.sql(query).to_arrow_reader(BATCH_ROWS):
            yield pa.RecordBatch.from_arrays(batch.columns, schema=REJECTS)
    except duckdb.Error as e:
        raise failed(e) from None
    finally:
        cursor.close()


def _consents(database: Database, campaign: Campaign, key: str) -> str | None:
    given = campaign.consents
    if given is None:
        return None
    customer = sql.name(given.customer)
    answer = sql.name(given.granted)
    id_ = as_key(customer, database.column("consents", given.customer), key)
    return (
        f"SELECT 'consents' AS \"table\", {id_} AS id, CAST({customer} AS VARCHAR) AS given,"
        f" {sql.text(given.customer)} AS customer_column, {sql.text(given.granted)} AS column_,"
        f" CAST({answer} AS VARCHAR) AS value,"
        f" CASE WHEN {consent_value(database, campaign)} IS NULL"
        " THEN 'neither true nor false; counted as no consent' END AS reason"
        f" FROM {database.table('consents').view}"
    )


def _history(database: Database, campaign: Campaign, key: str) -> str | None:
    given = campaign.history
    if given is None:
        return None
    customer = sql.name(given.customer)
    date = sql.name(given.contacted_at)
    id_ = as_key(customer, database.column("history", given.customer), key)
    moment = sql.moment(date, database.column("history", given.contacted_at))
    history_columns(database, campaign, key)
    return (
        f"SELECT 'history' AS \"table\", {id_} AS id, CAST({customer} AS VARCHAR) AS given,"
        f" {sql.text(given.customer)} AS customer_column,"
        f" {sql.text(given.contacted_at)} AS column_, CAST({date} AS VARCHAR) AS value,"
        f" CASE WHEN {moment} IS NULL THEN 'no date; write it as 2026-11-23' END AS reason"
        f" FROM {database.table('history').view}"
    )
