"""The seam to engines: how the batches of a wave are worked on, wherever that is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, TypeVar

from bandit.core.types import Progress
from bandit.results.cluster import ClusterWork

Item = TypeVar("Item")
Part = TypeVar("Part")


class Runner(Protocol):
    """Works on batches; a context manager that gives back what it took. No result depends on it.

    A workflow that streams says what is done with a batch (``map``) and where the parts go
    (``write``); it knows neither threads nor machines.
    """

    def __enter__(self) -> Self:
        """Take what the runner needs."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give it back."""

    @property
    def hands(self) -> int:
        """How many batches are worked on at a time: memory holds them, and a few more."""

    def map(self, work: Callable[[Item], Part], batches: Iterable[Item]) -> Iterator[Part]:
        """``work`` of each batch, in the order of the batches."""

    def write(self, keep: Callable[[Part], None], parts: Iterable[Part]) -> None:
        """``keep`` each part, in order and never two at once; all are kept when it returns."""


class Cluster(Protocol):
    """Many workers, maybe on other machines, who see the files that this process sees.

    What is large goes by files in a folder of the campaign. Work on an item may be begun several
    times, even at once, and left half done; one attempt counts.
    """

    def each(
        self,
        step: str,
        work: Callable[[Item, str], Part],
        items: Sequence[Item],
        progress: Progress,
    ) -> list[Part]:
        """``work`` of each item, in the order of the items.

        ``work`` is a function of a module, items and parts are small and plain. It is given the
        name of its attempt, which no other attempt at anything has: its files go under that name.
        """

    def table(self, name: str, folder: Path) -> None:
        """Write a table of the cluster's catalogue as Parquet into a folder that is not there yet.

        ConfigError where it has no such table.
        """

    def done(self) -> ClusterWork:
        """What was done so far."""
