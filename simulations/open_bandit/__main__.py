"""`python -m simulations.open_bandit [FOLDER]` prints the result and writes it into the README."""

from __future__ import annotations

import sys
from pathlib import Path

from simulations.open_bandit.analysis import report
from simulations.open_bandit.sweep import run

HERE = Path(__file__).parent
MARK = "<!-- generated below -->\n"


def main() -> None:
    default = HERE.parents[2] / "shared" / "data" / "obd"
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    text = report(folder, *run(folder))
    print(text)
    readme = HERE / "README.md"
    head = readme.read_text(encoding="utf-8").split(MARK)[0]
    readme.write_text(head + MARK + text, encoding="utf-8")


if __name__ == "__main__":
    main()
