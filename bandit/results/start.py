"""What a campaign begins with: an example, a check, the whole loop on a generated operator."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bandit.results.figures import Interval
from bandit.results.result import Result

LEARNED, RULES, HOLDOUT = "lin_ts", "rules", "holdout"
"""The groups of the demo."""


@dataclass(frozen=True)
class InitResult(Result):
    """What was written where."""

    folder: Path
    customers: int
    files: tuple[str, ...]
    next: tuple[str, ...]


@dataclass(frozen=True)
class Remade:
    """What `--leakage` made again and found as it was served; ``values`` in all."""

    waves: tuple[str, ...]
    variables: tuple[str, ...]
    values: int


@dataclass(frozen=True)
class Covered:
    """Different ids of a kind in a source, how many [identity] knows, and one that it does not."""

    source: str
    kind: str
    ids: int
    matched: int
    example: str | None


@dataclass(frozen=True)
class CheckResult(Result):
    """A campaign without faults: what it has, and what is odd about it.

    ``identity``: the sources whose rows do not have our own keys. ``remade``: None where past
    waves' variables were not made again.
    """

    campaign: str
    customers: int
    refused: int
    offers: int
    channels: int
    features: tuple[str, ...]
    warnings: tuple[str, ...]
    identity: tuple[Covered, ...] = ()
    remade: Remade | None = None


@dataclass(frozen=True)
class WaveScore:
    """One wave; money is EUR net of contact costs, a mean over the group's customers or contacts.

    ``closed``: share of the distance between rules and the best that the truth allows, which the
    learned policy has closed: true means of what it chose, of what rules would have chosen for the
    same people, and of their best eligible action.
    """

    wave: str
    customers: dict[str, int]
    contacts: dict[str, int]
    per_customer: dict[str, float]
    per_contact: dict[str, float | None]
    learned_less_rules: Interval
    closed: Interval


@dataclass(frozen=True)
class DemoResult(Result):
    """The waves in order; money is EUR net of contact costs."""

    folder: Path
    customers: int
    offers: int
    channels: int
    unit: str
    waves: tuple[WaveScore, ...]
    learned_less_rules: Interval
    next: tuple[str, ...]
