"""`python -m simulations.roi [--runs N] [--customers N]` writes coverage into the README."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from simulations.roi.counting import World
from simulations.roi.environment import WAVES

MARK = "<!-- generated below -->\n"
HEADS = (
    "increment covered", "ROI covered", "said to be above 0", "ROI, mean", "true ROI",
    "by attribution",
)  # fmt: skip
LOTS = (
    "of contacted buyers, would have bought anyway", "curve told", "an order by lot adds 0",
    "the order said to add",
)  # fmt: skip
EFFECTS = (0.0, 0.4)
AT_A_TIME = 25
"""Runs after which the page is written: one that ends early has said what it knows."""


def page(worlds: Sequence[World], runs: int, customers: int) -> str:
    """Both tables."""
    lines = [f"{runs} worlds of each effect, of {customers:,} customers and {WAVES} waves.", ""]
    lines += ["| effect | of | told | " + " | ".join(HEADS) + " |", "|---" * 9 + "|"]
    for world in worlds:
        lines += [world.figures[name].row(world.effect, name) for name in sorted(world.figures)]
    lines += ["", "| effect | " + " | ".join(LOTS) + " |", "|---" * 5 + "|"]
    for world in worlds:
        lots, n = world.lots, max(world.lots.told, 1)
        organic = f"{world.organic / max(world.buyers, 1):.1%}"
        lines.append(
            f"| {world.effect:g} | {organic} | {lots.told} | {lots.held / n:.1%} |"
            f" {lots.ordered / n:.1%} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--customers", type=int, default=1000)
    wanted = parser.parse_args()
    readme = Path(__file__).parent / "README.md"
    head = readme.read_text(encoding="utf-8").partition(MARK)[0]
    worlds = [World(effect) for effect in EFFECTS]
    for run in range(wanted.runs):
        for number, world in enumerate(worlds):
            world.run(number * wanted.runs + run, wanted.customers)
        if (run + 1) % AT_A_TIME == 0 or run + 1 == wanted.runs:
            text = page(worlds, run + 1, wanted.customers)
            readme.write_text(head + MARK + text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
