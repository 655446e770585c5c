"""Parquet files that are looked into without being held against their digests (docs/adr/0091)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bandit.core import files
from bandit.record import manifest


@contextmanager
def looked_into(path: Path) -> Iterator[pq.ParquetFile]:
    """A file of a published folder; where it does not read, its digest tells why, as DataError."""
    try:
        with pq.ParquetFile(path) as file:
            yield file
    except (pa.ArrowException, OSError):
        listed = manifest.read(path.parent)["files"]
        if path.name in listed:
            files.verify(path.parent, path.name, listed[path.name]["sha256"])
        raise
