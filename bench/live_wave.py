"""A wave against the same asked one by one over HTTP: `python -m bench.live_wave`.

Prints how many decisions of either differ in a bit, and ends with 1 if any does.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa

from bandit.config import campaign_file
from bandit.core.days import midnight
from bandit.workflows.serve.serve_batch import serve_batch
from bench.live import Server, connected

PLACES = ("outbound", "home")
TEXT = """
name = "wave"
seed = 5
[customers]
source = "data.duckdb"
table = "customers"
[consents]
source = "data.duckdb"
table = "consents"
[features]
numeric = ["age", "spend", "visits"]
boolean = ["owner"]
categorical = ["region"]
[pressure]
slots = 2
[policy]
holdout = 0.05
exploration = 0.05
share = [{ policy = "rules", share = 0.3 }, { policy = "lin_ts", share = 0.7 }]
[[channel]]
name = "email"
cost = 0.01
[[channel]]
name = "sms"
cost = 0.05
[[channel]]
name = "home"
kind = "inbound"
consent = false
ranks = 3
"""


def campaign(folder: Path, customers: int) -> Path:
    """Two outbound channels with consents, a list of three, thirty offers with rules and values."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(2)
    ids = np.arange(customers) * 13 + 5
    age = rng.integers(18, 90, customers).astype(float)
    table = pa.table({
        "customer_id": ids,
        "age": pa.array([None if i % 31 == 0 else a for i, a in enumerate(age.tolist())]),
        "spend": rng.gamma(2.0, 20.0, customers),
        "visits": rng.poisson(3.0, customers).astype(float),
        "owner": rng.random(customers) < 0.3,
        "region": rng.choice(["north", "south", "east"], customers),
    })  # fmt: skip
    asked = pa.table({
        "customer_id": np.repeat(ids, 2),
        "channel": ["email", "sms"] * customers,
        "granted": (np.arange(2 * customers) % 5 != 1),
    })  # fmt: skip
    with duckdb.connect(str(folder / "data.duckdb")) as data:
        for name, given in (("customers", table), ("consents", asked)):
            data.register("given", given)
            data.execute(f"CREATE TABLE {name} AS FROM given")
            data.unregister("given")
    offers = "".join(
        f'[[offer]]\nname = "o{o}"\npriority = {o}\ncost = {0.01 * (o % 3)}\n'
        f'eligible = "age > {20 + o} or region = \'north\'"\nvalue = "1 + spend / {50 + o}"\n'
        for o in range(30)
    )
    (folder / "campaign.toml").write_text(TEXT + offers)
    return folder


async def asked(port: int, people: list[int]) -> list[tuple[Any, ...]]:
    """What everybody is told, a row a decision."""
    rows: list[tuple[Any, ...]] = []
    waiting = iter(people)
    async with connected(port, 64) as some:

        async def work(one: Any) -> None:
            for customer in waiting:
                answer = await one.ask(customer, f"w{customer}", PLACES)
                rows.extend(_rows(json.loads(answer)))

        await asyncio.gather(*(work(one) for one in some))
    return rows


def _rows(answer: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    for placed in answer["placements"]:
        for pick in placed["picks"]:
            yield (
                pick["decision_id"], answer["customer"], placed["name"], pick["rank"],
                pick["offer"], pick["channel"], pick["propensity"], pick["group"],
                pick["expected_reward"], pick["expected_value"], pick["price"],
            )  # fmt: skip


def main() -> None:
    """Ask, serve, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=10_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-live-") as scratch:
        folder = campaign(Path(scratch) / "live", given.customers)
        twin = Path(scratch) / "batch"
        shutil.copytree(folder, twin)
        loaded = campaign_file.load(twin)
        at = midnight(loaded.time_zone)
        server = Server(folder)
        people = list(range(5, 13 * given.customers, 13))
        told = sorted(asyncio.run(asked(server.port, people)), key=repr)
        code = server.end(signal.SIGTERM)
        name = f"live-{at.date().isoformat()}"
        serve_batch(twin, wave=name, at=at)
        frame = pl.read_parquet(twin / "waves" / name / "decisions-*.parquet")
        wanted = sorted(frame.select(
            "decision_id", "customer_id", "placement", "slot", "offer", "channel", "propensity",
            "group", "expected_reward", "expected_value", "price_paid",
        ).rows(), key=repr)  # fmt: skip
    differing = len(set(told) ^ set(wanted))
    print(f"{given.customers:,} customers over HTTP: {len(told):,} decisions, exit {code};")
    print(f"the wave has {len(wanted):,}; in one and not the other: {differing}")
    sys.exit(differing > 0 or len(told) != len(wanted))


if __name__ == "__main__":
    main()
