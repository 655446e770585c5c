"""Where in large Parquet files of events a customer's rows lie: kept beside the record, for a look.

A file in no order has a customer's rows in any of its row groups, and the bounds that Parquet keeps
exclude none. Of each row group a Bloom filter says whose rows it cannot have; the few whose rows
lie nearly everywhere have a copy of them. A wave that reads all events makes the index; who looks a
person up reads by it what they would have read without it, and everything where any file is not
what it was. Nothing hangs on it: it can be deleted. See docs/adr/0215.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bandit.core import files, sql
from bandit.core.types import Array, UInt64
from bandit.core.version import VERSION
from bandit.sources.connection import Database, failed

FOLDER = "lookup"
ABOUT, BITS, COPIES = "index.json", "groups.bits", "copies.parquet"
LEAST_ROWS = 5_000_000
"""Fewer are scanned sooner than an index of them is opened."""
BITS_A_ROW, PLACES = 12, 3
"""Of a filter: (1 − e^(−3/12))³, one row group in a hundred, is read in vain."""
EVERYWHERE = 8
"""A customer in more than one of so many row groups has a copy."""
MOST_COPIED = 0.05
"""Of all rows; those of the customers with the most come first."""
ONE = "bandit_one"
"""DuckDB's variable with the key of the only customer whose events are wanted."""
HASH = "_bandit_hash"
_OURS = re.compile(rf"[0-9a-f]{{16}}|\.[0-9a-f]{{16}}{re.escape(files.PARTIAL)}")
_BATCH, _A_GROUP = 122_880, 16_384
_SETTLED_NS = 50_000_000
"""A file that was written a moment ago may be written again in the same tick of its clock."""
_KEYS = {"BIGINT": "BIGINT", "INTEGER": "BIGINT", "SMALLINT": "BIGINT", "VARCHAR": "VARCHAR"}
_KINDS = frozenset({
    "BIGINT", "INTEGER", "SMALLINT", "TINYINT", "DOUBLE", "FLOAT", "BOOLEAN", "VARCHAR", "DATE",
    "TIMESTAMP", "TIMESTAMP WITH TIME ZONE",
})  # fmt: skip
"""Types that Arrow and DuckDB read alike."""


class Asked(NamedTuple):
    """A source whose ``files`` may be indexed by their ``column`` of keys, of type ``key``."""

    role: str
    files: tuple[Path, ...]
    column: str
    key: str

    def folder(self, campaign: Path) -> Path:
        """The index's; the source's name is no part of a path."""
        return campaign / FOLDER / hashlib.sha256(self.role.encode()).hexdigest()[:16]


def asked(database: Database, role: str, column: str, key: str) -> Asked | None:
    """The source as it may be indexed; None where keys or columns are read in ways of their own."""
    found, table = database.plain.get(role), database.table(role)
    if found is None or database.known is not None or column not in table.columns:
        return None
    kinds = database.describe(f"SELECT * FROM {raw(role)}")
    alike = _KINDS.issuperset(kinds.values()) and _KEYS.get(kinds[column]) == key
    if not alike or not all(_is_plain(file, list(kinds)) for file in found):
        return None
    return Asked(role, found, column, key)


def _is_plain(file: Path, names: Sequence[str]) -> bool:
    """Whether Arrow reads the file, as rows of these columns and as DuckDB does.

    Of an old kind of time, INT96, Arrow makes nanoseconds, in which 9999-12-31 is a day of 1816.
    """
    try:
        columns = pq.read_metadata(file).schema
    except (OSError, pa.ArrowException):
        return False
    kinds = [columns.column(i).physical_type for i in range(len(columns))]
    return columns.names == list(names) and "INT96" not in kinds


def raw(role: str) -> str:
    """The view of a source's rows as they lie there."""
    return f"bandit_{role.replace('.', '_')}_raw"


