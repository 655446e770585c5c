"""How soon `bandit serve` is ready: `python -m bench.live_starts`; prints, decides nothing.

A first start fits the features; then ``--times`` it is asked ``--asks`` times, killed and started
again, each a whole process. With ``--against FOLDER``, another checkout, the two take turns.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import tempfile
from itertools import count
from pathlib import Path

import numpy as np
import uvloop

import bandit
from bench.live import CHANNELS, OFFERS, Server, campaign, closed_loop

HERE = Path(bandit.__file__).parents[1]


def main() -> None:
    """Make a campaign, start, kill and start again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--asks", type=int, default=640)
    parser.add_argument("--against", type=Path, help="a checkout to take turns with")
    given = parser.parse_args()
    codes = [HERE] if given.against is None else [HERE, given.against.resolve()]
    people = count()
    with tempfile.TemporaryDirectory(prefix="bench-live-") as scratch:
        folder = Path(scratch) / "c"
        apart = multiprocessing.get_context("spawn").Process(
            target=campaign, args=(folder, given.customers, OFFERS, 32, CHANNELS)
        )
        apart.start()
        apart.join()
        os.sync()
        first = Server(folder, HERE)
        print(f"first start, features fitted: {first.seconds:.1f} s, {first.spent():.1f} of CPU")
        first.end(signal.SIGKILL)
        found: dict[Path, list[tuple[float, float]]] = {code: [] for code in codes}
        for turn in range(given.times * len(codes)):
            code = codes[turn % len(codes)]
            server = Server(folder, code)
            found[code].append((server.seconds, server.spent()))
            uvloop.run(closed_loop(server.port, people, 64, given.asks))
            server.end(signal.SIGKILL)
        size = sum(file.stat().st_size for file in folder.glob("streams/*/*"))
    for code, starts in found.items():
        seconds, spent = np.array(starts).T
        print(
            f"{'this' if code == HERE else code.name}: ready again after {np.median(seconds):.1f} s"
            f" in the median, {seconds.max():.1f} s at most, {np.median(spent):.2f} of CPU"
        )
    print(f"{given.customers:,} customers, {size / 1e6:.0f} MB of streams read at the last start")


if __name__ == "__main__":
    main()
