"""A wave's choices kept on disk: when lots are drawn, nobody is decided for again."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bandit.core.types import Array, Choice


class Chosen:
    """Choices of whoever a slot was drawn for, in a folder of the caller's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, name: str, rows: Array, choice: Choice) -> None:
        """Keep the choices for `rows` int64[n], ascending, under a name of their own."""
        np.savez(self._path(name), rows=rows, **choice._asdict())

    def of(self, name: str, rows: Array) -> Choice:
        """The choices for `rows`, some of those that were kept."""
        with np.load(self._path(name), allow_pickle=False) as kept:
            arrays = {field: kept[field] for field in Choice._fields}
            if rows.shape == kept["rows"].shape:
                return Choice(**arrays)
            where = np.searchsorted(kept["rows"], rows)
        return Choice(**{field: array[where] for field, array in arrays.items()})

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.npz"
