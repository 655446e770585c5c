"""Variables of very many customers: events written once in parts of them, each summed in order.

What DuckDB keeps of a customer while it aggregates is hundreds of bytes, and a row that finds them
waits for memory at each of thirty aggregates. Rows of a part that stand customer by customer, from
old to new, are added up by NumPy in a third of the time, and gaps lie side by side as they are.
The figures are those of the SQL that `Part.sql` writes: the tests hold both against one another.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bandit.core import sql
from bandit.core.types import Array, Bool, Int64
from bandit.sources.aggregates import DAY_US, MOMENT, Part
from bandit.sources.connection import Database
from bandit.sources.events import Events

ROWS = 1_000_000
"""Of a part, about."""
LARGE = 5_000_000
"""Rows from which on it pays."""
_CROWDED = 4
"""A part of so many times as many rows holds one whom very many events are of, such as a guest at
the till: there is no room for it in memory, and SQL takes it row by row."""
_GROUP = 61_440
"""Rows that a part's file takes at a time."""
_FLAGS = 30
"""Bits of a row that say which windows it is in."""
_BITS = "bits"
_SORTED = frozenset({
    "VARCHAR", "BOOLEAN", "DATE", "DOUBLE",
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER",
})  # fmt: skip
"""Kinds of cells that Arrow has in DuckDB's order."""
_LAST = np.iinfo(np.int64).max


class Gap(NamedTuple):
    """Gaps of the events of a flag; ``table`` of id and days."""

    table: str
    flag: str | None


class Summed(NamedTuple):
    """Of a part of the customers: a column for each aggregate, and for each `Gap` id and days."""

    sums: pa.Table
    gaps: list[pa.Table]


def fits(database: Database, found: Events, parts: Sequence[Part]) -> bool:
    """Whether the rows of ``found`` and what is asked of them can be taken so."""
    kinds = database.describe(found.inner)
    cells = {p.column for p in parts if p.said in {"first", "last", "distinct"}}
    numbers = {p.column for p in parts if p.said not in {"first", "last", "distinct"}}
    return (
        len(found.flags) <= _FLAGS
        and all(kinds[c] in _SORTED for c in cells)
        and all(kinds[c] in {"BIGINT", "DOUBLE"} for c in numbers - {""})
    )


def write(database: Database, found: Events, parts: Sequence[Part], rows: int) -> tuple[str, Path]:
    """COPY of the events into a folder of files for each part of the customers, and the folder."""
    columns = dict.fromkeys(c for p in parts for c in (p.column, *p.known) if c)
    columns |= {"id": None, MOMENT: None}
    bits = [f"CAST({f} AS INTEGER) * {1 << place}" for place, f in enumerate(found.flags.values())]
    chosen = [*columns, f"CAST({' + '.join(bits) or '0'} AS INTEGER) AS {_BITS}"]
    # Not the hash that an aggregation itself goes by.
    chosen.append(f"hash(id, 1) % {max(1, -(-rows // ROWS))} AS part")
    folder = database.aside()
    copied = (
        f"COPY (SELECT {', '.join(chosen)} FROM ({found.inner})) TO {sql.text(str(folder))}"
        f" (FORMAT parquet, COMPRESSION uncompressed, PARTITION_BY (part), ROW_GROUP_SIZE {_GROUP})"
    )
    return copied, folder


def again(path: Path, flags: Sequence[str]) -> str:
    """SELECT of the rows of a part, with their flags."""
    bits = [f"({_BITS} & {1 << place}) <> 0 AS {flag}" for place, flag in enumerate(flags)]
    return (
        f"SELECT {', '.join(['*', *bits])} FROM read_parquet({sql.text(str(path / '*.parquet'))})"
    )


def summed(
    folder: Path, flags: Sequence[str], parts: Mapping[Part, str], gaps: Sequence[Gap], threads: int
) -> Iterator[Summed | Path]:
    """What comes of each part, and its files are gone; or its path, for SQL to aggregate.

    That is where sums have no room in 64 bits, or its rows none in memory. Parts come in the order
    of their numbers.
    """
    bits = {flag: np.int32(1 << place) for place, flag in enumerate(flags)}
    made = folder.iterdir() if folder.is_dir() else ()
    paths = sorted(made, key=lambda path: int(path.name.partition("=")[2]))
    with ThreadPoolExecutor(threads) as pool:
        waiting = []
        for path in paths:
            waiting.append(pool.submit(partial(_summed, path, bits, parts, gaps)))
            if len(waiting) > threads:
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()


