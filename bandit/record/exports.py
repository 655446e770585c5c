"""One list a channel, with consent read again: who opted out meanwhile is on none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from bandit.config.campaign import Campaign, Channel
from bandit.core.batches import cut
from bandit.sources import consents, sources
from bandit.sources.columns import key_type
from bandit.sources.database import Database

EXPORTS = "exports"
WITHHELD = "withheld.parquet"
_BATCH = 65_536
_OURS = ("channel", "agreed", "before")
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
    agreed = _agreed(campaign, database, channels)
    _taken(database, agreed, decisions, withheld)
    free = pa.array([c.name for c in channels if not c.consent], pa.string())
    columns = "customer_id, offer::VARCHAR AS offer, slot AS priority, expected_value, decision_id"
    reader = database.connection.sql(
        f"SELECT channel::VARCHAR AS channel, agreed, before, {columns} FROM taken"
        " ORDER BY customer_id, slot, decision_id"
    ).to_arrow_reader(_BATCH)
    schema = pa.schema([field for field in reader.schema if field.name not in _OURS])
    lists = {c.name: _List(folder, c.name, campaign.exports.format, schema) for c in channels}
    gone: list[pa.Array] = []
    for batch in cut(reader, _BATCH):
        may = pc.or_(batch["agreed"], pc.is_in(batch["channel"], free))
        may = pc.and_not(may, batch["before"])
        gone.append(batch["decision_id"].filter(pc.invert(may)))
        for name, one in lists.items():
            chosen = pc.and_(may, pc.equal(batch["channel"], name))
            one.write(batch.drop_columns(list(_OURS)).filter(chosen))
    for one in lists.values():
        one.close()
    refused = pa.table({"decision_id": pa.chunked_array(gone, pa.string())})
    pq.write_table(refused, folder / WITHHELD)
    return Lists({name: one.rows for name, one in lists.items()}, refused.num_rows)


def _taken(
    database: Database, agreed: str, decisions: Sequence[Path], withheld: Path | None
) -> None:
    """A view of the contacts: whether the customer has ``agreed``, and was withheld ``before``."""
    before = "SELECT NULL::VARCHAR LIMIT 0" if withheld is None else _ids_of(withheld)
    database.connection.execute(
        "CREATE OR REPLACE TEMP VIEW taken AS SELECT t.* EXCLUDE (features, eligible),"
        f" agreed.id IS NOT NULL AS agreed, decision_id IN ({before}) AS before"
        f" FROM {sources.parquet(decisions)} t LEFT JOIN ({agreed}) agreed"
        " ON agreed.id = t.customer_id"
        f" AND agreed.channel = {consents.channel_name('t.channel::VARCHAR')} WHERE action > 0"
    )


def _ids_of(withheld: Path) -> str:
    return f"SELECT decision_id FROM {sources.parquet([withheld])}"


def _agreed(campaign: Campaign, database: Database, channels: Sequence[Channel]) -> str:
    """Customers and the channels that they agree to; any refusal outweighs a grant."""
    key = key_type(database, campaign)
    given = consents.rows(database, campaign, key, [c.name for c in channels])
    return f"SELECT id, channel FROM ({given}) GROUP BY ALL HAVING bool_and(granted)"


class _List:
    """One channel's list; a channel that nobody is contacted on gets its header."""

    def __init__(self, folder: Path, channel: str, kind: str, schema: pa.Schema) -> None:
        self.rows = 0
        self._csv = kind == "csv"
        writer = pcsv.CSVWriter if self._csv else pq.ParquetWriter
        self._writer = writer(folder / f"{channel}.{kind}", schema)

    def write(self, batch: pa.RecordBatch) -> None:
        self.rows += batch.num_rows
        if batch.num_rows:
            self._writer.write_batch(_inert(batch) if self._csv else batch)

    def close(self) -> None:
        self._writer.close()


def _inert(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Texts that a spreadsheet would run get an apostrophe in front."""
    columns = [
        pc.replace_substring_regex(column, _FORMULA, "'\\0")
        if pa.types.is_string(column.type)
        else column
        for column in batch.columns
    ]
    return pa.record_batch(columns, schema=batch.schema)
