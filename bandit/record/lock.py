"""One campaign, one writer: a lock that dies with its holder and tells who it is."""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bandit.core.errors import DataError, LockedError

NAME = ".lock"
_PATIENCE_SECONDS = 2.0
_LOOKS = 4


@contextmanager
def hold(folder: Path, command: str) -> Iterator[None]:
    """Hold the campaign; LockedError with the holder's name if another run does.

    The kernel's advisory lock on the open file decides, so neither a crash nor a reboot leaves a
    campaign locked; the text in the file only tells who holds it. No personal data go into
    ``command``: the text outlives a crash.
    """
    path = folder / NAME
    handle = _acquire(path)
    try:
        _sign(path, handle, command)
        yield
    finally:
        try:
            with suppress(OSError):  # released all the same by the close
                path.unlink()
        finally:  # an interrupt in between must not leave a notebook its own prisoner
            os.close(handle)


def command(folder: Path) -> str | None:
    """What holds ``folder`` now; empty if it has not said, None if nobody does."""
    try:
        handle = os.open(folder / NAME, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        with suppress(ValueError, KeyError, TypeError):
            return str(json.loads(os.pread(handle, 4096, 0))["command"])
        return ""
    finally:
        os.close(handle)
    return None


def _acquire(path: Path) -> int:
    while True:
        try:
            handle, ours = _open(path)
        except OSError as e:
            raise _unlockable(path, e) from None
        try:
            _take(handle)
        except BlockingIOError:
            holder = _holder(handle)
            os.close(handle)
            raise LockedError(
                f"{path.parent} is held by {holder}; wait until it has finished"
            ) from None
        except OSError as e:
            os.close(handle)
            raise _unlockable(path, e) from None
        if _still_there(path, handle):
            if ours:
                return handle
            _give_way(path, handle)
        os.close(handle)  # it was removed between our open and our lock, or is removed now


def _take(handle: int) -> None:
    """Lock it; who only looks at a lock (`command`) has it for an instant, which is waited for."""
    for _ in range(_LOOKS):
        with suppress(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(0.005)
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _open(path: Path) -> tuple[int, bool]:
    """The file's handle, and whether we may write to it: a dead run may have been another user's.

    A lock needs no more than reading; the file is readable for all and holds no personal data.
    """
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644), True
    except PermissionError as refused:
        try:
            return os.open(path, os.O_RDONLY | os.O_NOFOLLOW), False
        except FileNotFoundError:  # there is none: the folder may not be written to
            raise refused from None


def _give_way(path: Path, handle: int) -> None:
    """Remove a file that nobody holds and that we may not write to, so that ours can be made."""
    try:
        path.unlink()
    except OSError as e:
        os.close(handle)
        raise _unlockable(path, e) from None


def _still_there(path: Path, handle: int) -> bool:
    try:
        return os.fstat(handle).st_ino == path.stat().st_ino
    except FileNotFoundError:
        return False


def _sign(path: Path, handle: int, command: str) -> None:
    who = {
        "command": command,
        "process": os.getpid(),
        "host": socket.gethostname(),
        "since": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
    }
    try:
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps(who).encode(), 0)
    except OSError as e:
        raise _unlockable(path, e) from None


def _holder(handle: int) -> str:
    """Who holds it; a holder that is just starting has not signed yet, so look again."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            who = json.loads(os.pread(handle, 4096, 0))
            return (
                f"`bandit {who['command']}` (process {who['process']} on {who['host']},"
                f" since {who['since']})"
            )
        except (ValueError, KeyError, TypeError):
            if time.monotonic() > until:
                return "another run, which has not said its name"
        time.sleep(0.01)


def _unlockable(path: Path, error: OSError) -> DataError:
    return DataError(
        f"{path} could not be locked: {error.strerror}; nothing was published, the campaign's"
        " folder must be writable and on a file system with locks"
    )
