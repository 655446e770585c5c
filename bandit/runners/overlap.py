"""Disk and kernels at once: while batches are worked on, the next is fetched, the last kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

Item = TypeVar("Item")
Part = TypeVar("Part")


def ahead(items: Iterable[Item]) -> Generator[Item]:
    """The same items in the same order, the next one fetched meanwhile in a thread of its own.

    The first is fetched by the caller: a query does most of its work before it, and a signal ends
    what its own thread waits for, not another. Close it before what the items come from.
    """
    end = object()
    source = iter(items)
    item: Any = next(source, end)
    with ThreadPoolExecutor(1, thread_name_prefix="bandit-ahead") as pool:
        while item is not end:
            waiting: Future[Any] = pool.submit(next, source, end)
            yield item
            item = waiting.result()


def abreast(
    work: Callable[[Item], Part], items: Iterable[Item], most: int, begin: Callable[[], None]
) -> Iterator[Part]:
    """``work`` of each item, in their order, ``most`` of them at a time in threads of their own.

    Each of the threads does ``begin`` first; items are fetched by the caller.
    """
    waiting: deque[Future[Part]] = deque()
    with ThreadPoolExecutor(most, "bandit-abreast", begin) as pool:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) == most:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@contextmanager
def behind(
    work: Callable[..., None], begin: Callable[[], None] | None = None
) -> Iterator[Callable[..., None]]:
    """Give what does `work` in order in a thread of its own, one call at most waiting for it.

    All is done when the context closes; an error of `work` is raised at the next call or there.
    The thread does ``begin`` first.
    """
    waiting: list[Future[None]] = []

    def later(*args: Any) -> None:
        while waiting:
            waiting.pop().result()
        waiting.append(pool.submit(work, *args))

    with ThreadPoolExecutor(1, "bandit-behind", begin) as pool:
        yield later
        while waiting:
            waiting.pop().result()


@contextmanager
def meanwhile(work: Callable[[], Part]) -> Iterator[Future[Part]]:
    """Do `work` in a thread of its own beside the block; it is over when the context closes."""
    with ThreadPoolExecutor(1, "bandit-meanwhile") as pool:
        yield pool.submit(work)
