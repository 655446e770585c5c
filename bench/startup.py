"""What a first run compiles: `python -m bench.startup`.

Processor seconds of the first wave of a campaign with limits, 2,000 customers, where nothing is
compiled yet, and of the same where everything is; with ``--kernels`` those of each function, its
callees not counted.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time

_CALL = """
import numpy as np, bandit
x = np.random.default_rng(0).normal(size=(100, 8)).astype(np.float32)
posterior = bandit.Posterior.prior(5, 8).update(x, np.arange(100) % 5, x[:, 0])
for policy in (bandit.LinUCB(1.0), bandit.LinTS(1.0), bandit.Greedy(), bandit.Uniform()):
    policy.choose(posterior, x, eligible=np.ones((100, 5), bool))
"""

_WAVE = """
import collections, sys, tempfile, time
from pathlib import Path
from numba.core import event
from bandit.workflows.serve.serve_batch import serve_batch
from bandit.worlds.files import Plan
from bandit.worlds.operator import World

class Listener(event.Listener):
    def __init__(self):
        self.inner, self.spent = [], collections.Counter()

    def on_start(self, told):
        self.inner.append([time.process_time(), 0.0])

    def on_end(self, told):
        began, within = self.inner.pop()
        took, function = time.process_time() - began, told.data["dispatcher"].py_func
        self.spent[f"{function.__module__}.{function.__qualname__}"] += took - within
        if self.inner:
            self.inner[-1][1] += took

listener = Listener()
event.register("numba:compile", listener)
world = World(customers=2000, offers=20, channels=5, seed=0)
with tempfile.TemporaryDirectory() as folder:
    plan = Plan(shares=(("rules", 0.2), ("lin_ts", 0.8)), alpha=1.0)
    world.write(Path(folder), plan=plan, embedding=32)
    config = Path(folder) / "campaign.toml"
    limited = config.read_text().replace("[[channel]]\\n", "[[channel]]\\ncapacity = 100\\n")
    config.write_text(limited)
    serve_batch(Path(folder), wave="first", at=world.origin)
if len(sys.argv) > 1:
    for name, seconds in listener.spent.most_common():
        print(f"{seconds:6.2f} {name}")
"""


def startup() -> dict[str, float]:
    """Seconds of a first process (compiles) and of a second (finds the cache)."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
        seconds = []
        for _ in range(2):
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", _CALL], env=environment, check=True)
            seconds.append(time.perf_counter() - began)
    return {"first_process_s": seconds[0], "second_process_s": seconds[1]}


def _used() -> float:
    """Processor seconds of the children that have ended."""
    told = resource.getrusage(resource.RUSAGE_CHILDREN)
    return told.ru_utime + told.ru_stime


def main() -> None:
    """Print what a first wave costs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kernels", action="store_true")
    given = parser.parse_args()
    more = ["kernels"] if given.kernels else []
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
        for name, arguments in (("compiles", more), ("finds all compiled", [])):
            before = _used()
            subprocess.run([sys.executable, "-c", _WAVE, *arguments], env=environment, check=True)
            print(f"first wave, 2,000 customers, {name}: {_used() - before:.1f} s", flush=True)


if __name__ == "__main__":
    main()
