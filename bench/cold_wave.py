"""The first wave of a campaign, nothing learned: `python -m bench.cold_wave [--customers N]`.

A thousand (offer, channel) pairs by default, each offer with a value of its own, an embedding of
32 numbers a customer, LinTS beside rules, exact propensities; with ``--limits`` those of
`bench.large_wave`. Nearly every pair that a customer may get can win, so that the integrals are the
work. The wave is run dry, in a process of its own after one that has the kernels compiled, and as
`bandit serve-batch` runs it, without SciPy and pandas (`bandit.cli.lean`); printed are microseconds
of a processor a customer, by step. What does not hang on how many customers there are (the compiler
made ready, kernels read, a prior packed) is told beside it, from the small wave before.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import duckdb

from bandit.cli import lean
from bandit.workflows.serve.serve_batch import serve_batch
from bandit.worlds.files import Plan
from bandit.worlds.operator import World
from bench.large_wave import EMBEDDING, limit

PLAN = Plan(shares=(("rules", 0.2), ("lin_ts", 0.8)), alpha=1.0)
WARM = 2_000


class Used:
    """What the processors had done when each step began."""

    def __init__(self) -> None:
        self.began = [("starting", time.process_time())]

    def step(self, text: str, total: int | None = None) -> None:
        """A new step."""
        del total
        self.began.append((text, time.process_time()))

    def advance(self, count: int) -> None:
        """Within a step nothing is timed."""


def write(folder: Path, customers: int, offers: int, limited: bool) -> None:
    """A campaign whose offers have values between 10 and 60."""
    world = World(customers=customers, offers=offers, channels=5, seed=0)
    world.write(folder, plan=PLAN, embedding=EMBEDDING)
    with duckdb.connect(folder / "customers.duckdb") as database:
        database.execute("ALTER TABLE offers ADD COLUMN value DOUBLE")
        database.execute("UPDATE offers SET value = 10 + hash(name) % 50")
    if limited:
        limit(folder, customers)


def run(folder: Path) -> dict[str, float]:
    """The wave in this process: seconds of the processors by step."""
    used = Used()
    lean.SHORT.own = True
    lean.spare()
    serve_batch(folder, wave="first", at=World(customers=1, offers=1).origin, dry_run=True,
                progress=used)  # fmt: skip
    used.step("done")
    return {name: after - began for (name, began), (_, after) in pairwise(used.began)}


def main() -> None:
    """Write, compile, run in a child, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--offers", type=int, default=200, help="more than 50")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limits", action="store_true")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        json.dump(run(given.child), sys.stdout)
        return
    with tempfile.TemporaryDirectory() as name:
        small, large = Path(name) / "small", Path(name) / "large"
        for folder, size in ((small, WARM), (large, given.customers)):
            write(folder, size, given.offers, given.limits)
        _measured(small)
        fixed = sum(_measured(small).values())
        limits = "with limits" if given.limits else "no limits"
        print(f"{given.customers:,} customers, {5 * given.offers:,} pairs, {limits}; "
              f"{fixed:.2f} s for {WARM:,} of them; µs each:")  # fmt: skip
        for _ in range(given.rounds):
            print(_line(_measured(large), given.customers), flush=True)


def _measured(folder: Path) -> dict[str, float]:
    """The wave in a process of its own."""
    command = [sys.executable, "-m", "bench.cold_wave", "--child", str(folder)]
    child = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    told: dict[str, float] = json.loads(child.stdout)
    return told


def _line(seconds: dict[str, float], customers: int) -> str:
    each = {name: 1e6 * spent / customers for name, spent in seconds.items()}
    parts = ", ".join(f"{name} {spent:.1f}" for name, spent in each.items() if spent >= 0.1)
    return f"all {sum(each.values()):.1f}: {parts}"


if __name__ == "__main__":
    main()
