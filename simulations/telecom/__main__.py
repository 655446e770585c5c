"""`python -m simulations.telecom` prints the result and writes it into the README."""

from __future__ import annotations

from pathlib import Path

from simulations.telecom.analysis import report
from simulations.telecom.sweep import run

MARK = "<!-- generated below -->\n"


def main() -> None:
    text = report(run())
    print(text)
    readme = Path(__file__).parent / "README.md"
    head = readme.read_text(encoding="utf-8").split(MARK)[0]
    readme.write_text(head + MARK + text, encoding="utf-8")


if __name__ == "__main__":
    main()
