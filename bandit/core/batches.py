"""Batches of a fixed size, so that what is written does not depend on how rows arrive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa


def cut(pieces: Iterable[pa.RecordBatch], size: int) -> Iterator[pa.RecordBatch]:
    """Batches of exactly `size` rows; with several threads DuckDB's own borders wander."""
    held: list[pa.RecordBatch] = []
    waiting = 0
    for piece in pieces:
        held.append(piece)
        waiting += piece.num_rows
        while waiting >= size:
            start = size - (waiting - held[-1].num_rows)
            yield pa.concat_batches([*held[:-1], held[-1].slice(0, start)])
            held = [held[-1].slice(start)]
            waiting -= size
    if waiting:
        yield pa.concat_batches(held)
