"""Who ran what, when and with which version: beside the record, not in it.

The record has no clock and no names, so that the same inputs give the same bytes. The journal is a
file of lines of JSON that commands add to when they are done; nothing is ever decided by it.
"""

from __future__ import annotations

import datetime as dt
import getpass
import json
import os
import socket
from pathlib import Path
from typing import NamedTuple

from bandit.core.errors import DataError

NAME = "journal.jsonl"
_MAX_BYTES = 64 << 20


class Entry(NamedTuple):
    """``made``: the wave or snapshot that came of it, if any."""

    at: str
    command: str
    made: str | None
    user: str
    host: str
    version: str


class Journal(NamedTuple):
    """``unreadable``: lines that are no entry, of a disk that was full for example."""

    entries: list[Entry]
    unreadable: int


def add(folder: Path, command: str, made: str | None, version: str) -> None:
    """Add a line about a command that is done; OSError if it cannot be written.

    ``version`` is that of the program. No personal data of customers go into it.
    """
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    entry = Entry(now, command, made, _user(), socket.gethostname(), version)
    line = json.dumps(entry._asdict()) + "\n"
    handle = os.open(folder / NAME, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        size = os.fstat(handle).st_size
        torn = size and os.pread(handle, 1, size - 1) != b"\n"  # a disk was full then
        rest = memoryview(b"\n" * bool(torn) + line.encode())
        while rest:
            rest = rest[os.write(handle, rest) :]
    finally:
        os.close(handle)


def read(folder: Path) -> Journal:
    """All entries, oldest first."""
    path = folder / NAME
    try:
        if not path.exists():
            return Journal([], 0)
        if path.stat().st_size > _MAX_BYTES:
            raise DataError(f"{path} is larger than {_MAX_BYTES >> 20} MB; move it away")
        lines = path.read_bytes().splitlines()
    except OSError as e:
        raise DataError(f"{path} cannot be read: {e.strerror}; mend that or move it away") from None
    found = [_entry(line) for line in lines]
    entries = [entry for entry in found if entry is not None]
    return Journal(entries, len(found) - len(entries))


def _entry(line: bytes) -> Entry | None:
    try:
        told = json.loads(line)
        made = told["made"]
        texts = {name: str(told[name]) for name in Entry._fields if name != "made"}
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return Entry(**texts, made=None if made is None else str(made))


def _user() -> str:
    """Who runs this, by name where the machine knows one."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no name for the number, as in some containers
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"
