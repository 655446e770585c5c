"""Progress on standard error, one line a step."""

from __future__ import annotations

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)


class ProgressView:
    """Shows the steps that a workflow names; a `bandit.core.types.Progress`."""

    def __init__(self) -> None:
        self._view = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> ProgressView:
        self._view.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._view.stop()

    def step(self, text: str, total: int | None = None) -> None:
        """Begin a step."""
        if self._task is not None:
            self._view.remove_task(self._task)
        self._task = self._view.add_task(text, total=total)

    def advance(self, count: int) -> None:
        """Tell how much of the step is done."""
        if self._task is not None:
            self._view.advance(self._task, count)
