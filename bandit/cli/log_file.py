"""`--log-file`: each step of a command with its time, kept for whoever runs it unattended."""

from __future__ import annotations

import datetime as dt
import traceback
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from bandit.core.errors import BanditError, UsageError

if TYPE_CHECKING:
    from bandit.core.types import Progress


class LogFile:
    """Adds lines to a file: time in UTC, command, what it does; a `bandit.core.types.Progress`.

    The arguments of the command are not written, they may name a customer; an error's text is.
    """

    def __init__(self, path: Path, command: str) -> None:
        self._path, self._command = path, command
        try:
            self._line("begins")
        except OSError as e:
            raise UsageError(
                f"--log-file {path}: {e.strerror}; name a file that may be written"
            ) from None

    def __enter__(self) -> LogFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        text = "done" if error is None else f"failed: {error}"
        if error is not None and not isinstance(error, BanditError):
            text = "failed: " + "".join(traceback.format_exception(kind, error, trace))
        with suppress(OSError):  # the command has its own end to tell
            self._line(text)

    def step(self, text: str, total: int | None = None) -> None:
        """Tell what begins."""
        with suppress(OSError):  # a full disk must not stop a wave for its log
            self._line(text if total is None else f"{text} ({total:,})")

    def advance(self, count: int) -> None:
        """Nothing: a log has no bars."""

    def _line(self, text: str) -> None:
        now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
        told = text.rstrip().replace("\n", "\n    ")
        with self._path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{now} {self._command}: {told}\n")


class Both:
    """Two views of one progress."""

    def __init__(self, first: Progress, second: Progress) -> None:
        self._views = (first, second)

    def step(self, text: str, total: int | None = None) -> None:
        """Begin a step."""
        for view in self._views:
            view.step(text, total)

    def advance(self, count: int) -> None:
        """Tell how much of the step is done."""
        for view in self._views:
            view.advance(count)
