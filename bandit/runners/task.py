"""What runs on an executor: is it fit, then the work of each item; refusals come back as text.

Nothing here imports Spark: executors unpickle these functions by their names, and find in our
package what to do.
"""

from __future__ import annotations

import os
import platform
import resource
import socket
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import llvmlite.binding

from bandit.core.errors import BanditError
from bandit.core.version import versions
from bandit.runners.local import Local


class Place(NamedTuple):
    """What a machine must have in common with the driver: ``packages`` with their versions.

    ``file`` holds ``content``, written by the driver a moment ago.
    """

    python: str
    packages: dict[str, str]
    processor: str
    file: str
    content: str


class Chunk(NamedTuple):
    """Consecutive items: what a task takes."""

    number: int
    items: Sequence[Any]


class Finished(NamedTuple):
    """A task's parts in order, or why it did not begin: the name of an error and its text."""

    number: int
    parts: list[Any]
    executor: str
    memory_mb: int
    refused: tuple[str, str] | None


def here(file: Path, content: str) -> Place:
    """The place that this process runs in."""
    return Place(platform.python_version(), versions(), processor(), str(file), content)


def processor() -> str:
    """What kernels are compiled for; sums by other vector widths differ in their last bits."""
    found = os.environ.get("NUMBA_CPU_NAME") or llvmlite.binding.get_host_cpu_name()
    return str(found)


def unfit(expected: Place, host: str) -> str | None:
    """Why this process cannot work for the driver: what differs, and the remedy."""
    mine = here(Path(expected.file), expected.content)
    if mine.python.rsplit(".", 1)[0] != expected.python.rsplit(".", 1)[0]:
        return (
            f"executor {host} runs Python {mine.python}, this machine {expected.python}: point"
            " PYSPARK_PYTHON at the same Python on all of them"
        )
    for name, version in expected.packages.items():
        if mine.packages[name] != version:
            return (
                f"executor {host} has {name} {mine.packages[name]}, this machine {version}: install"
                f" the same environment on all of them (pip install {_called(name)}=={version})"
            )
    if mine.processor != expected.processor:
        return (
            f"executor {host} computes for processor {mine.processor}, this machine for"
            f" {expected.processor}: bytes would hang on who worked; take machines of one kind, or"
            f" set NUMBA_CPU_NAME to one name for all"
        )
    return _unshared(expected, host)


def _unshared(expected: Place, host: str) -> str | None:
    path = Path(expected.file)
    try:
        found = path.read_text(encoding="utf-8")
    except OSError as e:
        why = f"it cannot be read there ({e.strerror})"
    else:
        if found == expected.content:
            return None
        why = "another file stands there"
    return (
        f"executor {host} does not see {path.parent} as this machine does: {why}; keep the campaign"
        " on storage that all machines mount at the same path, and run executors as the same user"
    )


def _called(name: str) -> str:
    return "offer-bandit" if name == "bandit" else name


def run(
    work: Callable[[Any, str], Any],
    expected: Place,
    chunk: Chunk,
    attempt: str,
    threads: int,
) -> Finished:
    """The work of each item of a chunk; errors that a user can mend are not tried again."""
    host = socket.gethostname()
    executor = f"{host}:{os.getppid()}"
    parts: list[Any] = []
    reason = unfit(expected, host)
    refused = None if reason is None else ("ConfigError", reason)
    if refused is None:
        try:
            with Local(threads):
                parts = [work(item, attempt) for item in chunk.items]
        except BanditError as e:
            refused = (type(e).__name__, str(e))
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return Finished(chunk.number, parts, executor, held, refused)


def look(item: int, attempt: str) -> tuple[int, str]:
    """Work that does nothing: whether the place is fit is all that is asked."""
    return item, f"{attempt} {threading.active_count()}"
