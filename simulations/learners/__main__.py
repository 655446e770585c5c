"""`python -m simulations.learners [--operators N] [--waves N] [--only PART]` writes the README.

With ``--world NAME`` that world alone. What is of other operators than the first (``--first N``) is
printed and not written.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from simulations.learners import new_offer, scores, sweep
from simulations.learners.analysis import new_offers, spoken, table

PARTS = ("worlds", "new offer", "declared offer")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--operators", type=int, default=5, help="replicates of each world")
    parser.add_argument("--waves", type=int, default=3, help="that are decided by what was learned")
    parser.add_argument("--only", choices=PARTS, help="leave the other parts as they are")
    parser.add_argument("--world", choices=sweep.ORDER, help="this one alone")
    parser.add_argument("--first", type=int, default=1, help="operator")
    wanted = parser.parse_args()
    seeds = range(wanted.first, wanted.first + wanted.operators)
    into_readme = wanted.first == 1
    if wanted.world is None:
        for part in PARTS[1:] if wanted.only is None else {wanted.only} - {"worlds"}:
            met: list[new_offer.Met] = []
            for seed in seeds:
                met += new_offer.run(seed, columns=part == "declared offer")
                print(new_offers(part, met), file=sys.stderr, flush=True)
            _write(part, new_offers(part, met), into_readme=into_readme)
    if wanted.world or wanted.only in {None, "worlds"}:
        for world in (wanted.world,) if wanted.world else sweep.ORDER:
            _write(f"world {world}", _world(world, seeds, wanted.waves), into_readme=into_readme)


def _world(world: str, seeds: range, waves: int) -> str:
    """The table of a world, told after each operator too."""
    runs: list[sweep.Run] = []
    for seed in seeds:
        if world == "scored":
            runs += scores.run(seed, waves)
        else:
            setting = next(s for s in sweep.settings(seed) if s.name == world)
            runs += sweep.run(setting, waves)
        print("\n".join(table(world, runs)), file=sys.stderr, flush=True)
    return "\n".join([*table(world, runs), *(spoken(runs) if world == "scored" else ())])


def _write(part: str, text: str, *, into_readme: bool) -> None:
    """Print a part, and put it between its marks."""
    print(text, flush=True)
    if not into_readme:
        return
    readme = Path(__file__).parent / "README.md"
    begin, end = f"<!-- generated: {part} -->\n", f"<!-- end: {part} -->\n"
    marked = re.compile(f"{re.escape(begin)}.*{re.escape(end)}", re.DOTALL)
    whole = readme.read_text(encoding="utf-8")
    readme.write_text(marked.sub(lambda _: begin + text + end, whole), encoding="utf-8")


if __name__ == "__main__":
    main()
