"""What masks and values of each customer cost BetaTS: `python -m bench.beta_ts`.

Microseconds of a processor a customer, medians of rounds, without either, with masks, with values
of their own and with both. Without them all customers share their probabilities, so that case is
measured with values that are everybody's own but the same: every row is integrated.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import numpy as np

import bandit


def main() -> None:
    """Print what each costs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--actions", type=int, nargs="*", default=[20, 100, 1000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cells", type=int, default=40_000, help="customers times actions")
    given = parser.parse_args()
    for k in given.actions:
        n = max(10, given.cells // k)
        rng = np.random.default_rng(0)
        counts = rng.integers(200, 20_000, k).astype(float)
        sales = counts * rng.uniform(0.008, 0.012, k)
        posterior = bandit.Posterior(
            np.zeros((k, 1, 1)), np.zeros((k, 1)), counts, sales, sales, 1.0
        )
        x, eligible = np.zeros((n, 1), np.float32), rng.random((n, k)) < 0.5
        eligible[:, 0] = True
        same, own = np.ones((n, k)), rng.lognormal(0.0, 0.25, (n, k))
        asked: dict[str, dict[str, Any]] = {
            "shared": {},
            "neither": {"values": same},
            "masks": {"eligible": eligible},
            "values": {"values": own},
            "both": {"eligible": eligible, "values": own},
        }
        spent: dict[str, list[float]] = {name: [] for name in asked}
        for turn in range(given.rounds + 1):
            for name, more in asked.items():
                began = time.process_time()
                bandit.BetaTS().choose(posterior, x, **more)
                if turn:  # the first round reads kernels
                    spent[name].append(1e6 * (time.process_time() - began) / n)
        told = ", ".join(f"{name} {statistics.median(s):.1f}" for name, s in spent.items())
        print(f"k {k}, µs a customer: {told}", flush=True)


if __name__ == "__main__":
    main()
