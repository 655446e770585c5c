"""`python -m simulations.baskets FOLDER [--draws N]` prints the result and writes the README."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from simulations.baskets.analysis import report
from simulations.baskets.environment import load, missing
from simulations.baskets.sweep import run

MARK = "<!-- generated below -->\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where transactions and products lie")
    parser.add_argument("--draws", type=int, default=5, help="so often another category is hidden")
    wanted = parser.parse_args()
    if (lacking := missing(wanted.folder)) is not None:
        print(f"skipped: {lacking}", file=sys.stderr)
        return
    year = load(wanted.folder)
    text = report([run(year, seed) for seed in range(1, wanted.draws + 1)])
    print(text)
    readme = Path(__file__).parent / "README.md"
    head = readme.read_text(encoding="utf-8").split(MARK)[0]
    readme.write_text(head + MARK + text, encoding="utf-8")


if __name__ == "__main__":
    main()
