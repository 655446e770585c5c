"""Outcomes: events as they came, checked, stored once whatever the number of deliveries."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from bandit.config.campaign import Campaign, Outcomes
from bandit.core import files, schema, sql
from bandit.core.batches import cut
from bandit.core.errors import ConfigError, DataError
from bandit.record import attribution, manifest, rejects
from bandit.record.decision_ids import wave_of
from bandit.record.rejects import Rejects
from bandit.record.waves import Wave
from bandit.sources import sources
from bandit.sources.columns import as_key
from bandit.sources.database import Database

OUTCOMES = "outcomes"
EVENTS = "events.parquet"
_BATCH = 65_536
MOST_REWARD = 1e12
"""Sums over all customers stay finite, squared too; more is a slip that nothing could undo."""


class Delivery(NamedTuple):
    """``batch`` is named by its content; ``new`` is false when it had come before."""

    batch: str
    new: bool
    events: int
    rejected: int


def take_in(
    campaign: Campaign, database: Database, customer: str, waves: Sequence[Wave]
) -> Delivery:
    """Check the `outcomes` source of ``database`` and store what is right as one batch.

    ``customer`` is the customers' key type (BIGINT or VARCHAR); ``waves`` are the published ones,
    whose decision files ``database`` may read. DataError, and nothing stored, if more than
    `limits.reject_share` of the rows are refused.
    """
    _prepare(campaign.outcomes, database, customer, waves)
    total, bad = database.rows("SELECT count(*), count(fault) FROM checked")[0]
    limit = campaign.limits.reject_share
    examples = "SELECT {} FROM checked WHERE fault IS NOT NULL ORDER BY number".format(
        "'outcomes' AS table, coalesce(event_id, 'row ' || number) AS key,"
        " fault.column AS column, coalesce(fault.value, 'NULL') AS value, fault.reason AS reason"
    )
    if bad > limit * total:
        shown = database.rows(f"{examples} LIMIT 3")
        listed = "\n".join(
            f"{database.table('outcomes').shown}, {key}: {column} = {value!r}: {reason}"
            for _, key, column, value, reason in shown
        )
        raise DataError(
            f"{listed}\n{bad:,} of {total:,} outcomes are refused, more than limits.reject_share"
            f" = {limit:g} allows; mend them or raise it; nothing was stored"
        )
    events = database.connection.sql(
        "SELECT event_id, decision_id, customer_id, event, reward, occurred_at"
        " FROM checked WHERE fault IS NULL GROUP BY ALL ORDER BY ALL"
    )
    return _store(campaign, database, events, examples, customer)


def _store(
    campaign: Campaign, database: Database, events: Any, examples: str, customer: str
) -> Delivery:
    kind = schema.outcomes(pa.int64() if customer == "BIGINT" else pa.string())
    parent = campaign.folder / OUTCOMES
    with files.aside(parent / "incoming") as partial:
        rows = 0
        with pq.ParquetWriter(partial / EVENTS, kind, compression="ZSTD") as writer:
            for batch in cut(events.to_arrow_reader(_BATCH), _BATCH):
                writer.write_table(pa.Table.from_batches([batch]).cast(kind))
                rows += batch.num_rows
        name = files.sha256(partial / EVENTS)[:16]
        with Rejects(partial / rejects.NAME) as refused:
            for batch in database.connection.sql(examples).to_arrow_reader(_BATCH):
                refused.add_batch(pa.Table.from_batches([batch]).cast(schema.REJECTS))
            rejected = refused.finish()
        new = rows > 0 and not (parent / name).exists()
        if new:
            manifest.write(partial, {"kind": "outcomes", "events": rows, "rejected": rejected})
            files.put_in_place((partial, parent / name))
    return Delivery(name, new, rows, rejected)


def batches(campaign_folder: Path) -> list[Path]:
    """The event files of all stored batches, each checked against its digest."""
    found = []
    for folder in manifest.published(campaign_folder / OUTCOMES):
        content = manifest.read(folder)
        found.append(files.verify(folder, EVENTS, content["files"][EVENTS]["sha256"]))
    return found


def waves_named(
    events: Sequence[Path], kinds: Sequence[str], since: dt.datetime, memory_mb: int
) -> set[str]:
    """Waves of the decisions that events of some ``kinds`` in ``events`` name, after ``since``."""
    with attribution.connect(memory_mb) as connection:
        found = connection.execute(
            f"SELECT DISTINCT {wave_of('decision_id')}"
            f" FROM {sources.parquet(events)} WHERE decision_id IS NOT NULL"
            " AND list_contains($kinds::VARCHAR[], lower(trim(event))) AND occurred_at > $since",
            {"kinds": [kind.lower() for kind in kinds], "since": since},
        ).fetchall()
    return {str(name) for (name,) in found}


def _prepare(names: Outcomes, database: Database, customer: str, waves: Sequence[Wave]) -> None:
    """A table `checked` of the rows in our columns, each with its fault or NULL."""
    columns = database.table("outcomes").columns
    for name, why in ((names.event_id, "a repeated delivery"), (names.occurred_at, "the window")):
        if name not in columns:
            raise ConfigError(
                f"{database.table('outcomes').shown}: column {name!r} is missing; it is needed for"
                f" {why}; name yours in [outcomes]"
            )
    if names.decision not in columns and names.customer not in columns:
        raise ConfigError(
            f"{database.table('outcomes').shown}: an outcome names its decision or its customer;"
            f" neither {names.decision!r} nor {names.customer!r} is a column; name yours in"
            " [outcomes]"
        )

    def given(name: str, otherwise: str = "NULL") -> str:
        return sql.name(name) if name in columns else otherwise

    moment = sql.moment(sql.name(names.occurred_at), columns[names.occurred_at])
    key = "NULL"
    if names.customer in columns:
        key = as_key(sql.name(names.customer), columns[names.customer], customer)
    database.connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE given AS
            SELECT row_number() OVER () AS number,
                   {given(names.event_id)}::VARCHAR AS event_id,
                   {given(names.decision)}::VARCHAR AS decision_id,
                   {key}::{customer} AS customer_id,
                   {given(names.customer)}::VARCHAR AS customer_text,
                   coalesce({given(names.event)}::VARCHAR, 'outcome') AS event,
                   {given(names.reward)}::VARCHAR AS reward_text,
                   coalesce(TRY_CAST({given(names.reward)} AS DOUBLE), 0) AS reward,
                   {sql.name(names.occurred_at)}::VARCHAR AS time_text,
                   {moment} AS occurred_at
            FROM {database.table("outcomes").view}
        """
    )
    _known(database, waves)
    database.connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE checked AS
        SELECT number, event_id, decision_id, customer_id, event, reward, occurred_at, CASE
            WHEN event_id IS NULL OR event_id = '' THEN
                {_fault("$event_id", "event_id", "no event id; a repetition would count twice")}
            WHEN ({sql.likely("occurred_at")}) IS NOT TRUE THEN
                {_fault("$occurred_at", "time_text", "no date or time; write 2026-11-23 10:00:00")}
            WHEN NOT isfinite(reward) OR (reward_text IS NOT NULL
                 AND TRY_CAST(reward_text AS DOUBLE) IS NULL) THEN
                {_fault("$reward", "reward_text", "not a finite number")}
            WHEN abs(reward) > {MOST_REWARD:.0f} THEN
                {_fault("$reward", "reward_text", f"beyond {MOST_REWARD:.0e}, which is no reward")}
            WHEN decision_id IS NULL AND customer_id IS NULL THEN
                {_fault("$customer", "customer_text", "names neither a decision nor a customer")}
            WHEN decision_id IS NOT NULL AND known.id IS NULL THEN
                {_fault("$decision", "decision_id", "no such decision in this campaign")}
            END AS fault
        FROM given LEFT JOIN known_decisions known ON known.id = decision_id
        """,
        {
            "event_id": names.event_id,
            "occurred_at": names.occurred_at,
            "reward": names.reward,
            "customer": names.customer,
            "decision": names.decision,
        },
    )


def _known(database: Database, waves: Sequence[Wave]) -> None:
    """A table `known_decisions` of the ids that are given and stand in the record."""
    named = database.rows(
        f"SELECT DISTINCT {wave_of('decision_id')} FROM given WHERE decision_id IS NOT NULL"
    )
    files = [
        wave.manifest.verified(wave.folder, path.name)
        for wave in waves
        if (wave.name,) in set(named)
        for path in wave.decisions
    ]
    ids = f"SELECT decision_id FROM {sources.parquet(files)}" if files else "SELECT NULL::VARCHAR"
    database.connection.execute(
        "CREATE OR REPLACE TEMP TABLE known_decisions AS SELECT DISTINCT decision_id AS id FROM"
        f" given WHERE decision_id IN ({ids})"
    )


def _fault(column: str, value: str, reason: str) -> str:
    return (
        f"{{'column': {column}::VARCHAR, 'value': {value}::VARCHAR, 'reason': {sql.text(reason)}}}"
    )