def build(database: Database, campaign: Path, source: Asked) -> bool:
    """Make the index unless it is there; whether it is there now.

    None is kept of few rows, or of files that change meanwhile; nor is that of files that are gone.
    """
    began, folder, about = time.time_ns(), source.folder(campaign), _about(source)
    if _kept(folder, about) is not None:
        return True
    files.remove(folder)
    rows = [n for file in about["files"] for n in file["rows"]]
    size = BITS_A_ROW * max(rows, default=0)
    if sum(rows) < LEAST_ROWS or size * len(rows) // 8 > database.memory_mb * 1_000_000 // 2:
        return False
    if any(file["changed"] > began - _SETTLED_NS for file in about["files"]):
        return False
    with files.aside(folder) as partial:
        copied = _filters(database, source, about, size, partial / BITS)
        starts = _copy(database, source, copied, partial / COPIES)
        kept = {**about, "size": size, "copied": copied.tolist(), "starts": starts}
        (partial / ABOUT).write_text(json.dumps(kept), encoding="utf-8")
        if _about(source) != about:
            return False
        files.put_in_place((partial, folder))
    return True


def narrow(database: Database, campaign: Path, source: Asked) -> None:
    """Let the source's view be the rows of the customer in variable `ONE`, if an index tells."""
    try:
        found = _rows_of(database, campaign, source)
    except (OSError, ValueError, LookupError, pa.ArrowException):
        return  # what is wrong with the file, or changes in it, is told where all of it is read
    if found is None:
        return
    view = raw(source.role)
    database.rows(f"CREATE TABLE {view}_found AS SELECT * FROM {view} LIMIT 0")
    try:
        database.connection.from_arrow(found).insert_into(f"{view}_found")
    except duckdb.Error as e:
        raise failed(e) from None
    database.rows(f"CREATE OR REPLACE VIEW {view} AS SELECT * FROM {view}_found")


def _rows_of(database: Database, campaign: Path, source: Asked) -> pa.Table | None:
    """None where all rows are to be asked whose they are."""
    about, folder = _about(source), source.folder(campaign)
    kept = _kept(folder, about)
    one = f"getvariable({sql.text(ONE)})"
    value, found = database.rows(f"SELECT {one}, hash({one})")[0]
    if kept is None or value is None:
        return None
    if (np.array(kept["copied"], np.uint64) == np.uint64(found)).any():
        rows = _copies(folder, kept["starts"], found)
    else:
        places = _places(np.array([found], np.uint64), kept["size"])[:, 0]
        rows = _of_groups(source, about, _groups_with(folder, about, places), value)
    same = all(_stamp(Path(file["path"])).items() <= file.items() for file in about["files"])
    return rows if same else None


def keep_only(campaign: Path, wanted: Iterable[Asked] = ()) -> None:
    """Remove all other indexes, half-made ones too: copies are rows of people.

    A file of the user's that lies among them stays.
    """
    folder, kept = campaign / FOLDER, {source.folder(campaign) for source in wanted}
    files.hold_no_link(folder)
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if _OURS.fullmatch(path.name) and path not in kept:
            files.remove(path)
    if not any(folder.iterdir()):
        folder.rmdir()


def _about(source: Asked) -> dict[str, Any]:
    """What the files are: whoever writes them changes one of these, or the digest of the footer."""
    return {
        "column": source.column, "key": source.key,
        "by": [VERSION, duckdb.__version__, pa.__version__],
        "files": [_file(path) for path in source.files],
    }  # fmt: skip


def _file(path: Path) -> dict[str, Any]:
    stamp, about = _stamp(path), pq.read_metadata(path)
    return stamp | {"rows": [about.row_group(g).num_rows for g in range(about.num_row_groups)]}


def _stamp(path: Path) -> dict[str, Any]:
    with path.open("rb") as stream:
        found = os.fstat(stream.fileno())
        stream.seek(-8, os.SEEK_END)
        length = int.from_bytes(stream.read(4), "little")
        stream.seek(-8 - length, os.SEEK_END)
        footer = hashlib.sha256(stream.read(length)).hexdigest()
    return {
        "path": str(path), "size": found.st_size, "written": found.st_mtime_ns,
        "changed": found.st_ctime_ns, "place": [found.st_dev, found.st_ino], "footer": footer,
    }  # fmt: skip


