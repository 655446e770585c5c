"""Streamed prices against their bar: `python -m bench.cases_allocation [--customers N]`.

The part that prices have in a wave of 10 million customers and 1,000 (offer, channel) pairs: gap
at most 0.1 %, memory that does not grow with customers times actions, time by step. Values are
posterior means, contexts times coefficients, made block by block as a wave makes them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import numpy as np

from bandit import allocation
from bench.memory import Memory

ROWS = 8192
FEATURES = 32
CHANNELS = 5


class Wave:
    """Customers who exist only while their block is looked at, with the time spent making them."""

    def __init__(self, customers: int, actions: int) -> None:
        r = np.random.default_rng(0)
        self.customers, self.actions = customers, actions
        offers = actions // CHANNELS
        # Offers of one channel or family resemble each other, so that they compete.
        offer = r.normal(0, 0.22, (offers, 1, FEATURES))
        channel = r.normal(0, 0.1, (1, CHANNELS, FEATURES))
        own = r.normal(0, 0.03, (offers, CHANNELS, FEATURES))
        self.coefficients = (offer + channel + own).reshape(actions, FEATURES).astype(np.float32)
        self.base = (np.repeat(r.gamma(2, 0.3, offers), CHANNELS) - 0.5).astype(np.float32)
        self.pool = r.standard_normal((ROWS, FEATURES), dtype=np.float32)
        pair = np.arange(actions)
        self.usage = np.zeros((actions, CHANNELS + offers))
        self.usage[pair, pair % CHANNELS] = 1
        self.usage[pair, CHANNELS + pair // CHANNELS] = 1
        caps = np.concatenate([[0.3, 0.2, 0.1, 0.05, 0.005], r.uniform(0.001, 0.006, offers)])
        self.limits = np.floor(customers * caps)
        self.making = 0.0

    def blocks(self, share: float) -> Iterator[allocation.Block]:
        """The same customers whenever they are asked for."""
        for number, start in enumerate(range(0, self.customers, ROWS)):
            began = time.perf_counter()
            n = min(ROWS, self.customers - start)
            r = np.random.default_rng(number)
            context = self.pool[:n] * np.float32(0.8)
            context += np.float32(0.6) * np.roll(self.pool, number + 1, axis=0)[:n, ::-1]
            context = context[r.random(n) < share]
            values = context @ self.coefficients.T + self.base
            self.making += time.perf_counter() - began
            yield allocation.Block(values)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=10_000_000)
    parser.add_argument("--actions", type=int, default=1000)
    wanted = parser.parse_args()
    small = Wave(20_000, wanted.actions)
    allocation.find_prices(small.blocks, small.customers, small.usage, small.limits)  # compiles
    wave = Wave(wanted.customers, wanted.actions)
    with Memory() as memory:
        found = allocation.find_prices(wave.blocks, wave.customers, wave.usage, wave.limits)
    options = wave.customers * wave.actions * found.passes
    print(f"| customers × actions | {wave.customers:,} × {wave.actions:,} |")
    print(f"| limits, of which binding | {len(wave.limits)}, {(found.prices > 1e-6).sum()} |")
    print(f"| gap | {found.gap:.5%} |")
    print(f"| passes over everybody | {found.passes} |")
    print(f"| undecided after the box | {found.undecided:,} |")
    print(f"| seconds | {found.seconds:.1f} |")
    print(f"| of which making values | {wave.making:.1f} ({options / wave.making / 1e9:.2f} G/s) |")
    print(f"| peak memory | {memory.words()} |")


if __name__ == "__main__":
    main()
