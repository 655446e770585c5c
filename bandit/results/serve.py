"""What a wave came to, and what it would be worth at other sizes of a limit."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from bandit.results.result import Result


@dataclass(frozen=True)
class Price:
    """A limit: ``price`` is what one more unit would be worth, ``used`` what the wave took."""

    name: str
    most: float | None
    least: float
    price: float
    used: float


@dataclass(frozen=True)
class WaveSummary(Result):
    """One wave.

    ``contacts`` and ``offers`` count outbound contacts, ``shown`` filled inbound ranks;
    ``at_peace`` says why customers got no contact; money is in ``unit``.
    """

    wave: str
    at: str
    snapshot: str
    customers: int
    rejected: int
    decisions: int
    contacted: int
    contacts: dict[str, int]
    shown: dict[str, int]
    offers: dict[str, int]
    at_peace: dict[str, int]
    groups: dict[str, int]
    expected_value: float
    expected_no_contact: float
    withheld: int
    unit: str
    dry_run: bool
    lists: dict[str, int]
    limits: list[Price] = field(default_factory=list)
    primal_value: float | None = None
    dual_value: float | None = None
    gap: float | None = None
    given_up: int = 0
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class WhatIfPoint:
    """``value``: the best that any allocation could reach at ``most``, in the campaign's unit."""

    most: float
    value: float
    price: float
    used: float


@dataclass(frozen=True)
class WhatIf(Result):
    """``customers`` of ``total`` were looked at; values are scaled to all.

    ``now`` is the limit as it is, None where there is none. ``folder`` is where its page goes.
    """

    limit: str
    now: float | None
    unit: str
    customers: int
    total: int
    points: list[WhatIfPoint]
    folder: Path
    report: Path | None = None
    notes: list[str] = field(default_factory=list)
