"""Variables and segments as a wave served them: a row a customer, beside its decisions.

What rules, values and segments were asked of is told by these, whatever the sources say later.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bandit.core import files
from bandit.core.types import Bool
from bandit.record.decisions import Rows, may_hold
from bandit.record.looking import looked_into
from bandit.record.person import People
from bandit.record.waves import ROWS_PER_GROUP, Wave

NAME = "variables.parquet"
UNITS = "units.parquet"
"""Of a wave that was decided live: customer_id, then what experiments of households assigned."""
CUSTOMER = "customer_id"


class ServedVariables:
    """A file of customer_id, then each variable and segment; none without any. A context manager.

    Row groups are of one size, so that the bytes do not depend on that of batches.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pending: list[pa.RecordBatch] = []
        self._rows = 0
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._writer is not None:
            self._writer.close()

    def add(self, ids: pa.Array, served: pa.RecordBatch | None) -> None:
        """Take n customers and their variables; None where the campaign has none."""
        if served is None:
            return
        names = [CUSTOMER, *served.schema.names]
        self._pending.append(pa.RecordBatch.from_arrays([ids, *served.columns], names=names))
        self._rows += len(ids)
        while self._rows >= ROWS_PER_GROUP:
            self._write(ROWS_PER_GROUP)

    def finish(self) -> None:
        """Write what is left and close the file."""
        if self._pending:
            self._write(self._rows)
        if self._writer is not None:
            self._writer.close()

    def _write(self, rows: int) -> None:
        table = pa.Table.from_batches(self._pending)
        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self._path, table.schema, compression="ZSTD", write_statistics=[CUSTOMER]
            )
        self._writer.write_table(table.slice(0, rows).combine_chunks())
        self._pending = table.slice(rows).to_batches()
        self._rows -= rows


def units(wave: Wave) -> Path | None:
    """The file that has the units of a wave's customers, checked; None where there is none."""
    found = [name for name in (NAME, UNITS) if name in wave.manifest.files]
    return wave.manifest.verified(wave.folder, found[0]) if found else None


def of(wave: Wave, people: People, name: str = NAME) -> pa.Table | None:
    """The rows about some customers in the file ``name``; None where the wave has none such."""
    if name not in wave.manifest.files:
        return None
    path = files.verify(wave.folder, name, wave.manifest.files[name].sha256)
    found = []
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(ROWS_PER_GROUP):
            own = pc.fill_null(people.own(batch[CUSTOMER]), False)
            if pc.any(own).as_py():
                found.append(batch.filter(own))
        return pa.Table.from_batches(found, file.schema_arrow)


def glance(wave: Wave, customer: str) -> dict[str, Any] | None:
    """What a wave served of one customer, by the key as it is written; None of somebody else.

    Only row groups that may hold the key are read, no digest is held: fit for looking, see
    docs/adr/0091.
    """
    people = People((customer,))
    with looked_into(wave.folder / NAME) as file:
        whole = pa.types.is_integer(file.schema_arrow.field(CUSTOMER).type)
        key = (*people.numbers, None)[0] if whole else customer
        for group in range(file.num_row_groups) if key is not None else ():
            if may_hold(file.metadata.row_group(group), key):
                keys = file.read_row_group(group, [CUSTOMER])[CUSTOMER].combine_chunks()
                own = pc.fill_null(people.own(keys), False)
                if pc.any(own).as_py():
                    row: dict[str, Any] = file.read_row_group(group).filter(own).to_pylist()[0]
                    return row
    return None


class Crowds:
    """Who was of which of a wave's segments, for rows of its decisions."""

    def __init__(self, wave: Wave, names: Sequence[str]) -> None:
        path = files.verify(wave.folder, NAME, wave.manifest.files[NAME].sha256)
        table = pq.read_table(path, columns=[CUSTOMER, *names])
        self._ids = table[CUSTOMER].to_numpy()
        self._members = {name: table[name].to_numpy() for name in names}

    def of(self, rows: Rows) -> Iterator[tuple[str, Bool]]:
        """Each segment with its members among the rows, bool[n]; last those of none."""
        own = rows.customers.to_numpy(zero_copy_only=False)
        place = np.minimum(np.searchsorted(self._ids, own), len(self._ids) - 1)
        known = self._ids[place] == own
        some = np.zeros(len(own), dtype=np.bool_)
        for name, members in self._members.items():
            mine: Bool = known & members[place]
            some |= mine
            yield name, mine
        yield "(none)", ~some
