"""`python -m simulations.learners [--operators N] [--waves N] [--only PART]` writes the README.

With ``--world NAME`` that world alone. Nothing is written of it, nor of others than the first
operators (``--first N``): it is printed.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from simulations.learners import new_offer, scores, sweep
from simulations.learners.analysis import new_offers, table, worlds

PARTS = ("worlds", "new offer", "declared offer")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--operators", type=int, default=5, help="replicates of each world")
    parser.add_argument("--waves", type=int, default=3, help="that are decided by what was learned")
    parser.add_argument("--only", choices=PARTS, help="leave the other parts as they are")
    parser.add_argument("--world", choices=sweep.ORDER[:-1], help="print this one alone")
    parser.add_argument("--first", type=int, default=1, help="operator")
    wanted = parser.parse_args()
    if wanted.world:
        _one(wanted.world, wanted.first, wanted.operators, wanted.waves)
        return
    seeds = range(wanted.first, wanted.first + wanted.operators)
    for part in PARTS[1:] if wanted.only is None else {wanted.only} - {"worlds"}:
        met: list[new_offer.Met] = []
        for seed in seeds:
            met += new_offer.run(seed, columns=part == "declared offer")
            _write(part, new_offers(part, met), into_readme=wanted.first == 1)
    runs: list[sweep.Run] = []
    for seed in seeds if wanted.only in {None, "worlds"} else ():
        for setting in sweep.settings(seed):
            runs += sweep.run(setting, wanted.waves)
            print(f"operator {seed}: {setting.name}", file=sys.stderr, flush=True)
        runs += scores.run(seed, wanted.waves)
        text = worlds(sorted(runs, key=lambda run: sweep.ORDER.index(run.world)))
        _write("worlds", text, into_readme=wanted.first == 1)


def _one(world: str, first: int, operators: int, waves: int) -> None:
    """The table of a world after each operator."""
    runs: list[sweep.Run] = []
    for seed in range(first, first + operators):
        setting = next(s for s in sweep.settings(seed) if s.name == world)
        runs += sweep.run(setting, waves)
        print("\n".join(table(world, runs)), flush=True)


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
