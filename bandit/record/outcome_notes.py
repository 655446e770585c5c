"""What deliveries of outcomes hold that counts for nothing, in sentences."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from bandit.config.campaign import Campaign
from bandit.core.folding import fold, folded
from bandit.core.problems import nearest, shown
from bandit.core.wording import counted
from bandit.record import doubtful_refusals, event_kinds
from bandit.sources import identity, sources
from bandit.sources.columns import key_column
from bandit.sources.database import Database


def notes(campaign: Campaign, database: Database) -> tuple[str, ...]:
    """Sentences about what the table ``checked`` holds that counts for nothing."""
    names, table = campaign.outcomes, database.table("outcomes")
    found = [*table.notes, *event_kinds.notes(campaign, database)]
    if names.reward not in table.columns and not campaign.reward.events:
        found.append(
            f"{table.shown}: no column {names.reward!r}, so every outcome is worth 0;"
            f" name yours in [outcomes] reward{nearest(names.reward, table.columns)}"
        )
    count, example = database.rows("SELECT count(*), min(customer_text) FROM unmapped")[0]
    if count:
        found.append(
            f"{table.shown}: {counted(count, 'outcome')} of ids {names.id!r} that the map does not"
            f" have, for example {shown(example)}; not taken in: deliver them again when it has"
            " them"
        )
    if count := doubtful_refusals.count(database):
        found.append(
            f"{table.shown}: {counted(count, 'refusal is', 'refusals are')} of rows that were"
            " refused, or of ids that may be several customers'; each counts for whomever it can"
            " mean, and for nothing else"
        )
    refusals = {fold(event): event for event in campaign.pressure.refusal_events}
    if names.event not in table.columns:
        if campaign.pressure.refusal_days is not None:
            found.append(
                f"{table.shown}: no column {names.event!r}, so no outcome is a refusal;"
                f" name yours in [outcomes] event{nearest(names.event, table.columns)}"
            )
        return tuple(found)
    kinds = database.rows(
        f"SELECT {folded('event')} AS kind, min(event), count(*) FROM checked WHERE fault IS NULL"
        " GROUP BY kind ORDER BY kind LIMIT 1000"
    )
    for kind, example, count in kinds:
        close = difflib.get_close_matches(str(kind), list(refusals), n=1, cutoff=0.7)
        if close and kind not in refusals:
            found.append(
                f"{table.shown}: {counted(count, 'event')} {shown(example)} counted as no refusal;"
                f" if that means {refusals[close[0]]!r}, add it to pressure.refusal_events"
            )
    return tuple(found)


def strangers(database: Database, campaign: Campaign, known: Sequence[Path]) -> tuple[str, ...]:
    """A sentence if outcomes are of customers whom neither the source nor the record knows."""
    key = key_column(database, campaign)
    people = f"SELECT {key} AS id FROM {database.table('customers').view} WHERE {key} IS NOT NULL"
    database.rows(
        "CREATE OR REPLACE TEMP TABLE strangers AS SELECT customer_id FROM checked"
        " WHERE fault IS NULL AND decision_id IS NULL AND customer_id NOT IN"
        f" ({identity.with_keys(database, people)})"
    )
    if known and database.rows("SELECT count(*) FROM strangers")[0][0]:
        served = f"SELECT customer_id FROM {sources.parquet(known)}"
        database.rows(f"DELETE FROM strangers WHERE customer_id IN ({served})")
    count, example = database.rows("SELECT count(*), min(customer_id::VARCHAR) FROM strangers")[0]
    if not count:
        return ()
    return (
        f"{database.table('outcomes').shown}: {counted(count, 'outcome is', 'outcomes are')} of"
        f" people whom neither the customers nor a wave knows, for example {shown(example)};"
        " counted for nothing, a refusal for whoever is written alike",
    )
