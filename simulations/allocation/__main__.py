"""`python -m simulations.allocation [--instances N] [--customers N]` writes into the README."""

from __future__ import annotations

import argparse
from pathlib import Path

from simulations.allocation.analysis import report
from simulations.allocation.sweep import bound, large, pass_speed, small

MARK = "<!-- generated below -->\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instances", type=int, default=500)
    parser.add_argument("--customers", type=int, default=1_000_000)
    wanted = parser.parse_args()
    tallies = [small(seed) for seed in range(wanted.instances)]
    bounds = [bound(slots, seed) for slots in (1, 2) for seed in range(2)]
    text = report(
        tallies, bounds, wanted.customers, large(wanted.customers), pass_speed(20_000, 1000)
    )
    print(text)
    readme = Path(__file__).parent / "README.md"
    head = readme.read_text(encoding="utf-8").split(MARK)[0]
    readme.write_text(head + MARK + text, encoding="utf-8")


if __name__ == "__main__":
    main()
