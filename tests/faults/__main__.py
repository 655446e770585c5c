"""The long run: `python -m tests.faults --count 200 --seed 1`, or some points of it by name.

With `--json FILE` each point adds a line to the file; `python -m tests.faults.table FILE...` makes
the table of docs/reliability.md of it.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.faults import (
    bombs,
    changes,
    crash,
    damage,
    injections,
    malformed,
    month,
    order,
    pairs,
    people,
    readers,
    signals,
)
from tests.faults.runs import Runs


def points(runs: Runs, folder: Path, count: int, seed: int) -> dict[str, Callable[[], Any]]:
    """What is tried, and how often for a given count."""

    def case(make: Callable[[Runs, Path], crash.Case]) -> crash.Case:
        return make(runs, people.fresh(folder / make.__name__))

    def failures(make: Callable[[Runs, Path], crash.Case]) -> Any:
        tried = case(make)
        found = crash.failures(tried, range(len(tried.calls))).figures()
        return {**found, "calls of one run": len(tried.calls)}

    def learned() -> Path:
        return damage.learned_folder(case(crash.learn_case))

    def work(path: Path) -> Any:
        return runs.bandit("learn", path, "--at", crash.LATER[:19])

    return {
        "kill-serve": lambda: crash.kills(case(crash.serve_case), count, seed).figures(),
        "kill-learn": lambda: crash.kills(case(crash.learn_case), count // 4, seed).figures(),
        "disk-serve": lambda: failures(crash.serve_case),
        "disk-learn": lambda: failures(crash.learn_case),
        "kill-rollback": lambda: changes.rollbacks(case(crash.learn_case), count // 4, seed),
        "kill-export": lambda: changes.exported(case(crash.learn_case), count // 4, seed),
        "signals": lambda: signals.ended(case(crash.serve_case), count // 4, seed),
        "index": lambda: damage.index(learned(), work, count // 2, seed),
        "damage": lambda: damage.refused(runs, folder, learned(), count // 10, seed),
        "pairs": lambda: {
            f"codes {codes}": number
            for codes, number in pairs.pairs(case(crash.serve_case), count // 2).items()
        },
        "malformed": lambda: malformed.malformed(people.fresh(folder / "m"), count * 50, seed),
        "injections": lambda: injections.hold_harmless(people.fresh(folder / "injections")),
        "bombs": lambda: bombs.bombs(runs, people.fresh(folder / "bombs")),
        "channels": lambda: changes.channels(runs, people.fresh(folder / "channels")),
        "replaced": lambda: changes.replaced(folder / "replaced", count // 4, seed),
        "moved": lambda: changes.moved(runs, people.fresh(folder / "moved")),
        "opt-outs": lambda: people.opt_outs(folder / "opt-outs", count // 2, seed),
        "forget": lambda: people.forget(runs, people.fresh(folder / "f"), count // 10, seed),
        "readers": lambda: readers.beside_forget(runs, people.fresh(folder / "r"), count, seed),
        "order": lambda: order.shuffled(people.fresh(folder / "o"), count // 10, seed),
        "month": lambda: month.month(runs, folder / "month", 30, seed),
    }


def main() -> None:
    """Run them all, or those named; a line of JSON each."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("names", nargs="*", help="points to run; all without any")
    parser.add_argument("--json", type=Path, metavar="FILE", help="add a line a point to FILE")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="faults-") as scratch:
        folder = Path(scratch)
        with Runs(folder) as runs:
            every = points(runs, folder, given.count, given.seed)
            for name in given.names or every:
                started = time.monotonic()
                found = every[name]()
                seconds = round(time.monotonic() - started)
                line = {"point": name, "count": given.count, "seed": given.seed, "found": found}
                text = json.dumps({**line, **_where(), "seconds": seconds}, ensure_ascii=False)
                sys.stdout.write(text + "\n")
                sys.stdout.flush()
                if given.json:
                    with given.json.open("a", encoding="utf-8") as stream:
                        stream.write(text + "\n")


def _where() -> dict[str, str]:
    today = dt.datetime.now(dt.UTC).date().isoformat()
    machine = f"Python {platform.python_version()}, {platform.system()}, {os.cpu_count()} cores"
    return {"date": today, "machine": machine}


if __name__ == "__main__":
    main()
