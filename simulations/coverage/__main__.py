"""`python -m simulations.coverage [PART ...]` writes the named tables into the README, or all.

Each table stands between two marks of its own, so that one can be made anew without the others.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from simulations.coverage import (
    analysis,
    confounded,
    demos,
    increments,
    known_truth,
    looks,
    rare,
    realised,
    waves,
)

PARTS: dict[str, Callable[[], str]] = {
    "waves": waves.report,
    "confounded": confounded.report,
    "rare": rare.report,
    "skewed": rare.skewed,
    "realised": realised.report,
    "increments": increments.report,
    "looks": looks.report,
    "demos": demos.report,
    "dense": analysis.report,
    "known_truth": known_truth.report,
}
README = Path(__file__).parent / "README.md"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    wanted = parser.parse_args().parts or list(PARTS)
    if unknown := [part for part in wanted if part not in PARTS]:
        parser.error(f"no table {unknown[0]!r}; there are {', '.join(PARTS)}")
    for part in wanted:
        text = PARTS[part]()
        print(text, flush=True)
        before, _, rest = README.read_text(encoding="utf-8").partition(_mark(part))
        _, _, after = rest.partition(END)
        README.write_text(f"{before}{_mark(part)}\n{text}{END}{after}", encoding="utf-8")


END = "<!-- end -->"


def _mark(part: str) -> str:
    return f"<!-- python -m simulations.coverage {part} -->"


if __name__ == "__main__":
    main()