def _kept(folder: Path, about: Mapping[str, Any]) -> dict[str, Any] | None:
    """The index's head where it is whole, and of these files as they are."""
    files.hold_no_link(folder.parent, folder)
    try:
        kept: dict[str, Any] = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        whole = (folder / BITS).stat().st_size == kept["size"] * _width(about)
        np.array(kept["copied"] + kept["starts"], np.uint64)
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return None
    same = all(kept.get(name) == said for name, said in about.items())
    return kept if whole and same else None


def _width(about: Mapping[str, Any]) -> int:
    """Bytes of a row of the filters, a bit a row group."""
    return -(-sum(len(file["rows"]) for file in about["files"]) // 8)


def _places(hashed: UInt64, size: int) -> Array:
    """Where a hash sets its bits, int64[PLACES, n] below ``size``."""
    low, high = hashed & np.uint64(0xFFFFFFFF), hashed >> np.uint64(32)
    third = ((hashed ^ (hashed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)) >> np.uint64(32)
    return np.stack(
        [(part * np.uint64(size)) >> np.uint64(32) for part in (low, high, third)]
    ).astype(np.int64)


def _filters(
    database: Database, source: Asked, about: Mapping[str, Any], size: int, path: Path
) -> UInt64:
    """Write the filters uint8[size, groups / 8] of all row groups; hashes of who has copies.

    Who has rows in many groups is guessed from every eighth: a copy is whole, whoever has one.
    """
    bits = np.zeros((size, _width(about)), np.uint8)
    sampled: list[UInt64] = []
    first = 0
    key = database.key(source.role, source.column, source.key)
    for file in about["files"]:
        ends = np.cumsum(file["rows"])
        one = f"read_parquet({sql.text(file['path'])}, file_row_number = true)"
        query = f"SELECT hash({key}) AS h, file_row_number AS n FROM {one} WHERE {key} IS NOT NULL"
        for batch in database.stream(query, rows=_BATCH):
            hashed, number = (batch.column(c).to_numpy(zero_copy_only=False) for c in ("h", "n"))
            groups = np.searchsorted(ends, number, side="right")
            for group in np.unique(groups).tolist():
                mine = hashed[groups == group]
                byte, bit = divmod(first + group, 8)
                bits[_places(mine, size).ravel(), byte] |= np.uint8(1 << bit)
                if bit == 0:
                    sampled.append(mine)
        first += len(ends)
    bits.tofile(path)
    return _widespread(sampled, first, sum(sum(file["rows"]) for file in about["files"]))


def _widespread(sampled: Sequence[UInt64], groups: int, rows: int) -> UInt64:
    """Whose rows seem to lie in more than one of `EVERYWHERE` groups, the most rows first."""
    hashed, count = np.unique(
        np.concatenate([np.zeros(0, np.uint64), *sampled]), return_counts=True
    )
    many = np.flatnonzero(count * 8 * EVERYWHERE > max(groups, 8 * EVERYWHERE))
    order = many[np.argsort(-count[many], kind="stable")]
    return hashed[order[np.cumsum(count[order]) * 8 <= MOST_COPIED * rows]]


def _copy(database: Database, source: Asked, copied: UInt64, path: Path) -> list[int]:
    """Write all rows of the customers of these hashes in the order of the hash.

    The first hash of each row group of the file.
    """
    view = raw(source.role)
    hashed = f"hash({database.key(source.role, source.column, source.key)})"
    listed = pa.table({"h": pa.array(copied, pa.uint64())})
    database.connection.from_arrow(listed).create("bandit_widespread")
    query = (
        f"SELECT *, {hashed} AS {HASH} FROM {view}"
        f" WHERE {hashed} IN (SELECT h FROM bandit_widespread) ORDER BY {HASH}"
    )
    starts = []
    writer = None
    try:
        for batch in database.stream(query, rows=_A_GROUP):
            writer = writer or pq.ParquetWriter(path, batch.schema, compression="ZSTD")
            writer.write_table(pa.Table.from_batches([batch]), row_group_size=_A_GROUP)
            starts.append(batch.column(HASH)[0].as_py())
    finally:
        if writer is not None:
            writer.close()
        database.rows("DROP TABLE bandit_widespread")
    return starts


def _copies(folder: Path, starts: Sequence[int], hashed: int) -> pa.Table:
    """The rows of a hash out of the copies; another customer of the same hash is among them."""
    first = np.array(starts, np.uint64)
    low = max(int(np.searchsorted(first, np.uint64(hashed), side="left")) - 1, 0)
    high = int(np.searchsorted(first, np.uint64(hashed), side="right"))
    file = pq.ParquetFile(folder / COPIES)
    return file.read_row_groups(list(range(low, high))).drop_columns([HASH])


def _groups_with(folder: Path, about: Mapping[str, Any], places: Array) -> Array:
    """The row groups that may have a customer's rows, by their number among all files'."""
    width = _width(about)
    found = np.full(width, 255, np.uint8)
    with (folder / BITS).open("rb") as stream:
        for place in places.tolist():
            stream.seek(place * width)
            found &= np.frombuffer(stream.read(width), np.uint8)
    return np.flatnonzero(np.unpackbits(found, bitorder="little"))


def _of_groups(
    source: Asked, about: Mapping[str, Any], groups: Array, value: int | str
) -> pa.Table:
    """The rows of a customer out of those row groups, in their order."""
    sizes = [len(file["rows"]) for file in about["files"]]
    ends = np.cumsum(sizes)
    number = np.searchsorted(ends, groups, side="right")
    asked = [(int(f), int(g - ends[f] + sizes[f])) for f, g in zip(number, groups, strict=True)]

    known = {f: pq.read_metadata(source.files[f]) for f in dict.fromkeys(f for f, _ in asked)}

    def read(part: Sequence[tuple[int, int]]) -> list[pa.Table]:
        opened = {
            f: _opened(source.files[f], known[f], [g for of, g in asked if of == f], source.column)
            for f in dict.fromkeys(f for f, _ in part)
        }
        return [_of_group(opened[f], g, source.column, value) for f, g in part]

    threads = max(1, min(os.cpu_count() or 1, len(asked)))
    step = -(-len(asked) // threads) or 1
    parts = [asked[i : i + step] for i in range(0, len(asked), step)]
    with ThreadPoolExecutor(threads) as pool:
        found = [table for tables in pool.map(read, parts) for table in tables]
    none = pq.read_schema(source.files[0]).empty_table()
    return pa.concat_tables([none, *(table.cast(none.schema) for table in found)])


def _opened(
    path: Path, about: pq.FileMetaData, groups: Sequence[int], column: str
) -> pq.ParquetFile:
    """A file whose words come as places in the dictionaries that it has of them in ``groups``.

    To write out the words of 122,880 rows takes as long as all other columns; few are wanted.
    """
    chunks = [about.row_group(g) for g in groups]
    words = [
        chunks[0].column(i).path_in_schema
        for i in range(about.num_columns)
        if all(_is_listed(chunk.column(i)) for chunk in chunks)
    ]
    return pq.ParquetFile(
        path, metadata=about, read_dictionary=[name for name in words if name != column]
    )


def _is_listed(column: pq.ColumnChunkMetaData) -> bool:
    """Whether a column of words is written as places in a dictionary, and nothing else."""
    return column.physical_type == "BYTE_ARRAY" and "PLAIN" not in column.encodings


def _of_group(file: pq.ParquetFile, group: int, column: str, value: int | str) -> pa.Table:
    keys = file.read_row_group(group, columns=[column], use_threads=False).column(0)
    mine = pc.indices_nonzero(pc.equal(keys, value).combine_chunks())
    if not len(mine):
        return file.schema_arrow.empty_table()
    names = file.schema_arrow.names
    others = [name for name in names if name != column]
    rest = file.read_row_group(group, columns=others, use_threads=False)
    found = {column: keys.take(mine)} | {name: rest.column(name).take(mine) for name in others}
    return pa.table([found[name] for name in names], names=names)
