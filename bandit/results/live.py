"""What became of decisions that were made one by one."""

from __future__ import annotations

from dataclasses import dataclass, field

from bandit.results.result import Result


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
class Served(Result):
    """A server that has ended; ``decided`` requests were answered with decisions."""

    campaign: str
    url: str
    decided: int
    notes: list[str] = field(default_factory=list)
