"""What became of decisions that were made one by one."""

from __future__ import annotations

from dataclasses import dataclass, field

from bandit.results.result import Change, Result


@dataclass(frozen=True)
class SealedWave:
    """A stream's segment as a wave; ``decisions`` count slots."""

    wave: str
    customers: int
    decisions: int


@dataclass(frozen=True)
class Sealed(Result):
    """``waves`` that the live decisions have become; ``outcomes`` heard live that were stored."""

    waves: list[SealedWave]
    outcomes: int
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Triggered(Result):
    """What ``events`` of a file, and ``released`` ones that had waited, led to.

    Each is counted once, from ``contacted`` to ``rejected``; ``outbox`` counts lines by channel.
    """

    campaign: str
    events: int
    released: int
    contacted: int
    no_contact: int
    gated: int
    waiting: int
    quiet: int
    expired: int
    unmatched: int
    refusal: int
    unknown_kind: int
    unknown_customer: int
    duplicate: int
    rejected: int
    outbox: dict[str, int]
    still_waiting: int
    notes: list[str] = field(default_factory=list)

    def change(self) -> Change:
        """As the journal has it."""
        return Change("trigger", None)


FATES = (
    "contacted", "no_contact", "gated", "waiting", "quiet", "expired", "unmatched", "refusal",
    "unknown_kind", "unknown_customer", "duplicate", "rejected",
)  # fmt: skip
"""What an event can come to."""


@dataclass(frozen=True)
class Served(Result):
    """A server that has ended; ``decided`` requests were answered with decisions."""

    campaign: str
    url: str
    decided: int
    notes: list[str] = field(default_factory=list)
