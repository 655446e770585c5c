"""One list a channel, with consent read again: who opted out meanwhile is on none.

Decisions lie in the order of the customers' key, and consents are sorted by it in DuckDB, which
spills: so the two are merged batch by batch, and memory does not grow with the wave.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from bandit.config.campaign import Campaign
from bandit.config.offered import Channel
from bandit.core import files
from bandit.core.types import Array, Bool
from bandit.record import manifest
from bandit.record.waves import ROWS_PER_GROUP, Wave
from bandit.sources import consents
from bandit.sources.database import Database

EXPORTS = "exports"
TESTS = "tests"
TEST_COLUMNS = ("test", "arm", "customer_id", "offer", "priority", "decision_id")
"""Lists for insiders, by experiment: no part of the record; `forget` lets all of them go."""
WITHHELD = "withheld.parquet"
_COLUMNS = ("customer_id", "offer", "slot", "expected_value", "decision_id", "channel", "action")

# A spreadsheet runs a cell that begins so as a formula (OWASP, CSV injection): the signs, their
# full-width forms, and what some programs skip or cut a cell at before they look.
_HEAD = 1000
"""Bytes of a first line that are looked at."""
_FORMULA = r"^([\t\r\n\x00]|[\s\p{Z}]*[=+\-@\x{ff1d}\x{ff0b}\x{ff0d}\x{ff20}])"


_HARMLESS = np.isin(np.arange(256), [*b"_0123456789", *range(65, 91), *range(97, 123)])
"""First bytes of texts that are surely no formula: most are names and numbers."""

Fetched = Callable[[Iterator[pa.RecordBatch]], Generator[pa.RecordBatch]]
"""Hands batches on, as they are asked for or before; none is fetched any more once it is closed."""
Kept = Callable[[Callable[..., None]], AbstractContextManager[Callable[..., None]]]
"""Gives what does some work, when it is called or after, and all of it until the context closes."""


def remove_test(folder: Path) -> None:
    """Remove the lists of a test, and their folder unless files of the user's are in it."""
    files.hold_no_link(folder.parent, folder)
    if not folder.is_dir():
        return
    for path in folder.glob("*.csv"):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                first = file.readline(_HEAD).decode("utf-8", "replace")
            if first.replace('"', "").strip() == ",".join(TEST_COLUMNS):
                path.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()


def remove_tests(campaign: Path) -> None:
    """Remove the lists of all tests; a file of the user's that lies among them stays."""
    folder = campaign / TESTS
    files.hold_no_link(folder)
    if not folder.is_dir():
        return
    files.sweep(folder)
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            remove_test(path)
    if not any(folder.iterdir()):
        folder.rmdir()


def _asked(batches: Iterator[pa.RecordBatch]) -> Generator[pa.RecordBatch]:
    """As they are asked for."""
    yield from batches


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
    fetched: Fetched = _asked,
    kept: Kept = nullcontext,
) -> Lists:
    """Write every channel's list to `folder`, in the campaign's format.

    ``database`` must be opened afresh, so that it sees the consents of this moment; ``channels``
    are those that the wave was decided with; ``withheld``: what was withheld before stays so.
    Decisions and consents come by way of ``fetched``, rows go to the lists by way of ``kept``. Each
    contact is on a list or withheld, or nothing is written (RuntimeError).
    """
    before = pa.array([], pa.string())
    if withheld is not None:
        before = pq.read_table(withheld)["decision_id"].combine_chunks()
    schema = _schema(decisions[0])
    lists = [_List(folder, c.name, campaign.exports.format, schema) for c in channels]
    contacts = 0
    gone = _Withheld(folder)

    def listed(batch: pa.RecordBatch, may: Bool, position: Array) -> None:
        gone.write(batch["decision_id"].filter(pa.array(~may)))
        rows = _listed(batch, schema)
        for number, one in enumerate(lists):
            one.write(rows.filter(pa.array(may & (position == number))))

    asked = _Agreed(campaign, database, decisions, channels, fetched)
    with closing(asked) as agreed, kept(listed) as keep:
        for batch in fetched(_contacts(decisions)):
            channel = pc.index_in(batch["channel"].cast(pa.string()), pa.array(agreed.names))
            position = channel.fill_null(-1).to_numpy()
            may = agreed.holds(batch["customer_id"], position)
            if len(before):
                may &= ~pc.is_in(batch["decision_id"], before).to_numpy(zero_copy_only=False)
            keep(batch, may, position)
            contacts += batch.num_rows
    for one in lists:
        one.close()
    gone.close()
    _hold_complete(contacts, [*(one.rows for one in lists), gone.rows])
    return Lists({c.name: one.rows for c, one in zip(channels, lists, strict=True)}, gone.rows)


def write_none(folder: Path, decisions: Sequence[Path]) -> int:
    """Withhold every contact: no list, and `WITHHELD` names them all; how many."""
    gone = _Withheld(folder)
    for batch in _contacts(decisions):
        gone.write(batch["decision_id"])
    gone.close()
    return gone.rows


def write_withheld(folder: Path, decisions: Sequence[str]) -> int:
    """Say which contacts were never made; how many."""
    gone = _Withheld(folder)
    gone.write(pa.array(decisions, pa.string()))
    gone.close()
    return gone.rows


def withheld_files(campaign_folder: Path, wave: Wave) -> list[Path]:
    """Of the wave, and of its lists: after a crash these were written later and withhold more."""
    found = manifest.verified(wave.folder, wave.content, WITHHELD)
    lists = campaign_folder / EXPORTS / wave.name
    if (lists / manifest.NAME).is_file():
        found += manifest.verified(lists, manifest.read(lists), WITHHELD)
    return found


