"""One pool of threads for the kernels that release the interpreter lock.

A kernel takes a range of rows (or actions) and writes only those, so that how a range is cut never
shows in the result. Plain threads cost the compiler nothing, several of them may call at once, and
they do not fight a second pool for the cores.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import TypeVar, TypeVarTuple

from bandit.kernels import _compile

Piece = tuple[int, int]
Rest = TypeVarTuple("Rest")
Result = TypeVar("Result")

CHUNKS = 12
"""Chunks a thread: enough to even out rows that cost more, few enough to start for free."""
WORTH = 100_000
"""Operations that a thread takes as long for as it is asked: less is done where it is wanted."""


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="bandit")


os.register_at_fork(after_in_child=_pool.cache_clear)


def grain(operations: int) -> int:
    """How many items of so many operations make a piece that is worth a thread."""
    return max(1, WORTH // max(operations, 1))


def spread(kernel: Callable[[int, int, *Rest], None], count: int, grain: int, *args: *Rest) -> None:
    """Call ``kernel(first, last, *args)`` over [0, count) in pieces of whole ``grain``.

    The number of threads is Numba's (``NUMBA_NUM_THREADS``, ``numba.set_num_threads``).
    """
    # A row alone takes no longer than to find out how many pieces it is.
    if count <= grain or (threads := _compile.threads()) == 1:
        kernel(0, count, *args)
        return
    pool = _pool(threads)
    waiting = [pool.submit(kernel, a, b, *args) for a, b in _pieces(count, grain, threads)]
    for piece in waiting:
        piece.result()


def share(
    work: Callable[[Iterator[Piece], *Rest], None], count: int, grain: int, *args: *Rest
) -> None:
    """As `spread`, for what needs scratch: ``work(pieces, *args)`` is called once a thread.

    Each takes the pieces (first, last) that the others have not taken yet.
    """
    if count <= grain or (threads := _compile.threads()) == 1:
        work(iter([(0, count)]), *args)
        return
    pieces = _pieces(count, grain, threads)
    pool, left = _pool(threads), iter(pieces)
    waiting = [pool.submit(work, left, *args) for _ in range(min(threads, len(pieces)))]
    for piece in waiting:
        piece.result()


def _pieces(count: int, grain: int, threads: int) -> list[Piece]:
    grains = -(-count // grain)
    pieces = min(grains, CHUNKS * threads)
    edges = [min(count, grain * (grains * p // pieces)) for p in range(pieces)] + [count]
    return list(pairwise(edges))


def together(calls: Sequence[Callable[[], Result]]) -> list[Result]:
    """Results of calls that share nothing, side by side in threads; each may `spread` its own.

    Where one fails, or somebody interrupts, those that have not begun never do.
    """
    threads = min(_compile.threads(), len(calls))
    if threads <= 1:
        return [call() for call in calls]
    # Not in the kernels' pool: who waits there for a piece of his own takes a thread from it.
    with ThreadPoolExecutor(threads) as pool:
        running = [pool.submit(call) for call in calls]
        try:
            return [each.result() for each in running]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
