"""`python -m simulations.roi [--runs N] [--customers N]` writes coverage into the README."""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
import sys
import tempfile
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from bandit.record import index
from bandit.results.roi import Budget, Return
from bandit.workflows.inspect.roi import roi
from simulations.roi.environment import AT, WAVES, WEEK, served

MARK = "<!-- generated below -->\n"
HEADS = (
    "increment covered", "ROI covered", "said to be above 0", "ROI, mean", "true ROI",
    "by attribution",
)  # fmt: skip
EFFECTS = (0.0, 0.4)


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


class World(NamedTuple):
    """An effect's runs: figures by name, orders by lot, and contacted buyers, organic ones."""

    figures: dict[str, Count]
    lots: Lots
    buyers: int
    organic: int


def counted(effect: float, first: int, wanted: argparse.Namespace) -> World:
    """The whole campaign, each offer and the budget over worlds of seeds from ``first`` on."""
    found: dict[str, Count] = defaultdict(Count)
    lots, buyers, organic = Lots(), 0, 0
    for seed in range(first, first + wanted.runs):
        folder = Path(tempfile.mkdtemp()) / "campaign"
        # Without views for queries, which nobody asks for here: a quarter of the time.
        with mock.patch.object(index, "refresh", return_value=False):
            truth = served(folder, seed, wanted.customers, effect)
        shown = roi(folder, at=AT + WAVES * WEEK)
        found["campaign"].add(shown.total, truth.added["campaign"])
        for one in shown.offers:
            found[one.of].add(one, truth.added[one.of])
        lots.add(shown.budget)
        buyers, organic = buyers + truth.buyers, organic + truth.organic
        shutil.rmtree(folder.parent)
        if (seed + 1) % 50 == 0:
            told = [count.row(effect, name) for name, count in found.items()]
            sys.stderr.write(
                f"{seed + 1}: {lots.held} of {lots.told} by lot\n{chr(10).join(told)}\n"
            )
    return World(found, lots, buyers, organic)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--customers", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=len(EFFECTS))
    wanted = parser.parse_args()
    lines = [f"{wanted.runs} worlds each of {wanted.customers:,} customers and {WAVES} waves.", ""]
    lines += ["| effect | of | told | " + " | ".join(HEADS) + " |", "|---" * 9 + "|"]
    with ProcessPoolExecutor(wanted.processes, multiprocessing.get_context("spawn")) as pool:
        waiting = {
            effect: pool.submit(counted, effect, number * wanted.runs, wanted)
            for number, effect in enumerate(EFFECTS)
        }
        worlds = {effect: future.result() for effect, future in waiting.items()}
    for effect, world in worlds.items():
        lines += [world.figures[name].row(effect, name) for name in sorted(world.figures)]
    lines += ["", "| effect | of contacted buyers, would have bought anyway | curve told | an order by"
              " lot adds 0 | the order said to add |", "|---" * 5 + "|"]  # fmt: skip
    for effect, world in worlds.items():
        lots, n = world.lots, max(world.lots.told, 1)
        organic = f"{world.organic / max(world.buyers, 1):.1%}"
        lines.append(
            f"| {effect:g} | {organic} | {lots.told} | {lots.held / n:.1%} |"
            f" {lots.ordered / n:.1%} |"
        )
    text = "\n".join(lines) + "\n"
    print(text)
    readme = Path(__file__).parent / "README.md"
    head = readme.read_text(encoding="utf-8").partition(MARK)[0]
    readme.write_text(head + MARK + text, encoding="utf-8")


if __name__ == "__main__":
    main()
