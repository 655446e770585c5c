"""What learning a row costs beside MABWiser's partial_fit: `python -m bench.updates`.

A million rows in random order, and in the order of their actions; medians of rounds in which
everybody has a turn, by the clock. Ours takes as many threads as kernels have; partial_fit is a
product of matrices, which takes those of its library: `OPENBLAS_NUM_THREADS=1` holds it to one.
"""

from __future__ import annotations

import argparse
import os
import statistics
from collections.abc import Callable
from functools import partial
from typing import Any

import numba
import numpy as np

import bandit
from bench import peers
from bench.inputs import Inputs, make
from bench.measure import rounds

SIZES = ((64, 100), (32, 1000), (16, 20))


def main() -> None:
    """Print nanoseconds a row, and how many times as long partial_fit takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    theirs_on = os.environ.get("OPENBLAS_NUM_THREADS", "its library's")
    print(f"threads: ours {numba.get_num_threads()}, partial_fit {theirs_on}")
    for d, k in SIZES:
        inputs = make(d, k, 200, given.rows, 0, 0.02, 0.2)
        order = np.argsort(inputs.actions, kind="stable")
        ordered = Inputs(
            inputs.posterior, inputs.contexts[order], inputs.eligible, inputs.values,
            inputs.actions[order], inputs.rewards[order],
        )  # fmt: skip
        prior = bandit.Posterior.prior(k, d)
        calls: dict[str, Callable[[], Any]] = {
            "partial_fit": peers.mabwiser_update(given.rows).prepare(inputs, given.rows)
        }
        for name, rows in (("random", inputs), ("in order of actions", ordered)):
            calls[name] = partial(prior.update, rows.contexts, rows.actions, rows.rewards)
        taken = rounds(calls, given.rounds)
        theirs = taken.pop("partial_fit")
        for name, seconds in taken.items():
            ratio = statistics.median(b / a for a, b in zip(seconds, theirs, strict=True))
            each = statistics.median(seconds) / given.rows * 1e9
            print(f"d {d}, k {k}, {name}: {each:.0f} ns a row, partial_fit {ratio:.1f} times")


if __name__ == "__main__":
    main()
