"""`python -m simulations.coverage [--logs N] [--rows N]` writes the result into the README."""

from __future__ import annotations

import argparse
from pathlib import Path

from simulations.coverage import known_truth
from simulations.coverage.analysis import report
from simulations.coverage.environment import KINDS
from simulations.coverage.sweep import coverage, shipped_under_peeking, shipped_without_lift

MARK = "<!-- generated below -->\n"
LOOKS = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logs", type=int, default=2000)
    parser.add_argument("--rows", type=int, default=1000)
    wanted = parser.parse_args()
    table = [row for kind in KINDS for row in coverage(kind, wanted.logs, wanted.rows)]
    gated = wanted.logs // 2
    once = tuple(shipped_without_lift(gated, 2000, m) for m in ("bootstrap", "betting"))
    peeking = shipped_under_peeking(gated, 10 * LOOKS, LOOKS)
    text = report(table, wanted.rows, once, peeking, LOOKS) + "\n" + known_truth.report()
    print(text)
    readme = Path(__file__).parent / "README.md"
    head = readme.read_text(encoding="utf-8").split(MARK)[0]
    readme.write_text(head + MARK + text, encoding="utf-8")


if __name__ == "__main__":
    main()
