"""`python -m simulations.depths [--shops N] [--customers N] [--waves N]` writes the README.

With ``--logit`` the part on counts through the logit link, and nothing else.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from simulations.depths.sweep import LAST, Run, run

MARK = "<!-- generated below -->\n"
CURVE = "<!-- generated with --logit -->\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shops", type=int, default=3, help="replicates")
    parser.add_argument("--customers", type=int, default=20_000, help="other ones in each wave")
    parser.add_argument("--waves", type=int, default=10, help="the first is drawn evenly")
    parser.add_argument("--logit", action="store_true", help="what the curve earns")
    wanted = parser.parse_args()
    seeds = range(1, wanted.shops + 1)
    readme, runs = Path(__file__).parent / "README.md", []
    for seed in seeds:
        runs.append(run(seed, wanted.customers, wanted.waves, link=wanted.logit))
        told = f"{wanted.customers:,} customers in each of {wanted.waves} waves.\n\n"
        text = told + report(runs)
        head, curve, line = re.split(f"{CURVE}|{MARK}", readme.read_text(encoding="utf-8"))
        curve, line = (text + "\n", line) if wanted.logit else (curve, text)
        readme.write_text(head + CURVE + curve + MARK + line, encoding="utf-8")
        print(text, flush=True)


def report(runs: Sequence[Run]) -> str:
    lines = [
        f"EUR a customer in the last {LAST} waves.",
        "",
        "| shop | best | one depth, by the truth | learned | depths, of the columns | with products"
        " | of the gain over one depth by the truth | with products | over one depth learned, with"
        " products | responses rise | without order |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
        *(_row(str(one.seed), one) for one in runs),
    ]
    mean = Run(0, *(float(np.mean(part)) for part in list(zip(*runs, strict=True))[1:]))
    return "\n".join([*lines, _row("mean", mean), ""])


def _row(name: str, one: Run) -> str:
    by_truth = [(own - one.fixed) / (one.best - one.fixed) for own in (one.learned, one.products)]
    learned = (one.products - one.fixed_learned) / (one.best - one.fixed_learned)
    return (
        f"| {name} | {one.best:.3f} | {one.fixed:.3f} | {one.fixed_learned:.3f} |"
        f" {one.learned:.3f} | {one.products:.3f} | {by_truth[0]:.0%} | {by_truth[1]:.0%} |"
        f" {learned:.0%} | {one.rising:.2%} | {one.crossed:.2%} |"
    )


if __name__ == "__main__":
    main()
