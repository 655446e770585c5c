"""Disk and kernels at once: while one batch is worked on, the next is fetched, the last kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

Item = TypeVar("Item")


def ahead(items: Iterable[Item]) -> Iterator[Item]:
    """The same items in the same order, the next one fetched meanwhile in a thread of its own.

    The first is fetched by the caller: a query does most of its work before it, and a signal ends
    what its own thread waits for, not another.
    """
    end = object()
    source = iter(items)
    item: Any = next(source, end)
    with ThreadPoolExecutor(1, thread_name_prefix="bandit-ahead") as pool:
        while item is not end:
            waiting: Future[Any] = pool.submit(next, source, end)
            yield item
            item = waiting.result()


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
