"""What is held of a person, and what went of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from bandit.results.result import Change, Result

Row: TypeAlias = dict[str, object]
"""A row of the record by its columns."""


@dataclass(frozen=True)
class CustomerExport(Result):
    """``decisions``: rows of the record with features by name and a reason in words.

    ``variables``: variables and segments as each wave served them.
    """

    customer: str
    decisions: list[Row]
    outcomes: list[Row]
    rejects: list[Row]
    lists: list[Row]
    refusals: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    variables: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Forgotten(Result):
    """How many rows went; ``waves`` lost decisions; ``still_in``: the user's own files."""

    customers: list[str]
    decisions: int
    outcomes: int
    rejects: int
    listed: int
    waves: list[str]
    still_in: list[str]
    notes: list[str] = field(default_factory=list)
    events: int = 0

    def change(self) -> Change:
        """As the journal has it."""
        return Change("forget", None)
