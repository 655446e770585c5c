"""Disk and kernels at once: while one batch is worked on, the next is fetched, the last kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

Item = TypeVar("Item")


def ahead(items: Iterable[Item]) -> Iterator[Item]:
    """The same items in the same order, the next one fetched meanwhile in a thread of its own."""
    end = object()
    source = iter(items)
    with ThreadPoolExecutor(1, thread_name_prefix="bandit-ahead") as pool:
        waiting: Future[Any] = pool.submit(next, source, end)
        while (item := waiting.result()) is not end:
            waiting = pool.submit(next, source, end)
            yield item


@contextmanager
def behind(work: Callable[..., None]) -> Iterator[Callable[..., None]]:
    """Give what does `work` in order in a thread of its own, one call at most waiting for it.

    All is done when the context closes; an error of `work` is raised at the next call or there.
    """
    waiting: list[Future[None]] = []

    def later(*args: Any) -> None:
        while waiting:
            waiting.pop().result()
        waiting.append(pool.submit(work, *args))

    with ThreadPoolExecutor(1, thread_name_prefix="bandit-behind") as pool:
        yield later
        while waiting:
            waiting.pop().result()
