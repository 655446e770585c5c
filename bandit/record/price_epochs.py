"""Prices that moved within a wave: what a contact paid in each epoch, and in which a row was."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bandit.core.types import Array, Float64
from bandit.record.waves import Wave

NAME = "prices.parquet"


class PriceEpochs(NamedTuple):
    """``epochs`` int32[e] in order, at each of which a contact paid ``prices`` float64[e, p, k].

    The populations p are everybody, or everybody else and the arms with prices of their own.
    """

    epochs: Array
    prices: Float64

    @property
    def table(self) -> Float64:
        """All of them as prices of populations, float64[e p, k]."""
        return self.prices.reshape(-1, self.prices.shape[-1])

    def place(self, epochs: Array) -> Array:
        """Where the rows of some epochs int[n] begin in the `table`, int64[n]."""
        found: Array = np.searchsorted(self.epochs, epochs) * self.prices.shape[1]
        return found


def write(folder: Path, found: PriceEpochs) -> None:
    """Write them beside a wave's decisions, a row an epoch and population."""
    e, p, k = found.prices.shape
    prices = pa.FixedSizeListArray.from_arrays(pa.array(found.prices.ravel()), k)
    table = pa.table({
        "epoch": pa.array(np.repeat(found.epochs, p), pa.int32()),
        "population": pa.array(np.tile(np.arange(p), e), pa.int32()),
        "prices": prices,
    })  # fmt: skip
    pq.write_table(table, folder / NAME, compression="ZSTD", write_statistics=False)


def read(wave: Wave) -> PriceEpochs | None:
    """Those of a wave, checked against their digest; None where prices did not move."""
    if NAME not in wave.manifest.files:
        return None
    table = pq.read_table(wave.manifest.verified(wave.folder, NAME)).combine_chunks()
    p = int(table["population"].to_numpy().max()) + 1
    prices = table["prices"].combine_chunks().flatten().to_numpy()
    epochs = table["epoch"].to_numpy()[::p]
    return PriceEpochs(epochs, prices.reshape(len(epochs), p, -1))
