"""`python -m simulations.hillstrom [FILE]` prints the result and writes it into the README."""

from __future__ import annotations

import sys
from pathlib import Path

from simulations.hillstrom.analysis import report
from simulations.hillstrom.environment import load
from simulations.hillstrom.sweep import run

HERE = Path(__file__).parent
MARK = "<!-- generated below -->\n"


def main() -> None:
    default = HERE.parents[2] / "shared" / "data" / "hillstrom" / "hillstrom.csv.gz"
    log = load(Path(sys.argv[1]) if len(sys.argv) > 1 else default)
    text = report(log, *run(log))
    print(text)
    readme = HERE / "README.md"
    head = readme.read_text(encoding="utf-8").split(MARK)[0]
    readme.write_text(head + MARK + text, encoding="utf-8")


if __name__ == "__main__":
    main()
