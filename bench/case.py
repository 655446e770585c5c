"""A row of the table of cases: what is measured, against whom, and which twin it must equal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bench.inputs import Inputs, make

Run = Callable[[], Any]


@dataclass(frozen=True)
class Peer:
    """What a user would take instead; ``prepare`` returns a call that handles ``rows`` rows."""

    name: str
    prepare: Callable[[Inputs, int], Run]
    rows: int


@dataclass(frozen=True)
class Case:
    """One kernel at one size.

    ``prepare`` returns the call to time, ``twin`` raises where the kernel differs from its slow
    twin; ``unit`` is what a row counts for (k options, or one row).
    """

    kernel: str
    d: int
    k: int
    observations: int
    rows: int
    prepare: Callable[[Inputs], Run]
    twin: Callable[[Inputs], None]
    peers: tuple[Peer, ...] = ()
    unit: str = "options"
    roofline: bool = True
    tags: tuple[str, ...] = field(default=())

    @property
    def name(self) -> str:
        """Kernel and size, the key in results."""
        return f"{self.kernel} d={self.d} k={self.k} obs={self.observations}"

    def inputs(self, rows: int | None = None) -> Inputs:
        """Inputs of this size; ``rows`` instead of the case's own, for tests."""
        return make(self.d, self.k, self.observations, rows or self.rows)

    def amount(self, rows: int) -> int:
        """Units in so many rows."""
        return rows * self.k if self.unit == "options" else rows
