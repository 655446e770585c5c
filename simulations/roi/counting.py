"""Counts over worlds: how often intervals hold what is known."""

from __future__ import annotations

import os
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from bandit.record import index
from bandit.results.roi import Budget, Return
from bandit.workflows.inspect.roi import roi
from simulations.roi.environment import AT, WAVES, WEEK, Truth, served


class Told(NamedTuple):
    """A figure as it is told, and the gain that is known."""

    found: Return | None
    truth: float


class Seen(NamedTuple):
    """What the program told of one world, figures by name; ``known`` is of contacted buyers."""

    figures: dict[str, Told]
    budget: Budget | None
    known: Truth


def seen(seed: int, customers: int, effect: float) -> Seen:
    """Serve a campaign and hear what `roi` tells of it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "campaign"
        # No views for queries, which nobody asks for here, and no waiting for the disk.
        with (
            mock.patch.object(index, "refresh", return_value=False),
            mock.patch.object(os, "fsync"),
        ):
            truth = served(folder, seed, customers, effect)
            shown = roi(folder, at=AT + WAVES * WEEK)
    figures = {"campaign": Told(shown.total, truth.added["campaign"])}
    figures |= {one.of: Told(one, truth.added[one.of]) for one in shown.offers}
    return Seen(figures, shown.budget, truth)


class Count:
    """How often a figure was told, held the truth, and was said to be positive."""

    def __init__(self) -> None:
        self.worlds = self.told = self.gain = self.roi = self.positive = 0
        self.returns = [0.0, 0.0, 0.0]

    def add(self, told: Told) -> None:
        """Add a world; one that says too little counts for nothing."""
        self.worlds += 1
        one, truth = told
        if one is None or one.value is None or one.roi is None:
            return
        true = truth / one.cost - 1.0
        self.told += 1
        self.gain += one.value.lower <= truth <= one.value.upper
        self.roi += one.roi.lower <= true <= one.roi.upper
        self.positive += one.value.lower > 0.0
        means = one.roi.value, true, one.attributed / one.cost - 1.0
        self.returns = [total + one for total, one in zip(self.returns, means, strict=True)]

    def shares(self) -> str:
        """Cells of a table: told, held twice, said to be positive."""
        n = max(self.told, 1)
        shares = (f"{share / n:.1%}" for share in (self.gain, self.roi, self.positive))
        return " | ".join([str(self.told), *shares])

    def means(self) -> str:
        """Cells of a table: ROI as told, as known, by attribution."""
        return " | ".join(f"{total / max(self.told, 1):+.1f}" for total in self.returns)


class Lots:
    """How often the area of an order by lot held 0, and what the budget's order was said to add."""

    def __init__(self) -> None:
        self.told = self.held = self.ordered = 0

    def add(self, budget: Budget | None) -> None:
        """Add a run; one that says too little counts for nothing."""
        if budget is not None:
            self.told += 1
            self.held += budget.by_chance.lower <= 0.0 <= budget.by_chance.upper
            self.ordered += budget.by_order.lower > 0.0


class Worlds:
    """An effect's runs: figures by name, orders by lot, and contacted buyers, organic ones."""

    def __init__(self, effect: float) -> None:
        self.effect = effect
        self.figures: dict[str, Count] = defaultdict(Count)
        self.lots = Lots()
        self.buyers = self.organic = 0

    def add(self, one: Seen) -> None:
        """Hold what was told against what is known."""
        for name, told in one.figures.items():
            self.figures[name].add(told)
        self.lots.add(one.budget)
        self.buyers += one.known.buyers
        self.organic += one.known.organic
