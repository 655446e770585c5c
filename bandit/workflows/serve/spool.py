"""Prepared customers kept on disk, so that a wave with limits reads its sources once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from bandit.checks.arrays import laid
from bandit.core.types import Array
from bandit.runners.overlap import ahead, behind
from bandit.workflows.serve.prepare import Prepared, joined

ROWS, CELLS = 1 << 15, 1 << 25
"""Most customers, and customers times actions, of a batch on disk: its size in memory."""


class Spool:
    """Batches in a folder of the caller's, read back as often as wanted, one at a time.

    They are cut anew, so that no sum over them hangs on the size of the batches that came.
    """

    def __init__(self, folder: Path, batches: Iterable[Prepared]) -> None:
        self.folder = folder
        self.batches = 0
        self.customers = 0
        self._populations = Counter[int]()
        with behind(self._write) as later:
            for pieces in _cut(batches):
                later(pieces)

    def __iter__(self) -> Iterator[Prepared]:
        return ahead(read(self.folder, number) for number in range(self.batches))

    def customers_of(self, populations: int) -> Array:
        """How many customers each of so many populations has, int64[p]."""
        return np.array([self._populations[p] for p in range(populations)])

    def part(self, batches: Iterable[Prepared], name: str) -> Spool:
        """Some of the customers beside these, under a name of their own."""
        folder = self.folder / name
        folder.mkdir()
        return Spool(folder, batches)

    def _write(self, pieces: Sequence[Prepared]) -> None:
        batch = joined(pieces)
        n, k = batch.mask.shape
        columns = {
            "ids": batch.ids,
            "keys": batch.keys,
            "contexts": _rows(batch.contexts),
            "mask": _rows(np.packbits(batch.mask, axis=1, bitorder="little")),
            "left": _rows(batch.left),
            "allowance": batch.allowance,
            "experiment": batch.experiment,
            "units": batch.units,
            "population": batch.population,
        }
        if batch.values.ndim == 2:
            columns["values"] = _rows(batch.values)
        table = pa.table(columns, metadata={"actions": str(k), "values": _one(batch.values)})
        with (
            pa.OSFile(str(_path(self.folder, self.batches)), "wb") as sink,
            pa.ipc.new_file(sink, table.schema) as writer,
        ):
            writer.write_table(table)
        self.batches += 1
        self.customers += n
        self._populations.update(dict(enumerate(np.bincount(batch.population).tolist())))


def read(folder: Path, number: int) -> Prepared:
    """A batch of the spool in ``folder``, which may be another machine's."""
    with pa.OSFile(str(_path(folder, number)), "rb") as source:
        table = pa.ipc.open_file(source).read_all().combine_chunks()
    about = table.schema.metadata
    mask = np.unpackbits(
        _matrix(table, "mask"), axis=1, count=int(about[b"actions"]), bitorder="little"
    )
    fixed = np.frombuffer(about[b"values"], dtype=np.float32)
    return Prepared(
        ids=_array(table, "ids"),
        keys=laid(_array(table, "keys").to_numpy()),
        contexts=laid(_matrix(table, "contexts")),
        mask=mask.view(np.bool_),
        left=laid(_matrix(table, "left")),
        allowance=_array(table, "allowance").to_numpy(),
        values=laid(_matrix(table, "values") if "values" in table.column_names else fixed),
        experiment=_array(table, "experiment").to_numpy(),
        units=_array(table, "units").to_numpy(),
        population=_array(table, "population").to_numpy(),
    )


def _path(folder: Path, number: int) -> Path:
    return folder / f"{number:06d}.arrow"


def _cut(batches: Iterable[Prepared]) -> Iterator[list[Prepared]]:
    """The pieces of each batch on disk."""
    held: list[Prepared] = []
    waiting = 0
    for batch in batches:
        size = max(1, min(ROWS, CELLS // batch.mask.shape[1]))
        first, count = 0, len(batch.ids)
        while waiting + count - first >= size:
            last = first + size - waiting
            yield [*held, batch.rows(first, last)]
            held, waiting, first = [], 0, last
        if first < count:
            held.append(batch.rows(first, count))
            waiting += count - first
    if waiting:
        yield held


def _one(values: Array) -> bytes:
    """Values that all customers share; none where each has their own."""
    return values.astype(np.float32).tobytes() if values.ndim == 1 else b""


def _rows(matrix: Array) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel()), matrix.shape[1])


def _array(table: pa.Table, name: str) -> pa.Array:
    chunks = table[name].chunks
    return chunks[0] if chunks else pa.array([], table.schema.field(name).type)


def _matrix(table: pa.Table, name: str) -> Array:
    column = _array(table, name)
    flat: Array = column.flatten().to_numpy()
    return flat.reshape(len(column), column.type.list_size)
