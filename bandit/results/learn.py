"""What was learned, from which waves."""

from __future__ import annotations

from dataclasses import dataclass, field

from bandit.results.cluster import ClusterWork
from bandit.results.result import Change, Result


@dataclass(frozen=True)
class LearnSummary(Result):
    """``waves`` are those in the snapshot, ``waiting`` those whose window is still open.

    ``silent`` are those of ``waves`` that have decisions and not one event in their window.
    ``cluster``: what Spark did, None on one machine.
    """

    snapshot: str | None
    parent: str | None
    new: bool
    waves: list[str]
    waiting: list[str]
    decisions: int
    events: int
    silent: list[str]
    outside_window: int
    delivered: int
    rejected: int
    unit: str
    cluster: ClusterWork | None = None
    notes: list[str] = field(default_factory=list)

    def change(self) -> Change:
        """As the journal has it."""
        return Change("learn", self.snapshot if self.new else None)
