"""`python -m bench`: print the tables, write them to bench/results as Markdown and JSON."""

from __future__ import annotations

import argparse

from bench.run import run


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds per case, at least 5 count")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, one round")
    parser.add_argument("--no-wave", action="store_true", help="kernels only")
    given = parser.parse_args()
    run(given.rounds, given.only, quick=given.quick, wave=not given.no_wave)


if __name__ == "__main__":
    main()
