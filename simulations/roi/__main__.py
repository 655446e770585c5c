"""`python -m simulations.roi [--runs N] [--customers N] [--processes N]` writes into the README.

With ``--drawn N`` only the estimators are run, on N worlds a row that no campaign is written for.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from simulations.roi.analysis import of_drawn, of_worlds
from simulations.roi.counting import Count, Seen, Worlds, seen
from simulations.roi.drawn import REGIMES, Regime, world

HERE = Path(__file__).parent
DRAWN, MARK = "<!-- drawn generated below -->\n", "<!-- generated below -->\n"
EFFECTS = (0.0, 0.4)
AT_A_TIME = 25
"""Runs after which the page is written: one that ends early has said what it knows."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--customers", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--drawn", type=int)
    wanted = parser.parse_args()
    readme = HERE / "README.md"
    if wanted.drawn is not None:
        rows = []
        for row in _drawn(wanted.drawn):
            rows.append(row)
            text = of_drawn(rows, wanted.drawn)
            head, _, rest = readme.read_text(encoding="utf-8").partition(MARK)
            above = head.partition(DRAWN)[0]
            readme.write_text(above + DRAWN + text + "\n" + MARK + rest, "utf-8")
        print(text)
        return
    worlds = [Worlds(effect) for effect in EFFECTS]
    for done, both in enumerate(_seen(wanted.runs, wanted.customers, wanted.processes), 1):
        for one, of in zip(both, worlds, strict=True):
            of.add(one)
        if done % AT_A_TIME == 0 or done == wanted.runs:
            text = of_worlds(worlds, done, wanted.customers)
            head = readme.read_text(encoding="utf-8").partition(MARK)[0]
            readme.write_text(head + MARK + text, "utf-8")
    print(text)


def _seen(runs: int, customers: int, processes: int) -> Iterator[tuple[Seen, ...]]:
    """A world of each effect, in the order of their seeds."""
    asked = [(e * runs + run, effect) for run in range(runs) for e, effect in enumerate(EFFECTS)]
    seeds, effects = zip(*asked, strict=True)
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        found = pool.map(seen, seeds, [customers] * len(seeds), effects)
        yield from zip(*[found] * len(EFFECTS), strict=True)


def _drawn(runs: int) -> Iterator[tuple[Regime, dict[str, Count]]]:
    """Each regime without an effect and with it."""
    for regime in REGIMES:
        for one in (regime._replace(effect=0.0), regime):
            counts: dict[str, Count] = {}
            for seed in range(runs):
                for name, told in world(one, seed).items():
                    counts.setdefault(name, Count()).add(told)
            yield one, counts


if __name__ == "__main__":
    main()
