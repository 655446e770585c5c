"""`python -m simulations.experiments [FILE] [--runs N] [--planted N]` writes into the README.

With ``--waves N`` only what N waves a row show, as the product serves them; with ``--homes`` only
what concerns households, with ``--small-arms N`` what N experiments a row say of small arms, with
``--promised N`` how many of N a row find what `design` promised.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from simulations.experiments import promised_power, small_arms
from simulations.experiments.analysis import of_homes, of_waves, report, shared
from simulations.experiments.environment import Population
from simulations.experiments.homes import planted, redrawn
from simulations.experiments.shared_caps import shared_caps, truth
from simulations.experiments.sweep import false_alarms, power
from simulations.experiments.waves_under_caps import rows

HERE = Path(__file__).parent
WAVES, MARK = "<!-- waves generated below -->\n", "<!-- generated below -->\n"
HOMES = "<!-- homes generated below -->\n"
SMALL, END = "<!-- small arms generated below -->\n", "<!-- end -->\n"
PROMISED = "<!-- promised generated below -->\n"
CUSTOMERS, CROWD = 3_000, 15_000


def main() -> None:
    default = HERE.parents[2] / "shared" / "data" / "hillstrom" / "hillstrom.csv.gz"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", default=default)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--planted", type=int, default=500)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--waves", type=int)
    parser.add_argument("--homes", action="store_true")
    parser.add_argument("--small-arms", type=int)
    parser.add_argument("--promised", type=int)
    parser.add_argument("--redrawn", type=int, default=100_000)
    wanted = parser.parse_args()
    readme = HERE / "README.md"
    for runs, module, mark in (
        (wanted.small_arms, small_arms, SMALL),
        (wanted.promised, promised_power, PROMISED),
    ):
        if runs is not None:
            text = module.report(runs)
            print(text)
            above, _, below = readme.read_text(encoding="utf-8").partition(mark)
            below = below.partition(END)[2]
            readme.write_text(f"{above}{mark}{text}{END}{below}", encoding="utf-8")
            return
    head, rest = readme.read_text(encoding="utf-8").split(MARK)
    if wanted.waves is not None:
        text = of_waves(rows(wanted.waves, CUSTOMERS, CROWD), wanted.waves, CUSTOMERS)
        print(text)
        above, _, homes = head.partition(HOMES)
        above = above.split(WAVES)[0]
        readme.write_text(f"{above}{WAVES}{text}\n{HOMES}{homes}{MARK}{rest}", encoding="utf-8")
        return
    population = Population.read(wanted.file)
    if wanted.homes:
        found = planted(population, wanted.planted, wanted.customers)
        text = of_homes(found, redrawn(wanted.redrawn), wanted.planted)
        print(text)
        above = head.split(HOMES)[0]
        readme.write_text(f"{above}{HOMES}{text}\n{MARK}{rest}", encoding="utf-8")
        return
    alarms = [
        false_alarms(population, "spend", wanted.runs, adjusted=False),
        false_alarms(population, "spend, history as covariate", wanted.runs, adjusted=True),
    ]
    text = report(alarms, power(population, wanted.planted, wanted.customers), wanted.planted)
    target = truth()
    capped = shared_caps(wanted.planted, wanted.customers, target)
    text += shared(capped, wanted.planted, wanted.customers, target)
    print(text)
    readme.write_text(head + MARK + text, encoding="utf-8")


if __name__ == "__main__":
    main()
