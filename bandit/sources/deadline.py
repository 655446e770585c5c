"""A time limit for what DuckDB does at the user's word: a query may be a cross join of all."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from bandit.core.errors import ConfigError


@contextmanager
def within(connection: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
    """Interrupt ``connection`` when the block takes longer; ConfigError says so."""
    timer = threading.Timer(seconds, connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (duckdb.Error, pa.ArrowException, OSError) as e:
        if "INTERRUPT" in str(e).upper() and not timer.is_alive():
            raise ConfigError(
                f"reading the data takes longer than limits.query_seconds = {seconds:g}; simplify"
                " the query or raise the limit"
            ) from None
        raise
    finally:
        timer.cancel()


def paced(
    reader: Iterator[pa.RecordBatch], connection: duckdb.DuckDBPyConnection, seconds: float
) -> Iterator[pa.RecordBatch]:
    """The batches of a reader, each of which must come in time."""
    while True:
        with within(connection, seconds):
            batch = next(reader, None)
        if batch is None:
            return
        yield batch
