"""What became of the record by an operator's hand."""

from __future__ import annotations

from dataclasses import dataclass, field

from bandit.results.result import Change, Result


@dataclass(frozen=True)
class Rollback(Result):
    """``snapshot`` is the new version, equal to ``restored``; ``parent`` the one it replaces."""

    snapshot: str
    restored: str
    parent: str
    notes: list[str] = field(default_factory=list)

    def change(self) -> Change:
        """As the journal has it."""
        return Change("rollback", self.snapshot)
