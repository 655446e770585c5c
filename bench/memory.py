"""Peak memory as what it is: pages of this process alone, and file pages that it has mapped."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType
from typing import Self

_PAUSE_SECONDS = 0.05
_STATUS = Path("/proc/self/status")


class Memory:
    """Looks on while its block runs: ``private`` and ``mapped`` bytes, each at its own peak.

    Private pages (RssAnon) can only go to swap; mapped ones (RssFile, a spool read back for one)
    the system takes away when it needs them. `ru_maxrss` is the peak of their sum.
    """

    def __init__(self) -> None:
        self.private = 0
        self.mapped = 0
        self._done = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._watch.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._watch.join()

    def words(self) -> str:
        """For a table."""
        return f"{self.private / 1e9:.2f} GB private, {self.mapped / 1e9:.2f} GB of mapped files"

    def _look(self) -> None:
        while True:
            found = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
            self.private = max(self.private, _bytes(found["RssAnon"]))
            self.mapped = max(self.mapped, _bytes(found["RssFile"]))
            if self._done.wait(_PAUSE_SECONDS):
                return


def _bytes(text: str) -> int:
    return int(text.removesuffix("kB")) * 1024
