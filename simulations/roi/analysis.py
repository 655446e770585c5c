"""Tables of coverage as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from simulations.roi.counting import Count, Worlds
from simulations.roi.drawn import Regime
from simulations.roi.environment import WAVES

HEADS = "told | increment covered | ROI covered | said to be above 0"
RETURNS = "ROI, mean | true ROI | by attribution"
LOTS = (
    "of contacted buyers, would have bought anyway | curve told | an order by lot adds 0"
    " | the order said to add"
)


def of_worlds(worlds: Sequence[Worlds], runs: int, customers: int) -> str:
    """Both tables of the whole program."""
    lines = [f"{runs} worlds of each effect, of {customers:,} customers and {WAVES} waves.", ""]
    lines += [f"| effect | of | {HEADS} | {RETURNS} |", "|---" * 9 + "|"]
    for world in worlds:
        for name, count in sorted(world.figures.items()):
            lines.append(f"| {world.effect:g} | {name} | {count.shares()} | {count.means()} |")
    lines += ["", f"| effect | {LOTS} |", "|---" * 5 + "|"]
    for world in worlds:
        lots, n = world.lots, max(world.lots.told, 1)
        organic = f"{world.organic / max(world.buyers, 1):.1%}"
        lines.append(
            f"| {world.effect:g} | {organic} | {lots.told} | {lots.held / n:.1%} |"
            f" {lots.ordered / n:.1%} |"
        )
    return "\n".join(lines) + "\n"


def of_drawn(rows: Sequence[tuple[Regime, dict[str, Count]]], runs: int) -> str:
    """The table of the estimators alone."""
    lines = [
        f"{runs} worlds a row of {WAVES} waves, drawn.",
        "",
        f"| purchases | people | effect | of | {HEADS} |",
        "|---" * 8 + "|",
    ]
    for regime, counts in rows:
        lines += [
            f"| {regime.name} | {regime.n:,} | {regime.effect:g} | {name} | {count.shares()} |"
            for name, count in counts.items()
        ]
    return "\n".join(lines) + "\n"
