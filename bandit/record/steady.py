"""Readers beside a `forget`: what was read while files were replaced is read again."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

from bandit.core.errors import DataError
from bandit.record import erase, exports, manifest, outcomes
from bandit.record import waves as record

P = ParamSpec("P")
R = TypeVar("R")

_TRIES = 20
_PATIENCE_SECONDS = 10.0
_PAUSE_SECONDS = 0.05

State = dict[Path, tuple[int, int, int]]
"""Of each manifest inode, size and time of change."""


def steady(workflow: Callable[P, R]) -> Callable[P, R]:
    """Make a workflow that reads a record see one state of it.

    Writers hold the campaign, readers do not wait for them: new waves and outcomes come whole and
    disturb nobody. A `forget` alone replaces files that are there. Where one was at work while
    ``workflow`` read, the result, or the damage that seemed to be there, is thrown away and the
    workflow runs again. Its first argument, ``campaign_path``, says where the record is.
    """

    @wraps(workflow)
    def looking_twice(*args: P.args, **kwargs: P.kwargs) -> R:
        path = Path(str(kwargs["campaign_path"] if "campaign_path" in kwargs else args[0]))
        folder = path if path.is_dir() else path.parent
        return steadily(folder, lambda: workflow(*args, **kwargs))

    return looking_twice


def steadily(folder: Path, work: Callable[[], R]) -> R:
    """What ``work`` finds in the record of ``folder``, as `steady`."""
    for _ in range(_TRIES):
        _wait(folder)
        before = _state(folder)
        try:
            found = work()
        except Exception:  # of two states anything may come, shapes that do not fit too
            if _undisturbed(folder, before):
                raise
            continue
        if _undisturbed(folder, before):
            return found
    raise DataError(
        f"{folder} was changed again and again by `bandit forget` while it was read; nothing is"
        " damaged: run the command once more"
    )


def _state(folder: Path) -> State:
    found = {}
    for name in (record.WAVES, outcomes.OUTCOMES, exports.EXPORTS):
        for path in (folder / name).glob(f"*/{manifest.NAME}"):
            try:
                known = path.stat()
            except OSError:
                continue
            found[path] = (known.st_ino, known.st_size, known.st_mtime_ns)
    return found


def _undisturbed(folder: Path, before: State) -> bool:
    """Whether every manifest that was there is so still, and no erasure is at work."""
    now = _state(folder)
    same = all(now.get(path) == known for path, known in before.items())
    return same and not (folder / erase.COMMITTED).exists()


def _wait(folder: Path) -> None:
    """Until no erasure is at work; DataError where one has died on the way."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while (folder / erase.COMMITTED).is_dir():
        if time.monotonic() > until:
            raise DataError(
                f"{folder / erase.COMMITTED}: a `bandit forget` has not finished; run it again, or"
                " `bandit learn`, which does the rest, and then this command"
            )
        time.sleep(_PAUSE_SECONDS)
