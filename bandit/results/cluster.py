"""What a cluster did for a command."""

from __future__ import annotations

from dataclasses import dataclass

from bandit.core.wording import counted


@dataclass(frozen=True)
class ClusterWork:
    """``tasks`` that counted and ``retries`` beside them, on so many ``executors``.

    ``memory_mb`` is the most that one Python worker held, its libraries included.
    """

    master: str
    executors: int
    tasks: int
    retries: int
    memory_mb: int

    @property
    def told(self) -> str:
        """The same in a sentence."""
        again = f", {counted(self.retries, 'attempt')} lost and made good" if self.retries else ""
        return (
            f"{counted(self.tasks, 'task')} on {counted(self.executors, 'executor')} of"
            f" {self.master}{again}; a worker held at most {self.memory_mb:,} MB"
        )
