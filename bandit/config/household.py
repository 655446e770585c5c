"""What an experiment of households asks of the customers: of whom each is one."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Household(NamedTuple):
    """The unit of each customer in an ``experiment``, by a ``column`` of theirs.

    ``seen``: files of the experiment's earlier waves, the oldest first. Who stands in one keeps the
    unit that it says, wherever they live now.
    """

    experiment: str
    column: str
    seen: tuple[Path, ...] = ()

    @property
    def unit(self) -> str:
        """What the column of units is called, beside variables and segments."""
        return f"experiment.{self.experiment}"
