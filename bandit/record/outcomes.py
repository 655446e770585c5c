"""Outcomes: events as they came, checked, stored once whatever the number of deliveries."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from bandit.config.campaign import Campaign
from bandit.config.tables import Outcomes
from bandit.core import files, schema, sql
from bandit.core.batches import cut
from bandit.core.errors import ConfigError, DataError
from bandit.core.folding import fold, folded
from bandit.core.problems import shown
from bandit.core.schema import MOST_REWARD
from bandit.record import (
    doubtful_refusals,
    event_kinds,
    heard,
    manifest,
    newest,
    outcome_notes,
    rejects,
)
from bandit.record.decision_ids import wave_of
from bandit.record.rejects import Rejects
from bandit.record.waves import Wave
from bandit.sources import identity, identity_map, sources, spellings
from bandit.sources.cells import Use
from bandit.sources.database import Database
from bandit.sources.proposals import proposal

OUTCOMES = "outcomes"
EVENTS = "events.parquet"
LIVE = "sent live"
"""The source of what came event by event."""
_DOUBT = (
    "the map gives the id to two customers; keep one of them there, or name the customer here:"
    " until then it counts for refusals alone"
)
_BATCH = 65_536


class Delivery(NamedTuple):
    """``batch`` is named by its content; ``new`` is false when it had come before."""

    batch: str
    new: bool
    events: int
    rejected: int
    notes: tuple[str, ...]


def take_in(
    campaign: Campaign,
    database: Database,
    customer: str,
    waves: Sequence[Wave],
    *,
    heard: bool = False,
) -> Delivery:
    """Check the `outcomes` source of ``database`` and store what is right as one batch.

    ``customer`` is the customers' key type (BIGINT or VARCHAR); ``waves`` are the published ones,
    whose decision files ``database`` may read. DataError, and nothing stored, if more than
    `limits.reject_share` of the rows are refused, or if all events are of kinds that nobody named;
    what a stream has ``heard`` event by event was taken already, whatever its kind.
    """
    examples = examine(campaign, database, customer, waves)
    if not heard:
        event_kinds.hold_known(campaign, database)
    events = database.connection.sql(
        "SELECT event_id, decision_id, customer_id, event, reward, occurred_at, version"
        " FROM checked WHERE fault IS NULL GROUP BY ALL ORDER BY ALL"
    )
    return _store(campaign, database, events, examples, customer, heard=heard)


def examine(campaign: Campaign, database: Database, customer: str, waves: Sequence[Wave]) -> str:
    """Make the table ``checked`` of the `outcomes` source; SELECT of its rejects.

    ConfigError for columns that are none, DataError if too many rows are refused.
    """
    check_columns(campaign, database)
    _prepare(campaign, database, customer, waves)
    total, bad = database.rows("SELECT (SELECT count(*) FROM given), count(fault) FROM checked")[0]
    limit = campaign.limits.reject_share
    examples = "SELECT {} FROM checked WHERE fault IS NOT NULL ORDER BY number".format(
        "'outcomes' AS table, coalesce(event_id, 'row ' || number) AS key,"
        " fault.column AS column, coalesce(fault.value, 'NULL') AS value, fault.reason AS reason"
    )
    if bad > limit * total:
        first = database.rows(f"{examples} LIMIT 3")
        listed = "\n".join(
            f"{database.table('outcomes').shown}, {key[:80]}: {column} = {shown(value)}: {reason}"
            for _, key, column, value, reason in first
        )
        raise DataError(
            f"{listed}\n{bad:,} of {total:,} outcomes are refused, more than limits.reject_share"
            f" = {limit:g} allows; mend them or raise it; nothing was stored"
            + "".join(f"\n{remedy}" for remedy in _settings(campaign, database))
        )
    return examples


def _settings(campaign: Campaign, database: Database) -> list[str]:
    """Settings of [outcomes] that would read each cell of a column that rows are refused for."""
    names, table = campaign.outcomes, database.table("outcomes")
    refused = {
        column
        for (column,) in database.rows(
            "SELECT DISTINCT fault.column FROM checked WHERE fault IS NOT NULL"
        )
    }
    uses: list[tuple[str, Use]] = [(names.reward, "number"), (names.occurred_at, "date")]
    told = [
        proposal(
            column, use, table.writing,
            lambda asked: database.rows(f"SELECT {asked} FROM {table.view}")[0],
        )
        for column, use in uses
        if column in refused and table.columns.get(column) == "VARCHAR"
    ]  # fmt: skip
    return [one.replace("to this source", "to [outcomes]") for one in told if one]


def check_columns(campaign: Campaign, database: Database) -> None:
    """ConfigError if a column that is needed, or that [outcomes] names, is none of the source."""
    names, table = campaign.outcomes, database.table("outcomes")
    for field, why in (("event_id", "a repeated delivery"), ("occurred_at", "the window")):
        if getattr(names, field) not in table.columns:
            raise ConfigError(
                f"{table.shown}: column {getattr(names, field)!r} is missing; it is needed for"
                f" {why}; name yours in [outcomes]"
            )
    for field in ("decision", "customer", "event", "reward", "version"):
        # A name that nobody gave is a guess; one that was given must match.
        if field in names.model_fields_set:
            database.column("outcomes", getattr(names, field))
    if names.decision not in table.columns and names.customer not in table.columns:
        raise ConfigError(
            f"{table.shown}: an outcome names its decision or its customer;"
            f" neither {names.decision!r} nor {names.customer!r} is a column; name yours in"
            " [outcomes]"
        )
    if names.event not in table.columns and names.reward not in table.columns:
        raise ConfigError(
            f"{table.shown}: an outcome says what happened or what it was worth; neither"
            f" {names.event!r} nor {names.reward!r} is a column; name yours in [outcomes]"
        )
    event_kinds.hold_columns(campaign, database)


def _store(
    campaign: Campaign,
    database: Database,
    events: Any,
    examples: str,
    customer: str,
    *,
    heard: bool,
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
            content = {
                "kind": "outcomes",
                manifest.FOLDER: name,
                "events": rows,
                "rejected": rejected,
            }
            content["source"] = LIVE if heard else database.table("outcomes").called
            manifest.write(partial, {**content, "delivery": 1 + last(campaign.folder)})
            files.put_in_place((partial, parent / name))
            settle(campaign.folder)
    own = rows - doubtful_refusals.count(database)
    return Delivery(name, new, own, rejected, outcome_notes.notes(campaign, database))


class Taken(NamedTuple):
    """A delivery that was taken in: its number, the folder it lies in and what this says of it."""

    number: int
    folder: Path
    content: dict[str, Any]


def taken(campaign_folder: Path) -> list[Taken]:
    """All of them in their order; DataError if one is gone, the newest too."""
    parent = campaign_folder / OUTCOMES
    noted = newest.read(parent)  # first: a delivery may come meanwhile
    read = [(folder, manifest.read(folder)) for folder in manifest.published(parent)]
    found = [Taken(delivery(content), folder, content) for folder, content in read]
    numbers = [one.number for one in found]
    there = max(numbers, default=0)
    _hold_there(parent, there, numbers)
    _hold_there(parent, noted, range(1, there + 1), newest.lost(parent))
    return sorted(found, key=lambda one: (one.number, one.folder.name))


def last(campaign_folder: Path) -> int:
    """The number of the newest delivery; 0 where there is none."""
    return max((one.number for one in taken(campaign_folder)), default=0)


def settle(campaign_folder: Path) -> None:
    """Note the newest, so that it is missed where it is gone; the caller holds the campaign."""
    parent = campaign_folder / OUTCOMES
    there = [delivery(manifest.read(folder)) for folder in manifest.published(parent)]
    known = max(there, default=newest.NONE)
    if not parent.is_dir() or known > max(newest.read(parent), 0):
        newest.note(parent, known)


def hold_heard(campaign_folder: Path, waves: Sequence[Wave]) -> None:
    """DataError if a delivery that one of the waves heard is gone.

    What it said of refusals would be unknown, and who refused be contacted.
    """
    heard = max((wave.manifest.heard or 0 for wave in waves), default=0)
    _hold_there(campaign_folder / OUTCOMES, heard, range(1, last(campaign_folder) + 1))


def _hold_there(parent: Path, last_one: int, there: Collection[int], more: str = "") -> None:
    gone = sorted(set(range(1, last_one + 1)) - set(there))
    if gone:
        raise DataError(
            f"{parent} lacks delivery {', '.join(map(str, gone[:5]))}"
            f"{', ...' if len(gone) > 5 else ''}, and with it refusals and outcomes: restore its"
            f" folder from a backup{more}"
        )


def delivery(content: Mapping[str, Any]) -> int:
    """Deliveries of before there were numbers came first."""
    return int(content.get("delivery", 0))


def said_by(campaign_folder: Path) -> list[str]:
    """Of each of the `batches` what it was taken in from, in the same order."""
    found = []
    for number, _, content in taken(campaign_folder):
        source = content.get("source")
        named = [] if source is None else [str(source)]
        found.append(", ".join([*named, f"delivery {number}"]))
    return found


def batches(campaign_folder: Path, *, verify: bool = True, until: int | None = None) -> list[Path]:
    """The event files in the order of their delivery, each checked against its digest.

    Without ``verify`` they are only named: for looking. ``until``: those up to that delivery.
    """
    found = []
    for number, folder, content in taken(campaign_folder):
        if until is not None and number > until:
            continue
        if verify:
            files.verify(folder, EVENTS, content["files"][EVENTS]["sha256"])
        found.append(folder / EVENTS)
    return found


def waves_named(
    events: Sequence[Path], kinds: Sequence[str], since: dt.datetime, memory_mb: int
) -> set[str]:
    """Waves of the decisions that events of some ``kinds`` in ``events`` name, after ``since``."""
    with heard.connect(memory_mb) as connection:
        found = connection.execute(
            f"SELECT DISTINCT {wave_of('decision_id')}"
            f" FROM {sources.parquet(events)} WHERE decision_id IS NOT NULL"
            f" AND list_contains($kinds::VARCHAR[], {folded('event')}) AND occurred_at > $since",
            {"kinds": [fold(kind) for kind in kinds], "since": since},
        ).fetchall()
    return {str(name) for (name,) in found}


def _prepare(campaign: Campaign, database: Database, customer: str, waves: Sequence[Wave]) -> None:
    """A table `checked` of the rows in our columns, each with its fault or NULL."""
    columns, names = database.table("outcomes").columns, campaign.outcomes

    def read(name: str, use: Use) -> str:
        return database.read("outcomes", name, use) if name in columns else "NULL"

    def misread(name: str, use: Use) -> str:
        return database.misread("outcomes", name, use) if name in columns else "false"

    def said(name: str) -> str:
        return f"{sql.name(name)}::VARCHAR" if name in columns else "NULL::VARCHAR"

    key, unmapped = "NULL", "false"
    refuses = doubtful_refusals.is_refusal(campaign, read(names.event, "text"))
    if names.customer in columns:
        key = f"({database.key('outcomes', names.customer, customer)})::{customer}"
        loosely = _loosely(names, columns[names.customer], customer)
        key = f"CASE WHEN {refuses} THEN coalesce({key}, {loosely}) ELSE {key} END"
        if names.id is not None:
            unmapped = f"{identity.WRITTEN} IS NOT NULL AND {key} IS NULL"
    version, no_version = _version(names, database)
    database.connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE given AS
            SELECT row_number() OVER () AS number,
                   {read(names.event_id, "text")}::VARCHAR AS event_id,
                   {said(names.event_id)} AS id_text,
                   {read(names.decision, "text")}::VARCHAR AS decision_id,
                   {said(names.decision)} AS decision_text,
                   {key}::{customer} AS customer_id,
                   {said(names.customer)} AS customer_text, {unmapped} AS unmapped,
                   coalesce({read(names.event, "text")}::VARCHAR, 'outcome') AS event,
                   {refuses} AS refuses,
                   {said(names.reward)} AS reward_text,
                   coalesce({read(names.reward, "number")}::DOUBLE, 0) AS reward,
                   {misread(names.reward, "number")} AS no_reward,
                   {said(names.occurred_at)} AS time_text,
                   {read(names.occurred_at, "date")} AS occurred_at,
                   {version} AS version, {no_version} AS no_version,
                   {said(names.version)} AS version_text
            FROM {database.table("outcomes").view}
        """
    )
    kind = sql.text(identity.kind_of(names) or "")
    doubtful = identity_map.named(kind, "customer_text")
    _known(database, waves)
    _leave_out_unmapped(database, names)
    database.connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE checked AS
        SELECT number, event_id, decision_id, customer_id, event, reward, occurred_at, version, CASE
            WHEN event_id IS NULL AND id_text <> '' THEN
                {_fault("$event_id", "id_text", "a fraction rounds; write ids as text")}
            WHEN event_id IS NULL THEN
                {_fault("$event_id", "event_id", "no event id; a repetition would count twice")}
            WHEN contains(event_id, {sql.text(doubtful_refusals.MARK)}) THEN
                {_fault("$event_id", "event_id", "a unit separator (U+001F); leave it out")}
            WHEN occurred_at IS NULL THEN
                {_fault("$occurred_at", "time_text", "no date or time; write 2026-11-23 10:00:00")}
            WHEN no_reward OR NOT isfinite(reward) THEN
                {_fault("$reward", "reward_text", "not a finite number")}
            WHEN abs(reward) > {MOST_REWARD:.0f} THEN
                {_fault("$reward", "reward_text", f"beyond {MOST_REWARD:.0e}, which is no reward")}
            WHEN no_version THEN
                {_fault("$version", "version_text", "neither a number nor a time")}
            WHEN decision_id IS NULL AND decision_text <> '' THEN
                {_fault("$decision", "decision_text", "a fraction rounds; write ids as text")}
            WHEN decision_id IS NULL AND unmapped THEN
                {_fault("$customer", doubtful, _DOUBT)}
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
            "version": names.version,
        },
    )
    doubtful_refusals.add(database, names)


