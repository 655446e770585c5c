"""`python -m simulations.experiments [FILE] [--runs N] [--planted N]` writes into the README."""

from __future__ import annotations

import argparse
from pathlib import Path

from simulations.experiments.analysis import report, shared
from simulations.experiments.environment import Population
from simulations.experiments.shared_caps import shared_caps, truth
from simulations.experiments.sweep import false_alarms, power

HERE = Path(__file__).parent
MARK = "<!-- generated below -->\n"


def main() -> None:
    default = HERE.parents[2] / "shared" / "data" / "hillstrom" / "hillstrom.csv.gz"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", default=default)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--planted", type=int, default=500)
    parser.add_argument("--customers", type=int, default=20_000)
    wanted = parser.parse_args()
    population = Population.read(wanted.file)
    alarms = [
        false_alarms(population, "spend", wanted.runs, adjusted=False),
        false_alarms(population, "spend, history as covariate", wanted.runs, adjusted=True),
    ]
    text = report(alarms, power(population, wanted.planted, wanted.customers), wanted.planted)
    target = truth()
    capped = shared_caps(wanted.planted, wanted.customers, target)
    text += shared(capped, wanted.planted, wanted.customers, target)
    print(text)
    readme = HERE / "README.md"
    head = readme.read_text(encoding="utf-8").split(MARK)[0]
    readme.write_text(head + MARK + text, encoding="utf-8")


if __name__ == "__main__":
    main()
