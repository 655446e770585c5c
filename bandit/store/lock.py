"""One campaign, one writer: a lock that dies with its holder and tells who it is."""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bandit.errors import LockedError

NAME = ".lock"


@contextmanager
def hold(folder: Path, command: str) -> Iterator[None]:
    """Hold the campaign; LockedError with the holder's name if another run does.

    The kernel's advisory lock on the open file decides, so neither a crash nor a reboot leaves a
    campaign locked; the text in the file only tells who holds it.
    """
    path = folder / NAME
    handle = _acquire(path)
    try:
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps(_holder(command)).encode(), 0)
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def _acquire(path: Path) -> int:
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _read(handle)
            os.close(handle)
            raise LockedError(
                f"{path.parent} is held by {holder}; wait until it has finished"
            ) from None
        if _still_there(path, handle):
            return handle
        os.close(handle)  # the holder before us removed the file between our open and our lock


def _still_there(path: Path, handle: int) -> bool:
    try:
        return os.fstat(handle).st_ino == path.stat().st_ino
    except FileNotFoundError:
        return False


def _holder(command: str) -> dict[str, str | int]:
    return {
        "command": command,
        "process": os.getpid(),
        "host": socket.gethostname(),
        "since": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
    }


def _read(handle: int) -> str:
    try:
        who = json.loads(os.pread(handle, 4096, 0))
    except ValueError:
        return "another run that is just starting"
    return (
        f"`bandit {who['command']}` (process {who['process']} on {who['host']},"
        f" since {who['since']})"
    )
