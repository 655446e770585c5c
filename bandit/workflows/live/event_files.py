"""Files of events: JSON lines, or tables, CSV and Parquet, whose rows are what a line would be."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from bandit.core.errors import DataError
from bandit.sources.sources import PARQUET
from bandit.workflows.live.delivered import Delivered, Line, json_lines, line_of

_CSV = frozenset({".csv", ".tsv"})
_NAMES = Delivered.__struct_fields__
_DELIMITERS = ",;\t|"
_ROWS = 4096


def lines(path: Path) -> Iterator[Line]:
    """A file of events by its name's ending: CSV, Parquet, or one JSON object a line."""
    ending = path.suffix.lower()
    if ending in PARQUET:
        return _parquet_lines(path)
    return _csv_lines(path) if ending in _CSV else json_lines(path)


def _csv_lines(path: Path) -> Iterator[Line]:
    """The rows below a header of event_id, event, customer and at; DataError names the file."""
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
            yield from _rows(path, stream)
    except OSError as e:
        raise DataError(f"{path} cannot be read ({e.strerror}); name a file of events") from None
    except csv.Error as e:
        raise DataError(f"{path} is no CSV file that can be read: {e}") from None


def _rows(path: Path, stream: TextIO) -> Iterator[Line]:
    head = stream.readline(1 << 16)
    if not head:
        return
    delimiter = max(_DELIMITERS, key=head.count)
    header = next(csv.reader([head], delimiter=delimiter))
    _hold_names(path, header)
    rows = csv.reader(stream, delimiter=delimiter, strict=True)
    for row in rows:
        if not row:
            continue
        number = 1 + rows.line_num
        if len(row) != len(header):
            fault = f"the line has {len(row)} cells, the header {len(header)}"
            yield Line(number, None, fault)
        elif any("\udc80" <= c <= "\udcff" for cell in row for c in cell):
            yield Line(number, None, "the line is no UTF-8")
        else:
            yield _line(number, dict(zip(header, row, strict=True)))


def _parquet_lines(path: Path) -> Iterator[Line]:
    """The rows of a Parquet file, counted from 1; DataError names the file."""
    try:
        with pq.ParquetFile(path) as file:
            _hold_names(path, file.schema_arrow.names)
            number = 0
            for batch in file.iter_batches(_ROWS):
                for row in _plain(batch).to_pylist():
                    number += 1
                    yield _line(number, row)._replace(word="row")
    except (OSError, pa.ArrowException) as e:
        told = str(e).splitlines()[0] if str(e) else type(e).__name__
        raise DataError(f"{path} is no Parquet file that can be read: {told}") from None


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Times in microseconds: what is finer tells no events apart."""
    fields = [
        field.with_type(pa.timestamp("us", field.type.tz))
        if pa.types.is_timestamp(field.type)
        else field
        for field in batch.schema
    ]
    columns = [c.cast(f.type, safe=False) for c, f in zip(batch.columns, fields, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))


def _line(number: int, row: dict[str, Any]) -> Line:
    return line_of(number, lambda: msgspec.convert(row, Delivered), lambda: row)


def _hold_names(path: Path, names: Sequence[str]) -> None:
    """DataError where the columns are not those of events."""
    if sorted(names) != sorted(_NAMES):
        raise DataError(
            f"{path} has the columns {', '.join(map(repr, names[:20]))}; events have"
            f" {', '.join(map(repr, _NAMES))}, and no others"
        )
