"""The folder that a run and its workers share."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bandit.core import files

FOLDER = "cluster"
_TRIES, _SECONDS = 10, 0.5


@contextmanager
def shared(campaign: Path, name: str = FOLDER) -> Iterator[Path]:
    """An empty folder in the campaign's, under a partial name; the caller holds the campaign.

    It is gone afterwards. Where a late attempt goes on writing into it, what is left goes with the
    next command: the run is done, and no reason to fail.
    """
    folder = files.beside(campaign / name)
    try:
        files.remove(folder)
        folder.mkdir(mode=files.PRIVATE_FOLDER)
    except OSError as e:
        raise files.unwritable(folder, e) from None
    try:
        yield folder
    finally:
        _let_go(folder)


def _let_go(folder: Path) -> None:
    for _ in range(_TRIES):
        with suppress(OSError):
            files.remove(folder)
            return
        time.sleep(_SECONDS)
