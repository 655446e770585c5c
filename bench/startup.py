"""Compile time, and the start of a second process that finds everything compiled."""

from __future__ import annotations

import os
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
