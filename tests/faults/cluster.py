"""`python -m tests.faults.cluster [--kills N] [--drivers N]`: executors and drivers die.

A wave with caps, what is learned from it and a second wave run on `local-cluster[2,1,1024]` in 64
partitions, with speculation, while Python workers, their daemons and executors are killed. The
bytes must be those of one machine. Then drivers are killed: nothing may be half published, and the
same command must do it all.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bandit.runners import spark as runner
from bandit.workflows.serve import spool
from tests.workflows import test_on_a_cluster as same

MASTER = "local-cluster[2,1,1024]"
BATCH = 15
"""Customers of a batch: more batches than partitions."""
FIT = {
    "spark.task.maxFailures": "100",
    "spark.deploy.maxExecutorRetries": "-1",
    "spark.speculation": "true",
    "spark.speculation.interval": "100ms",
    "spark.speculation.multiplier": "1.1",
    "spark.speculation.minTaskRuntime": "50ms",
    "spark.ui.enabled": "false",
    "spark.executor.memory": "512m",
}
VICTIMS = ("pyspark.daemon", "CoarseGrainedExecutorBackend")


def child(folder: Path) -> None:
    """All of it on Spark, in this process."""
    spool.ROWS = BATCH
    context, _ = runner._context(MASTER, FIT)
    same.run(folder, f"spark={MASTER}")
    context.stop()


def main() -> int:
    """How many runs left other bytes than one machine."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--kills", type=int, default=20)
    options.add_argument("--drivers", type=int, default=2)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--child", type=Path)
    given = options.parse_args()
    if given.child is not None:
        child(given.child)
        return 0
    random.seed(given.seed)
    wrong = 0
    with tempfile.TemporaryDirectory() as made:
        home = Path(made).resolve()
        spool.ROWS = BATCH
        local = same.written(home / "local", same.CAPS)
        same.run(local, None)
        expected = same.left_by(local)
        killed = runs = 0
        while killed < given.kills:
            runs += 1
            folder = _campaign(home / f"run{runs}")
            killed += _killing(folder, given.kills - killed)
            good = same.left_by(folder) == expected
            wrong += not good
            sys.stdout.write(f"run {runs}: {killed} kills, same bytes: {good}\n")
            sys.stdout.flush()
        for number in range(given.drivers):
            folder = _campaign(home / f"driver{number}")
            good = _driver_killed(folder, expected)
            wrong += not good
            sys.stdout.write(f"driver {number} killed and run again, same bytes: {good}\n")
            sys.stdout.flush()
    return wrong


def _campaign(folder: Path) -> Path:
    return same.written(folder, f"{same.CAPS}\n[engine]\npartitions = 64")


def _begun(folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.faults.cluster", "--child", str(folder)]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


def _killing(folder: Path, most: int) -> int:
    """Run to the end while processes of its cluster are killed; how many were."""
    run, killed = _begun(folder), 0
    while run.poll() is None:
        time.sleep(random.uniform(1.0, 6.0))
        if killed < most and (folder / ".cluster.partial").exists():
            victims = [p for p, text in _below(run.pid) if any(v in text for v in VICTIMS)]
            if victims:
                os.kill(random.choice(victims), signal.SIGKILL)
                killed += 1
    if run.returncode != 0:
        raise RuntimeError(f"the run ended with {run.returncode}")
    return killed


def _driver_killed(folder: Path, expected: dict[str, bytes]) -> bool:
    """Kill the driver somewhere in the middle; what is there is whole, a rerun does the rest."""
    run = _begun(folder)
    while run.poll() is None and not (folder / ".cluster.partial").exists():
        time.sleep(0.05)
    time.sleep(random.uniform(0.0, 8.0))
    below = [pid for pid, _ in _below(run.pid)]
    run.kill()
    run.wait()
    # What it published, in the folders that are there at all.
    there = same.bytes_of(folder)
    shown = {name.rpartition("/")[0] for name in there}
    whole = all(there.get(k) == v for k, v in expected.items() if k.rpartition("/")[0] in shown)
    until = time.monotonic() + 60.0
    while time.monotonic() < until and any(map(_lives, below)):
        time.sleep(0.2)
    _begun(folder).wait()
    found = same.left_by(folder)
    return whole and all(found.get(k) == v for k, v in expected.items())


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _below(root: int) -> Iterator[tuple[int, str]]:
    """Processes that ``root`` began, and theirs, with their command lines."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        parents.setdefault(int(fields[1]), []).append(int(path.parent.name))
    waiting = [root]
    while waiting:
        for pid in parents.get(waiting.pop(), []):
            waiting.append(pid)
            try:
                yield pid, Path(f"/proc/{pid}/cmdline").read_text()
            except OSError:
                continue


if __name__ == "__main__":
    sys.exit(main())
