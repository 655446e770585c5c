"""What a wave came to, and what it would be worth at other sizes of a limit."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from bandit.results.cluster import ClusterWork
from bandit.results.money import Money
from bandit.results.result import Change, Result


@dataclass(frozen=True)
class Price:
    """A limit: ``price`` is what the wave charged a unit of it, ``used`` what it took.

    ``best_price`` and ``best_used`` are those of the certified best allocation by expected values:
    what is left over there has no price, and the price is what one more unit would be worth. None
    in waves of before there were both.
    """

    name: str
    most: float | None
    least: float
    price: float
    used: float
    best_price: float | None = None
    best_used: float | None = None


@dataclass(frozen=True)
class Split:
    """The part of the limits that a population had: ``arm`` is "experiment:arm", or everybody else.

    ``customers`` of it are what the limits were split by.
    """

    arm: str | None
    customers: int
    limits: list[Price]


@dataclass(frozen=True)
class WaveSummary(Result):
    """One wave.

    ``contacts`` and ``offers`` count outbound contacts, ``shown`` filled inbound ranks;
    ``at_peace`` says why customers got no contact. Money is in ``unit`` and defined in
    docs/money.md: ``expected_value`` is that of ``outbound`` and ``inbound`` together; they are
    None in a wave of before they were told apart. ``costs`` are those of contacts and shown offers,
    by channel. ``split`` are the parts of the limits where arms of experiments had their own;
    ``limits`` has the price of everybody else there. ``cluster``: what Spark did, None on one
    machine.
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
    split: list[Split] = field(default_factory=list)
    primal_value: float | None = None
    dual_value: float | None = None
    gap: float | None = None
    given_up: int = 0
    outbound: Money | None = None
    inbound: Money | None = None
    costs: dict[str, float] = field(default_factory=dict)
    cluster: ClusterWork | None = None
    notes: list[str] = field(default_factory=list)

    def change(self) -> Change | None:
        """As the journal has it."""
        return None if self.dry_run else Change("serve-batch", self.wave)


@dataclass(frozen=True)
class WhatIfPoint:
    """``value``: the best outbound expected value that any allocation could reach at ``most``."""

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
