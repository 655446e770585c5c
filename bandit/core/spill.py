"""Where DuckDB puts what does not fit into memory: a folder that dies with its process."""

from __future__ import annotations

import atexit
import fcntl
import itertools
import os
import shutil
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path

from bandit.core import files

PREFIX = "bandit-spill-"
_GRACE_SECONDS = 60.0
"""So long a folder may exist before its process holds it."""

_numbers = itertools.count()
_held: dict[int, Path] = {}


def folder() -> Path:
    """A new folder's path for one connection, not made yet; it is gone when the process ends.

    A killed process cannot clean up: the next process on this machine finds that nobody holds the
    folder and removes it, with the customers' data in it.
    """
    root = _held.get(os.getpid())
    if root is None:
        _sweep(Path(tempfile.gettempdir()))
        root = _held[os.getpid()] = _make()
    return root / str(next(_numbers))


def new(stack: ExitStack) -> Path:
    """Such a folder, made; it is gone when `stack` closes."""
    made = folder()
    made.mkdir()
    stack.callback(files.remove, made)
    return made


def _make() -> Path:
    root = Path(tempfile.mkdtemp(prefix=PREFIX))
    handle = os.open(root, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    atexit.register(_leave, root, os.getpid())
    return root


def _leave(root: Path, process: int) -> None:
    if os.getpid() == process:
        shutil.rmtree(root, ignore_errors=True)


def _sweep(parent: Path) -> None:
    """Remove the folders of processes that were killed; others' and young ones are left alone."""
    for path in parent.glob(f"{PREFIX}*"):
        with suppress(OSError):
            known = path.lstat()
            if known.st_uid == os.getuid() and time.time() - known.st_ctime > _GRACE_SECONDS:
                _remove_unheld(path)


def _remove_unheld(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path)
    finally:
        os.close(handle)
