"""One pool of threads for the kernels that release the interpreter lock.

A kernel takes a range of rows (or actions) and writes only those, so that how a range is cut never
shows in the result. Plain threads cost the compiler nothing, several of them may call at once, and
they do not fight a second pool for the cores.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import TypeVarTuple

from bandit.kernels import _compile

Rest = TypeVarTuple("Rest")

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
    if count <= grain:  # a row alone takes no longer than to find out how many pieces it is
        kernel(0, count, *args)
        return
    grains = -(-count // grain)
    threads = _compile.threads()
    if threads == 1:
        kernel(0, count, *args)
        return
    pieces = min(grains, CHUNKS * threads)
    edges = [min(count, grain * (grains * p // pieces)) for p in range(pieces)] + [count]
    pool = _pool(threads)
    waiting = [pool.submit(kernel, a, b, *args) for a, b in pairwise(edges)]
    for piece in waiting:
        piece.result()
