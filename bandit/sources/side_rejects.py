"""Rows of consents and contact history that cannot be used: counted, and streamed as rejects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa

from bandit.config.campaign import Campaign
from bandit.core import sql
from bandit.core.errors import DataError
from bandit.core.schema import REJECTS
from bandit.sources import consents as answers
from bandit.sources.columns import as_key, key_type
from bandit.sources.database import Database, failed, streaming_failed

BATCH_ROWS = 50_000

UNKNOWN = "no such customer"
NO_ANSWER = "neither true nor false; counted as no consent"
NO_DATE = "no date; write it as 2026-11-23"


class Refused(NamedTuple):
    """How many rows of a table are refused for a reason, and one of them."""

    table: str
    shown: str
    reason: str
    rows: int
    total: int
    column: str
    example: str

    @property
    def sentence(self) -> str:
        """For a person."""
        return (
            f"{self.shown}: {self.rows:,} of {self.total:,} rows refused, for example"
            f" {self.column} = {self.example!r}: {self.reason}"
        )


def count(database: Database, campaign: Campaign) -> list[Refused]:
    """Refused rows by table and reason; one pass, memory does not grow with them."""
    found = []
    for role, rows in _refused(database, campaign).items():
        shown, total = database.table(role).shown, database.count(role)
        counted = database.rows(
            f'SELECT reason, count(*), min_by("column", value), min(value) FROM ({rows})'
            " GROUP BY reason ORDER BY reason"
        )
        found += [Refused(role, shown, r, int(n), total, c, v) for r, n, c, v in counted]
    return found


def hold_share(campaign: Campaign, found: list[Refused]) -> None:
    """DataError if more of a table's rows are refused than `limits.reject_share` allows."""
    limit = campaign.limits.reject_share
    tables = {f.table: [g for g in found if g.table == f.table] for f in found}
    faults = [
        f"{'; '.join(f.sentence for f in rows)}; more than limits.reject_share = {limit:g} allows:"
        " mend them or raise it"
        for rows in tables.values()
        if sum(f.rows for f in rows) > limit * rows[0].total
    ]
    if faults:
        raise DataError("\n".join(faults))


def stream(database: Database, campaign: Campaign) -> Iterator[pa.RecordBatch]:
    """Batches of schema.REJECTS, in an order that does not depend on the source's.

    A consent or contact of a customer whom the customers' source does not have, a consent whose
    answer cannot be read (it counts as no), a contact whose date is none (it counts as not made).
    """
    names = ", ".join(sql.name(c) for c in REJECTS.names)
    for rows in _refused(database, campaign).values():
        cursor = database.connection.cursor()
        try:
            query = f"SELECT {names} FROM ({rows}) ORDER BY ALL"
            for batch in cursor.sql(query).to_arrow_reader(BATCH_ROWS):
                yield pa.RecordBatch.from_arrays(batch.columns, schema=REJECTS)
        except duckdb.Error as e:
            raise failed(e) from None
        except (pa.ArrowException, OSError) as e:
            raise streaming_failed(e) from None
        finally:
            cursor.close()


def _refused(database: Database, campaign: Campaign) -> dict[str, str]:
    """By table, a SELECT of rejects."""
    found: dict[str, str] = {}
    consents, history = campaign.consents, campaign.history
    if consents is not None and "consents" in database.tables:
        bad = f"{answers.value(database, campaign)} IS NULL"
        found["consents"] = _select(
            database, campaign, "consents", consents.customer, (consents.granted, bad, NO_ANSWER)
        )
    if history is not None and "history" in database.tables:
        kind = database.column("history", history.contacted_at)
        bad = f"{sql.moment(sql.name(history.contacted_at), kind)} IS NULL"
        found["history"] = _select(
            database, campaign, "history", history.customer, (history.contacted_at, bad, NO_DATE)
        )
    return found


def _select(
    database: Database, campaign: Campaign, role: str, customer: str, fault: tuple[str, str, str]
) -> str:
    key = key_type(database, campaign)
    column, bad, reason = fault
    given = f"coalesce(CAST({sql.name(customer)} AS VARCHAR), '')"
    cell = f"coalesce(CAST({sql.name(column)} AS VARCHAR), '')"
    id_ = as_key(sql.name(customer), database.column(role, customer), key)
    known = (
        f"SELECT DISTINCT TRY_CAST({sql.name(campaign.customers.key)} AS {key}) AS id"
        f" FROM {database.table('customers').view}"
    )

    def either(unknown: Any, otherwise: Any) -> str:
        return f"CASE WHEN known.id IS NULL THEN {unknown} ELSE {otherwise} END"

    return (
        f'SELECT {sql.text(role)} AS "table", given AS key,'
        f' {either(sql.text(customer), sql.text(column))} AS "column",'
        f" {either('given', 'cell')} AS value,"
        f" {either(sql.text(UNKNOWN), sql.text(reason))} AS reason"
        f" FROM (SELECT {id_} AS id, {given} AS given, {cell} AS cell, {bad} AS bad"
        f" FROM {database.table(role).view}) side"
        f" LEFT JOIN ({known}) known ON known.id = side.id WHERE known.id IS NULL OR bad"
    )
