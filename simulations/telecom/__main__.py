"""`python -m simulations.telecom [--sharing]` prints the result and writes it into the README.

With ``--sharing`` the drifting year of pairs that learn from each other, with the half-life that
their own waves suggest; it is printed alone.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from simulations.telecom import sharing
from simulations.telecom.analysis import report
from simulations.telecom.sweep import PER_WAVE, SEEDS, WAVES, Run, run

MARK = "<!-- generated below -->\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sharing", action="store_true")
    parser.add_argument("--operators", type=int, default=len(SEEDS), help="of --sharing")
    parser.add_argument("--waves", type=int, default=WAVES, help="of --sharing")
    parser.add_argument("--customers", type=int, default=PER_WAVE, help="a wave, of --sharing")
    parser.add_argument("--link", choices=("both", "identity", "logit"), default="both")
    wanted = parser.parse_args()
    if wanted.sharing:
        links = {"both": (False, True), "identity": (False,), "logit": (True,)}[wanted.link]
        runs: list[Run] = []
        for seed in range(1, wanted.operators + 1):
            runs += sharing.run(seed, wanted.waves, wanted.customers, links)
            print(sharing.shared(runs), flush=True)
        return
    text = report(run())
    print(text)
    readme = Path(__file__).parent / "README.md"
    head = readme.read_text(encoding="utf-8").split(MARK)[0]
    readme.write_text(head + MARK + text, encoding="utf-8")


if __name__ == "__main__":
    main()
