"""What a long history costs: `python -m bench.many_waves [--waves 50 200]`.

A small campaign is served day after day and learned from; then `simulate`, `learn` and `status` run
on each length of its history, alternating, `--rounds` times. Printed are medians of processor time
and their ratio, which should not grow faster than the number of waves.
"""

from __future__ import annotations

import argparse
import datetime as dt
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bandit.workflows.inspect.status import status
from bandit.workflows.judge.simulate import simulate
from bandit.workflows.learn.learn import learn
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns

CUSTOMERS = 60
DAY = dt.timedelta(days=1)
JUDGED = """
[simulate]
estimators = ["snips"]
[[simulate.candidate]]
policy = "rules"
"""


def _served(folder: Path, waves: int) -> Path:
    campaigns.write(folder, customers=CUSTOMERS, more=JUDGED)
    for number in range(waves):
        serve_batch(folder, wave=f"w{number:03}", at=campaigns.MONDAY + number * DAY)
    learn(folder, at=campaigns.MONDAY + (waves + 8) * DAY, no_events=True)
    return folder


def main() -> None:
    """Serve, time, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--waves", type=int, nargs=2, default=[50, 200])
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    few, many = given.waves
    with tempfile.TemporaryDirectory(prefix="many-waves-") as scratch:
        folders = {n: _served(Path(scratch) / str(n), n) for n in (few, many)}
        commands: dict[str, Callable[[Path, dt.datetime], object]] = {
            "simulate": lambda folder, at: simulate(folder, at=at),
            "learn": lambda folder, at: learn(folder, at=at, no_events=True),
            "status": lambda folder, at: status(folder, at=at),
        }
        print("| command |", f"{few} waves, s | {many} waves, s | ratio |")
        print("|---|---|---|---|")
        for name, command in commands.items():
            spent: dict[int, list[float]] = {few: [], many: []}
            for _ in range(given.rounds):
                for waves, folder in folders.items():
                    start = time.process_time()
                    command(folder, campaigns.MONDAY + (many + 8) * DAY)
                    spent[waves].append(time.process_time() - start)
            short, long = (statistics.median(spent[n]) for n in (few, many))
            print(f"| {name} | {short:.2f} | {long:.2f} | {long / short:.2f} |")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
