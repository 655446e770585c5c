"""What a cluster did for a command."""

from __future__ import annotations

from dataclasses import dataclass


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
        again = f", {self.retries:,} attempts lost and made good" if self.retries else ""
        return (
            f"{self.tasks:,} tasks on {self.executors:,} executors of {self.master}{again}; a"
            f" worker held at most {self.memory_mb:,} MB"
        )
