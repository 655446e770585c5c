"""Compiled kernels are kept beside their source, and one process at a time makes them.

Left to itself, every process that misses a kernel compiles it and writes it down. Several workers
that begin together do all the same work, and two that keep a kernel for different types at once can
leave a list that names the one and holds the other. Here who comes second waits, and reads. What
cannot be read or written there is compiled again: no command hangs on it.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from numba.core.caching import FunctionCache, IndexDataCacheFile

from bandit.core.compiling import COMPILING
from bandit.kernels import _sources

WAIT = 300.0
"""Seconds after which a kernel is compiled whoever else does it: a compiler can stand still."""
_AGAIN = 0.02

_Cache: Any = FunctionCache
_CacheFile: Any = IndexDataCacheFile
_LAST = b"."
"""The byte that both of Numba's files end with."""


class _Turn(NamedTuple):
    """It is this process that compiles what is in a file, ``depth`` kernels within each other."""

    descriptor: int
    depth: int


_turns: dict[str, _Turn] = {}


class _Files(_CacheFile):  # type: ignore[misc]  # Numba's own parts are untyped
    """Numba's list and files of one function, in an order that a run may die in.

    Left to itself it writes the list first. After an update that names a file of the code of
    before, until the new one is there; if it never is, old code is run for new.
    """

    def save(self, key: Any, data: Any) -> None:
        """Write the code, then the list that names it."""
        listed = self._load_index()
        names = set(listed.values())
        free = (n for i in itertools.count(1) if (n := self._data_name(i)) not in names)
        name = listed.get(key) or next(free)
        self._save_data(name, data)
        if key not in listed:
            self._save_index({**listed, key: name})

    def _load_data(self, name: str) -> Any:
        if not _is_whole(self._data_path(name)):
            raise FileNotFoundError(name)  # is compiled again
        return super()._load_data(name)

    def _load_index(self) -> Any:
        return super()._load_index() if _is_whole(self._index_path) else {}


class Kept(_Cache):  # type: ignore[misc]  # Numba's own parts are untyped
    """Numba's cache of a function; the locks are on its source, so that they leave nothing."""

    def __init__(self, function: Any) -> None:
        super().__init__(function)
        self._source: str = function.__code__.co_filename
        self._cache_file = _Files(
            cache_path=self._cache_path,
            filename_base=self._impl.filename_base,
            source_stamp=_sources.stamp(self._source),
        )

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """What is kept for these types, or None: then it is ours to make and to keep."""
        found = super().load_overload(sig, target_context)
        if found is not None:
            return found
        _begin(self._source)
        is_ours = False
        try:
            found = super().load_overload(sig, target_context)
            is_ours = found is None
        finally:
            if not is_ours:
                _end(self._source)
        return found

    def give_up(self) -> None:
        """It could not be made: whoever waits may try."""
        _end(self._source)

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep what was made, and let others read it; where the disk refuses it is not kept."""
        try:
            with suppress(OSError):
                super().save_overload(sig, data)
        finally:
            _end(self._source)


def _is_whole(path: str) -> bool:
    """Whether a file is there, and not what a power cut left: empty, short or full of zeros."""
    try:
        with Path(path).open("rb") as file:
            file.seek(-len(_LAST), os.SEEK_END)
            return file.read() == _LAST
    except OSError:
        return False


def _begin(source: str) -> None:
    """Wait for the turn; where a file system knows no locks there are none."""
    turn = _turns.get(source)
    if turn is not None:
        _turns[source] = turn._replace(depth=turn.depth + 1)
        return
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return
    until = time.monotonic() + WAIT
    while not _locked(descriptor) and time.monotonic() < until:
        COMPILING.waits()
        time.sleep(_AGAIN)
    _turns[source] = _Turn(descriptor, 1)


def _locked(descriptor: int) -> bool:
    """Whether it is now, or can never be."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _end(source: str) -> None:
    turn = _turns.pop(source, None)
    if turn is None:
        return
    if turn.depth > 1:
        _turns[source] = turn._replace(depth=turn.depth - 1)
    else:
        os.close(turn.descriptor)


def _leave() -> None:
    """A forked process has no turn: its parent compiles."""
    for turn in _turns.values():
        os.close(turn.descriptor)
    _turns.clear()


os.register_at_fork(after_in_child=_leave)
