"""Counts over worlds: how often intervals hold what is known."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from pathlib import Path
from unittest import mock

from bandit.record import index
from bandit.results.roi import Budget, Return
from bandit.workflows.inspect.roi import roi
from simulations.roi.environment import AT, WAVES, WEEK, served


class Count:
    """How often a figure was told, held the truth, and was said to be positive."""

    def __init__(self) -> None:
        self.told = self.gain = self.roi = self.positive = 0
        self.returns = [0.0, 0.0, 0.0]

    def add(self, one: Return | None, truth: float) -> None:
        """Add a run; one that says too little counts for nothing."""
        if one is None or one.value is None or one.roi is None:
            return
        true = truth / one.cost - 1.0
        self.told += 1
        self.gain += one.value.lower <= truth <= one.value.upper
        self.roi += one.roi.lower <= true <= one.roi.upper
        self.positive += one.value.lower > 0.0
        told = one.roi.value, true, one.attributed / one.cost - 1.0
        self.returns = [total + one for total, one in zip(self.returns, told, strict=True)]

    def row(self, effect: float, name: str) -> str:
        """A line of the table."""
        n = max(self.told, 1)
        means = " | ".join(f"{total / n:+.1f}" for total in self.returns)
        return (
            f"| {effect:g} | {name} | {self.told} | {self.gain / n:.1%} | {self.roi / n:.1%} |"
            f" {self.positive / n:.1%} | {means} |"
        )


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


class World:
    """An effect's runs: figures by name, orders by lot, and contacted buyers, organic ones."""

    def __init__(self, effect: float) -> None:
        self.effect = effect
        self.figures: dict[str, Count] = defaultdict(Count)
        self.lots = Lots()
        self.buyers = self.organic = 0

    def run(self, seed: int, customers: int) -> None:
        """Serve a campaign and hold what `roi` tells against what is known."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "campaign"
            # Without views for queries, which nobody asks for here: a quarter of the time.
            with mock.patch.object(index, "refresh", return_value=False):
                truth = served(folder, seed, customers, self.effect)
            shown = roi(folder, at=AT + WAVES * WEEK)
        self.figures["campaign"].add(shown.total, truth.added["campaign"])
        for one in shown.offers:
            self.figures[one.of].add(one, truth.added[one.of])
        self.lots.add(shown.budget)
        self.buyers += truth.buyers
        self.organic += truth.organic
