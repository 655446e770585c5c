"""Clusters for tests: one in this process that does everything twice, and Spark's."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import pytest

from bandit.core.errors import ConfigError
from bandit.core.types import Progress
from bandit.results.cluster import ClusterWork

_missing = pytest.mark.skipif(
    find_spec("pyspark") is None or shutil.which("java") is None,
    reason="needs pyspark (pip install 'offer-bandit[spark]') and Java 17",
)


def needs_spark(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a test as one of Spark's: `pytest -m spark` runs these alone."""
    marked: Callable[..., None] = pytest.mark.spark(_missing(test))
    return marked


class Twice:
    """A `Cluster` in this process: each item is worked on by two attempts, the second counts."""

    def __init__(self, tables: Mapping[str, Path] | None = None) -> None:
        self.tasks = 0
        self._tables = dict(tables or {})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def probe(self, progress: Progress) -> None:
        progress.step("looking")

    def each(
        self,
        step: str,
        work: Callable[[Any, str], Any],
        items: Sequence[Any],
        progress: Progress,
    ) -> list[Any]:
        progress.step(step, total=len(items))
        for item in reversed(items):
            work(item, "lost")
        self.tasks += len(items)
        return [work(item, "counts") for item in items]

    def table(self, name: str, folder: Path) -> None:
        if name not in self._tables:
            raise ConfigError(f"table {name!r} of Spark's: there is none")
        folder.mkdir()
        shutil.copy(self._tables[name], folder / "part-00000.parquet")
        (folder / "_SUCCESS").touch()

    def done(self) -> ClusterWork:
        return ClusterWork("this process", 1, self.tasks, self.tasks, 0)
