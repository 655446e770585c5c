"""`python -m simulations.depths [--shops N] [--customers N] [--waves N]` writes the README."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from simulations.depths.sweep import LAST, Run, run

MARK = "<!-- generated below -->\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shops", type=int, default=3, help="replicates")
    parser.add_argument("--customers", type=int, default=20_000, help="other ones in each wave")
    parser.add_argument("--waves", type=int, default=6, help="the first is drawn evenly")
    wanted = parser.parse_args()
    seeds = range(1, wanted.shops + 1)
    runs = [run(seed, wanted.customers, wanted.waves) for seed in seeds]
    text = f"{wanted.customers:,} customers in each of {wanted.waves} waves.\n\n" + report(runs)
    print(text)
    readme = Path(__file__).parent / "README.md"
    head = readme.read_text(encoding="utf-8").split(MARK)[0]
    readme.write_text(head + MARK + text, encoding="utf-8")


def report(runs: Sequence[Run]) -> str:
    lines = [
        f"EUR a customer in the last {LAST} waves.",
        "",
        "| shop | best | one depth, by the truth | one depth, learned | depths, learned | the same"
        " without order | of the gain over one depth, by the truth | learned | responses rise |"
        " without order |",
        "|---|---|---|---|---|---|---|---|---|---|",
        *(_row(str(one.seed), one) for one in runs),
    ]
    mean = Run(0, *(float(np.mean(part)) for part in list(zip(*runs, strict=True))[1:]))
    return "\n".join([*lines, _row("mean", mean), ""])


def _row(name: str, one: Run) -> str:
    by_truth = (one.learned - one.fixed) / (one.best - one.fixed)
    learned = (one.learned - one.fixed_learned) / (one.best - one.fixed_learned)
    return (
        f"| {name} | {one.best:.3f} | {one.fixed:.3f} | {one.fixed_learned:.3f} |"
        f" {one.learned:.3f} | {one.unordered:.3f} | {by_truth:.0%} | {learned:.0%} |"
        f" {one.rising:.2%} | {one.crossed:.2%} |"
    )


if __name__ == "__main__":
    main()
