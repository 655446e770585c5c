"""What the integral behind a propensity takes of its slowest customer: `python -m bench.slowest`.

Instances of every kind that is hard on it (`reference.win_instances`), by how many may win; each is
timed by the best of a few calls, since others on the processor slow some of them down.
"""

from __future__ import annotations

import time

import numpy as np

from bandit.kernels._compile import entered
from bandit.kernels.linear import alike_rivals, win_probability
from reference.win_instances import KINDS, instance

_winning_probability = entered(win_probability.winning_probability)
SIZES = (5, 20, 100, 1000)
EACH, CALLS = 40, 7


def main() -> None:
    """Print the median and the slowest of each size, and of which kind that was."""
    print("contenders  median µs  slowest µs  ratio  kind of the slowest")
    for size in SIZES:
        scratch = alike_rivals.empty_scratch(size)
        spent = []
        for number, kind in enumerate(KINDS):
            rng = np.random.default_rng(number)
            spent += [(_microseconds(kind, size, rng, scratch), kind) for _ in range(EACH)]
        median, (worst, kind) = float(np.median([s for s, _ in spent])), max(spent)
        print(f"{size:10,}  {median:9.2f}  {worst:10.2f}  {worst / median:5.1f}  {kind}")


def _microseconds(
    kind: str, size: int, rng: np.random.Generator, scratch: alike_rivals.Scratch
) -> float:
    centres, scales, own = instance(kind, size, rng)
    count = len(centres)
    best = np.inf
    for _ in range(CALLS):
        scratch.centres[:count], scratch.scales[:count] = centres, scales
        began = time.perf_counter()
        _winning_probability(count, own, scratch, False)
        best = min(best, time.perf_counter() - began)
    return 1e6 * best


if __name__ == "__main__":
    main()
