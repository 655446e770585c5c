"""What a decision of the complete mixture costs alone, in a turn of a few and in a batch.

`python -m bench.one_row` prints microseconds of a processor each, medians of rounds in which the
sizes alternate, for holdout, exploration, rules and LinTS with their joint propensity.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from bandit import LinTS, Mixture, Posterior, Rules

SIZES = (1, 4, 16, 64, 1024)
CUSTOMERS = 1024


def main() -> None:
    """Decide for the same customers in pieces of each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--actions", type=int, default=100)
    parser.add_argument("--features", type=int, default=32)
    parser.add_argument("--observations", type=int, default=200, help="of each action")
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    k, d = given.actions, given.features
    rng = np.random.default_rng(0)
    posterior = Posterior.prior(k, d)
    if given.observations:
        x = rng.standard_normal((given.observations * k, d)).astype(np.float32)
        rewards = 0.02 * x @ rng.standard_normal(d) + 0.2 * rng.standard_normal(len(x))
        posterior = posterior.update(x, np.repeat(np.arange(k), given.observations), rewards)
    policy = Mixture(
        [(0.2, Rules(range(k))), (0.8, LinTS(0.2))],
        holdout=0.05, exploration=0.02, group_seed=3, share_seed=4,
    )  # fmt: skip
    x = rng.standard_normal((CUSTOMERS, d)).astype(np.float32)
    keys = rng.integers(0, 2**63, CUSTOMERS).astype(np.uint64)
    eligible = rng.random((CUSTOMERS, k)) < 0.7
    eligible[:, 0] = True
    values, costs = rng.random(k), 0.01 * rng.random(k)
    spent: dict[int, list[float]] = {size: [] for size in SIZES}
    for number in range(given.rounds + 1):
        for size in SIZES:
            began = time.process_time()
            for i in range(0, CUSTOMERS, size):
                rows = slice(i, i + size)
                policy.choose(
                    posterior, x[rows], eligible=eligible[rows], keys=keys[rows], values=values,
                    costs=costs, seed=1, wave=2,
                )  # fmt: skip
            if number:  # the first round reads kernels
                spent[size].append(1e6 * (time.process_time() - began) / CUSTOMERS)
    print(f"k {k}, d {d}, {given.observations} observations an action; µs a decision:")
    print(", ".join(f"{size} together: {np.median(spent[size]):.1f}" for size in SIZES))


if __name__ == "__main__":
    main()
