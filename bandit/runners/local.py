"""Run on this machine: a batch a thread, a part kept while the next ones are made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from types import TracebackType
from typing import Self, TypeVar

import numba

from bandit.runners.overlap import abreast, behind

Item = TypeVar("Item")
Part = TypeVar("Part")


class Local:
    """A `Runner` on at most ``threads`` threads of kernels, or as many as Numba has.

    The number is Numba's and of the calling thread; it is what it was when the context closes.
    """

    def __init__(self, threads: int | None = None) -> None:
        self._threads = threads
        self._before: int | None = None

    def __enter__(self) -> Self:
        if self._threads is not None:
            self._before = numba.get_num_threads()
            numba.set_num_threads(max(1, min(self._threads, _most())))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._before is not None:
            numba.set_num_threads(self._before)
            self._before = None

    @property
    def hands(self) -> int:
        """The threads that kernels have here."""
        return int(numba.get_num_threads())

    def map(self, work: Callable[[Item], Part], batches: Iterable[Item]) -> Iterator[Part]:
        """``work`` of as many batches at a time as there are threads, each in one of its own.

        So no thread waits for what another does alone, in Python or while it takes turns.
        """
        if self.hands == 1:
            return map(work, batches)
        return abreast(work, batches, self.hands, partial(numba.set_num_threads, 1))

    def write(self, keep: Callable[[Part], None], parts: Iterable[Part]) -> None:
        """``keep`` a part while the next is made; an error of either ends both."""
        with behind(keep, partial(numba.set_num_threads, self.hands)) as later:
            for part in parts:
                later(part)


def _most() -> int:
    """The threads that Numba has begun with; it refuses more."""
    return int(vars(numba.config)["NUMBA_NUM_THREADS"])
