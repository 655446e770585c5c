"""One list a channel, with consent read again: who opted out meanwhile is on none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from bandit.campaign import Campaign, Channel
from bandit.store import sources, sql
from bandit.store.batches import cut
from bandit.store.columns import as_key, key_type
from bandit.store.database import Database
from bandit.store.wave_query import consent_value

EXPORTS = "exports"
WITHHELD = "withheld.parquet"
_BATCH = 65_536
# A spreadsheet runs a cell that begins so as a formula (OWASP, CSV injection): the signs, their
# full-width forms, and what some programs skip or cut a cell at before they look.
_FORMULA = r"^([\t\r\n\x00]|[\s\p{Z}]*[=+\-@\x{ff1d}\x{ff0b}\x{ff0d}\x{ff20}])"


class Lists(NamedTuple):
    """Rows written a channel, and how many contacts were withheld for an opt-out."""

    rows: dict[str, int]
    withheld: int


def write(
    folder: Path,
    campaign: Campaign,
    database: Database,
    decisions: Sequence[Path],
    channels: Sequence[Channel],
    *,
    withheld: Path | None = None,
) -> Lists:
    """Write every channel's list to `folder`, in the campaign's format.

    ``database`` must be opened afresh, so that it sees the consents of this moment, with the files
    of ``decisions`` readable, and ``withheld``: what was withheld before stays so.
    """
    connection = database.connection
    before = "SELECT NULL::VARCHAR LIMIT 0" if withheld is None else _ids_of(withheld)
    connection.execute(
        "CREATE OR REPLACE TEMP VIEW taken AS SELECT * EXCLUDE (features, eligible) FROM "
        f"{sources.parquet(decisions)} WHERE action > 0"
    )
    _agreed(campaign, database)
    rows = {}
    for channel in channels:
        query = (
            "SELECT customer_id, offer::VARCHAR AS offer, slot AS priority, expected_value,"
            " decision_id FROM taken WHERE channel = $channel AND (NOT $consent OR customer_id IN"
            " (SELECT customer_id FROM agreed WHERE channel = $channel))"
            f" AND decision_id NOT IN ({before})"
            " ORDER BY customer_id, slot"
        )
        relation = connection.sql(
            query, params={"channel": channel.name, "consent": channel.consent}
        )
        reader = relation.to_arrow_reader(_BATCH)
        path = folder / f"{channel.name}.{campaign.exports.format}"
        rows[channel.name] = _write_list(path, reader)
    refused = connection.sql(
        "SELECT decision_id FROM taken t WHERE (list_contains($channels, channel) AND NOT EXISTS"
        " (SELECT 1 FROM agreed a WHERE a.customer_id = t.customer_id AND a.channel = t.channel))"
        f" OR decision_id IN ({before}) ORDER BY customer_id, slot, decision_id",
        params={"channels": [c.name for c in channels if c.consent]},
    ).to_arrow_table()
    pq.write_table(refused, folder / WITHHELD)
    return Lists(rows, refused.num_rows)


def _ids_of(withheld: Path) -> str:
    return f"SELECT decision_id FROM {sources.parquet([withheld])}"


def _agreed(campaign: Campaign, database: Database) -> None:
    """Customers and the channels that they agree to; any refusal outweighs a grant."""
    given = campaign.consents
    key = key_type(database, campaign)
    if given is None:
        query = f"SELECT NULL::{key} AS customer_id, NULL::VARCHAR AS channel LIMIT 0"
    else:
        customer = as_key(
            sql.name(given.customer), database.column("consents", given.customer), key
        )
        query = (
            f"SELECT {customer} AS customer_id, {sql.name(given.channel)}::VARCHAR AS channel"
            f" FROM {database.table('consents').view} GROUP BY ALL"
            f" HAVING bool_and(coalesce({consent_value(database, campaign)}, false))"
        )
    database.connection.execute(f"CREATE OR REPLACE TEMP VIEW agreed AS {query}")


def _write_list(path: Path, reader: pa.RecordBatchReader) -> int:
    rows = 0
    writer: pcsv.CSVWriter | pq.ParquetWriter
    if path.suffix == ".csv":
        writer = pcsv.CSVWriter(path, reader.schema)
    else:
        writer = pq.ParquetWriter(path, reader.schema)
    with writer:
        for batch in cut(reader, _BATCH):
            writer.write_batch(_inert(batch) if path.suffix == ".csv" else batch)
            rows += batch.num_rows
    return rows


def _inert(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Texts that a spreadsheet would run get an apostrophe in front."""
    columns = [
        pc.replace_substring_regex(column, _FORMULA, "'\\0")
        if pa.types.is_string(column.type)
        else column
        for column in batch.columns
    ]
    return pa.record_batch(columns, schema=batch.schema)