def _summed(
    path: Path, bits: Mapping[str, np.int32], parts: Mapping[Part, str], gaps: Sequence[Gap]
) -> Summed | Path:
    files = [pq.ParquetFile(file) for file in sorted(path.iterdir())]
    if sum(file.metadata.num_rows for file in files) > _CROWDED * ROWS:
        return path
    tables = [file.read(use_threads=False) for file in files]
    events = _Rows(pa.concat_tables(tables).combine_chunks(), bits)
    del tables
    if not all(events.has_room(p.column) for p in parts if p.said == "sum"):
        return path
    columns: dict[str, Any] = {"id": events.ids}
    columns |= {name: events.aggregate(part) for part, name in parts.items()}
    made = Summed(pa.table(columns), [events.gaps(gap.flag) for gap in gaps])
    shutil.rmtree(path)
    return made


class _Rows:
    """The events of some customers, theirs together and from old to new."""

    def __init__(self, rows: pa.Table, bits: Mapping[str, np.int32]) -> None:
        keys = rows["id"].combine_chunks().dictionary_encode()
        keys = keys if isinstance(keys, pa.DictionaryArray) else keys.combine_chunks()
        self.ids = keys.dictionary
        self._rows, self._bits = rows, bits
        code = keys.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        moment = rows[MOMENT].to_numpy()
        self._order = _order(code, moment, len(self.ids))
        self._sizes = np.bincount(code, minlength=len(self.ids))
        self._starts = np.cumsum(self._sizes) - self._sizes
        self._moment: Int64 = moment[self._order]
        # Room for what is made of every row: a page that was just given back comes dear.
        self._whole = np.empty(len(moment), np.int64)
        self._real = np.empty(len(moment), np.float64)
        self._short = np.empty(len(moment), np.int32)
        self._masks: dict[tuple[str | None, tuple[str, ...]], Bool | None] = {}
        self._counts: dict[tuple[str | None, tuple[str, ...]], Int64] = {}
        self._columns: dict[str, tuple[Array, Bool | None]] = {}
        self._ranked: dict[str, tuple[Int64, pa.Array]] = {}

    def has_room(self, column: str) -> bool:
        """Whether no customer's sum of a column can leave 64 bits."""
        values = self._column(column)[0]
        largest = max(abs(int(values.max(initial=0))), abs(int(values.min(initial=0))))
        return largest * int(self._sizes.max(initial=0)) < _LAST

    def aggregate(self, part: Part) -> pa.Array:
        """A value for each customer."""
        known = (*part.known, *((part.column,) if part.column else ()))
        mask, counts = self._mask(part.flag, known), self._count(part.flag, known)
        if part.said == "count":
            return pa.array(counts)
        if part.said == "distinct":
            return pa.array(self._distinct(part.column, mask))
        none = counts == 0
        if part.said in {"first", "last"}:
            return self._at_end(part, mask, none)
        values = self._column(part.column)[0]
        if part.said == "sum":
            added = values if mask is None else np.multiply(values, mask, out=self._whole)
            found = np.add.reduceat(added, self._starts)
        else:
            found = self._extreme(part.said, values, mask)
        return pa.array(found, mask=none)

    def gaps(self, flag: str | None) -> pa.Table:
        """Id and days, the median of what lies between two moments of a customer, if there are."""
        mask = self._mask(flag, ())
        code = np.repeat(np.arange(len(self.ids)), self._sizes)
        moment = self._moment
        if mask is not None:
            code, moment = code[mask], moment[mask]
        gap = np.diff(moment)
        kept = (code[1:] == code[:-1]) & (gap > 0)
        code, gap = code[1:][kept], gap[kept]
        gap = gap[_order(code, gap, len(self.ids))]
        sizes = np.bincount(code, minlength=len(self.ids))
        some = np.flatnonzero(sizes)
        first = (np.cumsum(sizes) - sizes)[some]
        below = gap[first + (sizes[some] - 1) // 2].astype(np.float64)
        above = gap[first + sizes[some] // 2].astype(np.float64)
        middle = np.where(sizes[some] % 2 == 1, 0.0, 0.5)
        days = (below + (above - below) * middle) / float(DAY_US)
        return pa.table({"id": self.ids.take(pa.array(some)), "days": days})

    def _column(self, name: str) -> tuple[Array, Bool | None]:
        """Numbers in the order of the rows, 0 where there are none, and whether there are."""
        if name == MOMENT:
            return self._moment, None
        if name not in self._columns:
            cells = self._rows[name]
            valid = None
            if cells.null_count:
                valid = pc.is_valid(cells).to_numpy()[self._order]
                if pa.types.is_integer(cells.type) or pa.types.is_floating(cells.type):
                    cells = pc.fill_null(cells, 0)
            numbers = pa.types.is_integer(cells.type) or pa.types.is_floating(cells.type)
            values = cells.to_numpy()[self._order] if numbers else self._moment
            self._columns[name] = values, valid
        return self._columns[name]

    def _mask(self, flag: str | None, known: tuple[str, ...]) -> Bool | None:
        """Rows of a flag that say something in these columns; None for all."""
        missing = tuple(c for c in dict.fromkeys(known) if self._column(c)[1] is not None)
        key = (flag, missing)
        if key not in self._masks:
            mask = None
            if missing:
                mask = self._mask(flag, missing[1:])
                valid = self._column(missing[0])[1]
                mask = valid if mask is None or valid is None else mask & valid
            elif flag is not None:
                mask = np.bitwise_and(self._flagged, self._bits[flag], out=self._short) != 0
            self._masks[key] = mask
        return self._masks[key]

    @cached_property
    def _flagged(self) -> Array:
        bits: Array = self._rows[_BITS].to_numpy()[self._order]
        return bits

    def _count(self, flag: str | None, known: tuple[str, ...]) -> Int64:
        mask = self._mask(flag, known)
        if mask is None:
            return self._sizes
        key = (flag, tuple(c for c in dict.fromkeys(known) if self._column(c)[1] is not None))
        if key not in self._counts:
            so_far = np.cumsum(mask, dtype=np.int64, out=self._whole)
            self._counts[key] = np.diff(so_far[self._starts + self._sizes - 1], prepend=0)
        return self._counts[key]

    def _extreme(self, said: str, values: Array, mask: Bool | None) -> Array:
        """The least or the largest of each customer; any number where there is none."""
        found = np.minimum if said == "min" else np.maximum
        if mask is not None:
            whole = np.issubdtype(values.dtype, np.integer)
            other = _LAST if whole else np.inf
            room = self._whole if whole else self._real
            room.fill(other if said == "min" else -other)
            np.copyto(room, values, where=mask)
            values = room
        return found.reduceat(values, self._starts)

    def _ranks(self, column: str) -> tuple[Int64, pa.Array]:
        """The place of each row's cell among all, and the cells by their place; none is -1."""
        if column not in self._ranked:
            cells = self._rows[column].combine_chunks().dictionary_encode()
            cells = cells if isinstance(cells, pa.DictionaryArray) else cells.combine_chunks()
            places = pc.sort_indices(cells.dictionary)
            rank = np.empty(len(places) + 1, np.int64)
            rank[places.to_numpy()] = np.arange(len(places))
            rank[-1] = -1
            indices = pc.fill_null(cells.indices, -1).to_numpy(zero_copy_only=False)
            self._ranked[column] = rank[indices[self._order]], cells.dictionary.take(places)
        return self._ranked[column]

    def _at_end(self, part: Part, mask: Bool | None, none: Bool) -> pa.Array:
        """The moment and the cell of each customer at one end of time, then of the alphabet."""
        rank, cells = self._ranks(part.column)
        said = "min" if part.said == "first" else "max"
        moment = self._extreme(said, self._moment, mask)
        there = self._moment == np.repeat(moment, self._sizes)
        place = self._extreme(said, rank, there if mask is None else there & mask)
        values = cells.take(pa.array(place, mask=none))
        return pa.StructArray.from_arrays(
            [pa.array(moment), values], ["moment", "cell"], mask=pa.array(none)
        )

    def _distinct(self, column: str, mask: Bool | None) -> Int64:
        rank, cells = self._ranks(column)
        pair = np.repeat(np.arange(len(self.ids)), self._sizes) * (len(cells) + 1) + rank
        seen = np.unique(pair if mask is None else pair[mask])
        return np.bincount(seen // (len(cells) + 1), minlength=len(self.ids))


def _order(code: Int64, value: Int64, codes: int) -> Int64:
    """Rows by code, then by value."""
    if not len(value):
        return np.zeros(0, np.int64)
    low = int(value.min())
    span = int(value.max()) - low + 1
    if codes * span < _LAST:
        return np.argsort(code * span + (value - low))
    return np.lexsort((value, code))
