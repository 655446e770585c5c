"""Operators whose offers are told by numbers: what makes customers like them stands in columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bandit.core.types import Float64
from bandit.worlds import World
from bandit.worlds.assortment import Assortment
from bandit.worlds.draws import logistic
from bandit.worlds.people import TRAITS

COLUMNS = ("size", "speed", "style")
STRENGTH = 0.4
"""What a standard deviation of a column changes a trait's weight by: tastes are as large then as
those of families."""


@dataclass(frozen=True)
class Declared(World):
    """Of each offer three numbers say all that its taste is; bases, regions and fits stay its own."""

    @cached_property
    def columns(self) -> Mapping[str, Float64]:
        """Each column's value of the offers, float64[o]."""
        at = np.arange(self.offers)
        return {
            name: logistic(self.seed, "column", at, np.full(self.offers, c))
            for c, name in enumerate(COLUMNS)
        }

    @cached_property
    def assortment(self) -> Assortment:
        """As a `World` has it, with the tastes of the columns."""
        c, t = np.arange(len(COLUMNS))[:, None], np.arange(len(TRAITS))
        loads = STRENGTH * logistic(self.seed, "liked column", c, t)
        drawn: Assortment = super().assortment
        return drawn._replace(taste=np.stack([*self.columns.values()], axis=1) @ loads)
