"""Compiled kernels are kept beside their source, and one process at a time makes them.

Left to itself, every process that misses a kernel compiles it and writes it down. Several workers
that begin together do all the same work, and two that keep a kernel for different types at once can
leave a list that names the one and holds the other. Here who comes second waits, and reads. What
cannot be read or written there is compiled again: no command hangs on it.
"""

from __future__ import annotations

import fcntl
import io
import itertools
import os
import pickle
import time
import zlib
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
_CODE_BYTES = 4
"""Of the CRC-32 that each file ends with: machine code that a disk has changed is not run."""


class _Turn(NamedTuple):
    """It is this process that compiles what is in a file, ``depth`` kernels within each other."""

    descriptor: int
    depth: int


_turns: dict[str, _Turn] = {}


class _Files(_CacheFile):  # type: ignore[misc]  # Numba's own parts are untyped
    """Numba's list and files of one function, in an order that a run may die in.

    Left to itself it writes the list first. After an update that names a file of the code of
    before, until the new one is there; if it never is, old code is run for new. And it runs
    whatever it finds: here a file that is not as it was written counts as none.
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
        content = _whole(self._data_path(name))
        if content is None:
            raise FileNotFoundError(name)  # is compiled again
        return _next(io.BytesIO(content))

    def _save_data(self, name: str, data: Any) -> None:
        self._write(self._data_path(name), self._dump(data))

    def _load_index(self) -> Any:
        content = io.BytesIO(_whole(self._index_path) or b"")
        if content.getbuffer().nbytes == 0 or _next(content) != self._made_by():
            return {}  # of other types perhaps, which are not there to be read
        return _next(content)

    def _save_index(self, listed: Any) -> None:
        self._write(self._index_path, self._dump(self._made_by()) + self._dump(listed))

    def _made_by(self) -> tuple[Any, ...]:
        return self._version, self._source_stamp

    def _write(self, path: str, content: bytes) -> None:
        for left in Path(path).parent.glob(f"{Path(path).name}.tmp.*"):  # by a run that was killed
            left.unlink(missing_ok=True)
        with self._open_for_write(path) as file:
            file.write(content + _code(content))


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


def _whole(path: str) -> bytes | None:
    """What a file holds; None if there is none, or not what was written: cut, or a bit changed."""
    try:
        content = Path(path).read_bytes()
    except OSError:
        return None
    held, code = content[:-_CODE_BYTES], content[-_CODE_BYTES:]
    return held if held and code == _code(held) else None


def _next(content: io.BytesIO) -> Any:
    return pickle.load(content)  # noqa: S301 - whoever writes there could write the source, too


def _code(content: bytes) -> bytes:
    return zlib.crc32(content).to_bytes(_CODE_BYTES, "little")


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
