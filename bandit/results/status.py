"""Where a campaign stands: its waves, snapshots, experiments and runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from bandit.results.result import Result


@dataclass(frozen=True)
class WaveStatus:
    """A published wave; ``window_ends`` is when its window closes."""

    name: str
    at: str
    kind: str
    decisions: int
    contacted: int | None
    snapshot: str
    window_ends: str
    closed: bool
    learned: bool
    config: str
    version: str | None
    run_by: str | None


@dataclass(frozen=True)
class SnapshotStatus:
    """A version; ``waves`` were folded into it, ``restored`` is the one that it repeats.

    ``pinned``: the arms of experiments, not yet over, that decide by it.
    """

    version: str
    parent: str | None
    waves: list[str]
    restored: str | None
    run_by: str | None
    pinned: list[str]


@dataclass(frozen=True)
class RunStatus:
    """A line of the journal."""

    at: str
    command: str
    made: str | None
    user: str
    host: str
    version: str


@dataclass(frozen=True)
class ExperimentStatus:
    """``state``: to start, running, over (all its waves are served), or resting and then free.

    ``until`` is when it starts, or when its buckets are free; ``closed`` of its ``waves`` can be
    read.
    """

    name: str
    layer: str
    state: str
    until: str | None
    waves: int
    closed: int
    planned: int


@dataclass(frozen=True)
class CampaignStatus(Result):
    """``serving`` is the version that the next wave is decided with, None for a prior."""

    campaign: str
    folder: Path
    config: str
    program: str
    serving: str | None
    waves: list[WaveStatus]
    snapshots: list[SnapshotStatus]
    experiments: list[ExperimentStatus]
    deliveries: int
    events: int
    waiting: int
    runs: list[RunStatus]
    next: list[str]
    notes: list[str] = field(default_factory=list)
