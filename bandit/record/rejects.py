"""Refused rows: written as they come, so that memory holds none of them, and told once too many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import pyarrow as pa
import pyarrow.parquet as pq

from bandit.core import schema
from bandit.core.errors import DataError

NAME = "rejects.parquet"
# Part of the bytes of a wave, so it does not depend on the size of batches.
_ROWS_PER_GROUP = 65_536
_SHOWN = 3


class Bound(NamedTuple):
    """How many rows of a source may be refused, ``share`` of ``total``, and their name."""

    share: float
    total: int
    source: str
    row: str


class Rejects:
    """A file of rows with table, key, column, value and reason; a context manager."""

    def __init__(self, path: Path, bound: Bound | None = None) -> None:
        self.rows = 0
        self._bound = bound
        self._examples: list[Mapping[str, str]] = []
        self._pending = schema.REJECTS.empty_table()
        self._writer = pq.ParquetWriter(path, schema.REJECTS, compression="ZSTD")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()

    def add(self, rows: Sequence[Mapping[str, str]]) -> None:
        """Take rows of the bounded source; DataError as soon as more than the share are refused."""
        self._examples += rows[: _SHOWN - len(self._examples)]
        texts = [{name: str(row[name]) for name in schema.REJECTS.names} for row in rows]
        self.add_batch(pa.Table.from_pylist(texts, schema.REJECTS))
        if self._bound is not None and self.rows > self._bound.share * self._bound.total:
            raise DataError(self._too_many(self._bound))

    def add_batch(self, rows: pa.Table) -> None:
        """Take rows that are known to be few enough, in the columns of schema.REJECTS."""
        self.rows += rows.num_rows
        self._pending = pa.concat_tables([self._pending, rows])
        while self._pending.num_rows >= _ROWS_PER_GROUP:
            self._write(_ROWS_PER_GROUP)

    def finish(self) -> int:
        """Write what is left and close the file; how many rows it holds."""
        self._write(self._pending.num_rows)
        self._writer.close()
        return self.rows

    def _write(self, rows: int) -> None:
        self._writer.write_table(self._pending.slice(0, rows))
        self._pending = self._pending.slice(rows)

    def _too_many(self, bound: Bound) -> str:
        listed = "\n".join(
            f"{bound.source}, {bound.row} {r['key']}: {r['column']} = {r['value']!r}: {r['reason']}"
            for r in self._examples
        )
        return (
            f"{listed}\nat least {self.rows:,} of {bound.total:,} {bound.row}s are refused, more"
            f" than limits.reject_share = {bound.share:g} allows; mend them or raise it; nothing"
            " was published"
        )
