"""What [identity] costs a wave: with two ids a customer and one in fifty merged, and without.

`python -m bench.identity --customers N` prints processor seconds and the peak of memory of each,
one process a wave.
"""

from __future__ import annotations

import argparse
import datetime as dt
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from bandit.workflows.serve.serve_batch import serve_batch

TOML = """
[customers]
source = "customers.parquet"
{identity}
[features]
numeric = ["x"]
[consents]
source = "consents.parquet"
{id}
[history]
source = "history.parquet"
{id}
[pressure]
per_days = 30
max_contacts = 2
[policy]
holdout = 0.1
share = [{{ policy = "rules", share = 1.0 }}]
[[offer]]
name = "a"
[[channel]]
name = "email"
"""
MONDAY = dt.datetime(2026, 11, 2, tzinfo=dt.UTC)


def main() -> None:
    """Serve one wave each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=200_000)
    given = parser.parse_args()
    for mapped in (False, True):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            print(pool.apply(served, (given.customers, mapped)))


def served(n: int, mapped: bool) -> str:
    """What a wave of n customers took."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), n, mapped=mapped)
        start = time.process_time()
        told = serve_batch(Path(folder), wave="w", at=MONDAY)
        took = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    name = f"with {2 * n + n // 50:,} links" if mapped else "without"
    return f"{name}: {told.customers:,} customers, {took:.1f} s, {peak:,.0f} MB"


def write(folder: Path, n: int, *, mapped: bool) -> None:
    """A campaign; where ``mapped``, consents and contacts are by cards."""
    rng = np.random.default_rng(0)
    keys, cards = np.arange(n), [f"c{i}" for i in rng.permutation(2 * n)]
    old, new = rng.choice(n // 2, n // 50, replace=False), rng.integers(n // 2, n, n // 50)
    pl.DataFrame({"customer_id": keys, "x": rng.normal(size=n)}).write_parquet(
        folder / "customers.parquet"
    )
    pl.DataFrame({
        "customer_id": np.concatenate([keys, keys, new]),
        "id": cards + [str(i) for i in old],
        "kind": ["card"] * (2 * n) + ["customer"] * len(old),
        "valid_from": ["2026-01-01"] * (2 * n + len(old)),
    }).write_parquet(folder / "ids.parquet")  # fmt: skip
    who = cards[:n] if mapped else [str(key) for key in keys]
    consents = {"customer_id": who, "channel": "email", "granted": rng.random(n) < 0.8}
    pl.DataFrame(consents).write_parquet(folder / "consents.parquet")
    contacts = {"customer_id": [who[i] for i in rng.integers(0, n, n)], "channel": "email"}
    contacts |= {"offer": "a", "contacted_at": "2026-10-30"}
    pl.DataFrame(contacts).write_parquet(folder / "history.parquet")
    said = ('[identity]\nsource = "ids.parquet"', 'id = "card"') if mapped else ("", "")
    text = TOML.format(identity=said[0], id=said[1])
    (folder / "campaign.toml").write_text(text)


if __name__ == "__main__":
    main()
