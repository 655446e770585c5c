"""`python -m simulations.roi [--runs N] [--customers N]` writes coverage into the README."""

from __future__ import annotations

import argparse
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from simulations.roi.counting import counted
from simulations.roi.environment import WAVES

MARK = "<!-- generated below -->\n"
HEADS = (
    "increment covered", "ROI covered", "said to be above 0", "ROI, mean", "true ROI",
    "by attribution",
)  # fmt: skip
EFFECTS = (0.0, 0.4)


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
            effect: pool.submit(
                counted, effect, number * wanted.runs, wanted.runs, wanted.customers
            )
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