def _loosely(names: Outcomes, kind: str, customer: str) -> str:
    """SQL of whom a refusal can mean alone, however their key or id is written, or NULL.

    Texts that are keys are seen to where the customers are known (`consents.meant`).
    """
    if (of := identity.kind_of(names)) is not None:
        return (
            "(SELECT CASE WHEN count(DISTINCT maybe.id) = 1 THEN min(maybe.id) END"
            f" FROM {identity_map.POSSIBLE} maybe WHERE maybe.kind IN ({sql.text(of)}, '')"
            f" AND maybe.said = {identity_map.loose(identity.WRITTEN)})"
        )
    if customer == "BIGINT" and kind == "VARCHAR":
        return spellings.number(sql.name(names.customer))
    return "NULL"


def _leave_out_unmapped(database: Database, names: Outcomes) -> None:
    """A table `unmapped` of events of ids that the map does not have; they are given no more.

    An id that the map gives to two customers stays, to be refused.
    """
    nobodys = "unmapped AND decision_id IS NULL"
    if (kind := identity.kind_of(names)) is not None:
        nobodys += (
            f" AND {identity_map.loose('customer_text')} NOT IN"
            f" (SELECT said FROM {identity_map.POSSIBLE} WHERE kind IN ({sql.text(kind)}, ''))"
        )
    database.rows(
        f"CREATE OR REPLACE TEMP TABLE unmapped AS SELECT customer_text FROM given WHERE {nobodys}"
    )
    database.rows(f"DELETE FROM given WHERE {nobodys}")


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


def _version(names: Outcomes, database: Database) -> tuple[str, str]:
    """SQL of a row's version as a number, and of whether it has one that cannot be read."""
    kind = database.table("outcomes").columns.get(names.version)
    if kind is None:
        return "NULL::DOUBLE", "false"
    moment = "NULL"
    if kind == "VARCHAR" or sql.is_time(kind):
        moment = f"epoch_us({database.read('outcomes', names.version, 'date')})"
    number = "NULL"
    if kind == "VARCHAR" or sql.is_number(kind):
        number = database.read("outcomes", names.version, "number")
    version = f"coalesce({number}::DOUBLE, {moment}::DOUBLE)"
    said = f"coalesce({sql.name(names.version)}::VARCHAR, '') <> ''"
    return version, f"({said} AND ({version} IS NULL OR NOT isfinite({version})))"


def _fault(column: str, value: str, reason: str) -> str:
    return (
        f"{{'column': {column}::VARCHAR, 'value': {value}::VARCHAR, 'reason': {sql.text(reason)}}}"
    )