def _hold_complete(contacts: int, written: Sequence[int]) -> None:
    if sum(written) != contacts:
        raise RuntimeError(
            f"{contacts:,} contacts were decided, and {sum(written):,} are listed or withheld"
        )


def _contacts(decisions: Sequence[Path]) -> Iterator[pa.RecordBatch]:
    """The decisions that are a contact or a rank of an inbound list, in their order."""
    for path in decisions:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(ROWS_PER_GROUP, columns=list(_COLUMNS)):
                yield batch.filter(pc.greater(batch["action"], 0))


def _schema(decisions: Path) -> pa.Schema:
    known = pq.read_schema(decisions)
    return pa.schema([
        pa.field("customer_id", known.field("customer_id").type),
        pa.field("offer", pa.string()),
        pa.field("priority", known.field("slot").type),
        pa.field("expected_value", known.field("expected_value").type),
        pa.field("decision_id", pa.string()),
    ])  # fmt: skip


def _listed(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The columns of a list, whose order tells the channel which slot counts first."""
    chosen = [batch[name].cast(kind) for name, kind in zip(_COLUMNS, schema.types, strict=False)]
    return pa.record_batch(chosen, schema=schema)


class _Agreed:
    """Who agrees to which channel, read along with the decisions; any refusal outweighs a grant."""

    def __init__(
        self,
        campaign: Campaign,
        database: Database,
        decisions: Sequence[Path],
        channels: Sequence[Channel],
        fetched: Fetched,
    ) -> None:
        self.names = [c.name for c in channels]
        self._free = np.array([not c.consent for c in channels] + [False])
        self._words = -(-len(channels) // consents.WORD)
        key = pq.read_schema(decisions[0]).field("customer_id").type
        query = self._query(database, campaign, "BIGINT" if pa.types.is_integer(key) else "VARCHAR")
        self._batches = fetched(database.stream(query, rows=ROWS_PER_GROUP))
        self._rest = next(self._batches, None)

    def close(self) -> None:
        """Read no more of them."""
        self._batches.close()

    def _query(self, database: Database, campaign: Campaign, key: str) -> str:
        """Per customer one bit a channel, in the order of the key."""
        return f"FROM ({consents.bits(database, campaign, key, self.names)}) ORDER BY id"

    def holds(self, ids: pa.Array, position: Array) -> Bool:
        """Whether each of ``ids``, in order, may be contacted on the channel at ``position``."""
        free: Bool = self._free[position]
        if len(ids) == 0:
            return free
        found = self._of(ids)
        where = pc.index_in(ids, found["id"].combine_chunks())

        def bit(name: str) -> Bool:
            words = np.stack([
                found[f"{name}{w}"].take(where).fill_null(0).to_numpy() for w in range(self._words)
            ])  # fmt: skip
            mine = words[np.maximum(position, 0) // consents.WORD, np.arange(len(position))]
            agreed: Bool = (mine >> (position % consents.WORD)) & 1 == 1
            return agreed

        return (free | ((position >= 0) & bit("granted"))) & ~bit("refused")

    def _of(self, ids: pa.Array) -> pa.Table:
        """The consents of ``ids``; those of later customers wait, the last one's too."""
        found, ends = [], pc.min_max(ids)
        while self._rest is not None:
            known = self._rest["id"]
            first, last = (_count(pc.less(known, ends[end])) for end in ("min", "max"))
            found.append(self._rest.slice(first, _count(pc.less_equal(known, ends["max"])) - first))
            later = self._rest.slice(last)
            if later.num_rows:
                self._rest = later
                break
            self._rest = next(self._batches, None)
        if not found:
            words = range(self._words)
            names = ["id", *(f"{n}{w}" for n in ("granted", "refused") for w in words)]
            kinds = [ids.type, *[pa.int64()] * 2 * self._words]
            return pa.schema(list(zip(names, kinds, strict=True))).empty_table()
        return pa.Table.from_batches(found)


def _count(true: pa.Array) -> int:
    return int(true.true_count)


class _Withheld:
    """The contacts that are on no list, by id."""

    def __init__(self, folder: Path) -> None:
        self.rows = 0
        self._schema = pa.schema([pa.field("decision_id", pa.string())])
        self._writer = pq.ParquetWriter(folder / WITHHELD, self._schema)

    def write(self, ids: pa.Array) -> None:
        self.rows += len(ids)
        if len(ids):
            self._writer.write_batch(pa.record_batch([ids], schema=self._schema))

    def close(self) -> None:
        self._writer.close()


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
            self._writer.write_batch(inert(batch) if self._csv else batch)

    def close(self) -> None:
        self._writer.close()


def inert(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Texts that a spreadsheet would run get an apostrophe in front."""
    columns = [
        pc.replace_substring_regex(column, _FORMULA, "'\\0") if _may_run(column) else column
        for column in batch.columns
    ]
    return pa.record_batch(columns, schema=batch.schema)


def _may_run(column: pa.Array) -> bool:
    """Whether it holds texts that do not all begin with a letter or a digit."""
    if not pa.types.is_string(column.type):
        return False
    _, offsets, content = column.buffers()
    if content is None:
        return False
    begins = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1]
    begins = begins[:-1][begins[1:] > begins[:-1]]
    return not _HARMLESS[np.frombuffer(content, np.uint8)[begins]].all()
