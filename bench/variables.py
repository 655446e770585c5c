"""Variables at size: `python -m bench.variables [--customers N] [--events M]`.

Makes Parquet files of so many customers and events, then thirty variables of a campaign over them
in a process of its own: opening and evaluating, and reading all customers with them in the order
of the key, as a wave does. Seconds and peak memory go to bench/results/variables.md and
.json, unless `--only-shown`.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from bandit.config import campaign_file
from bandit.core import sql
from bandit.sources import database
from bandit.sources.columns import key_column
from bench.keep import about, keep
from bench.machine import describe
from bench.memory import Memory

AT = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
BATCH = 50_000
TOML = """
[customers]
source = "customers.parquet"
[features]
numeric = ["age"]
[limits]
memory_mb = {memory}
[[channel]]
name = "email"
[[offer]]
name = "one"
[[source]]
name = "purchases"
source = "purchases.parquet"
at = "at"
known_at = "known_at"
[variables]
n7 = {{ function = "count", days = 7 }}
n30 = {{ function = "count", days = 30 }}
n90 = {{ function = "count", days = 90 }}
n365 = {{ function = "count", days = 365 }}
n = {{ function = "count" }}
n_web = {{ function = "count", where = "shop = 'web'" }}
n_web30 = {{ function = "count", where = "shop = 'web'", days = 30 }}
n_many = {{ function = "count", where = "items > 3", days = 365 }}
any30 = {{ function = "any", days = 30 }}
any_big = {{ function = "any", where = "amount > 90" }}
spent7 = {{ function = "sum", column = "amount", days = 7 }}
spent30 = {{ function = "sum", column = "amount", days = 30 }}
spent90 = {{ function = "sum", column = "amount", days = 90 }}
spent365 = {{ function = "sum", column = "amount", days = 365 }}
spent = {{ function = "sum", column = "amount" }}
spent_web = {{ function = "sum", column = "amount", where = "shop = 'web'" }}
items = {{ function = "sum", column = "items", days = 365 }}
mean = {{ function = "mean", column = "amount" }}
mean90 = {{ function = "mean", column = "amount", days = 90 }}
least = {{ function = "min", column = "amount" }}
most = {{ function = "max", column = "amount", days = 365 }}
since = {{ function = "days_since" }}
since_web = {{ function = "days_since", where = "shop = 'web'" }}
since_first = {{ function = "days_since_first" }}
last_shop = {{ function = "last", column = "shop" }}
each = {{ function = "ratio", column = "amount", per = "items", days = 365 }}
web_share = {{ function = "share", where = "shop = 'web'", days = 365 }}
growth = {{ function = "trend", column = "amount", days = 90 }}
gap = {{ function = "median_gap", days = 730 }}
rfm = {{ function = "rfm", column = "amount", days = 365 }}
"""


def write(folder: Path, customers: int, events: int, memory: int, *, spread: bool) -> None:
    """The files, by hashes of the row's number: some customers have many events, some none.

    Events are of at most a million customers, unless they are ``spread`` over all.
    """
    (folder / "campaign.toml").write_text(TOML.format(memory=memory), encoding="utf-8")
    with duckdb.connect() as connection:
        connection.execute("SET memory_limit = '2GB'; SET preserve_insertion_order = false")
        connection.execute(
            f"COPY (SELECT i AS customer_id, hash(i) % 80 AS age FROM range({customers}) t(i)) TO"
            f" {sql.text(str(folder / 'customers.parquet'))}"
        )
        unit = "hash(i) / 18446744073709551616.0" if spread else "(hash(i) % 1000000) / 1e6"
        moment = "TIMESTAMPTZ '2024-03-02' + to_seconds((hash(i + 1) % 64800000)::BIGINT)"
        connection.execute(
            f"COPY (SELECT floor({customers} * pow({unit}, 1.5))::BIGINT AS customer_id,"
            f' {moment} AS "at", {moment} + to_hours((hash(i + 2) % 36)::BIGINT) AS known_at,'
            " (hash(i + 3) % 10000) / 100.0::DOUBLE AS amount, (hash(i + 4) % 5)::INT AS items,"
            " ['web', 'store', 'app'][1 + (hash(i + 5) % 3)::INT] AS shop"
            f" FROM range({events}) t(i)) TO {sql.text(str(folder / 'purchases.parquet'))}"
        )


def evaluate(folder: Path, threads: int) -> dict[str, float]:
    """Seconds and memory of making the variables, and of reading customers with them."""
    campaign = campaign_file.load(folder)
    with Memory() as memory:
        began = time.perf_counter()
        with database.connect(campaign, at=AT, threads=threads) as data:
            made = time.perf_counter()
            table = data.table("customers")
            names = ", ".join(sql.name(name) for name in table.made)
            query = f"SELECT {key_column(data, campaign)} AS id, {names} FROM {table.view}"
            rows = sum(b.num_rows for b in data.stream(f"{query} ORDER BY id", rows=BATCH))
        ended = time.perf_counter()
    return {
        "customers": rows,
        "variables": len(table.made),
        "make_seconds": round(made - began, 2),
        "read_seconds": round(ended - made, 2),
        "private_gb": round(memory.private / 1e9, 3),
        "mapped_gb": round(memory.mapped / 1e9, 3),
    }


def main() -> None:
    """Generate, evaluate apart, keep."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--customers", type=int, default=1_000_000)
    options.add_argument("--events", type=int, default=10_000_000)
    options.add_argument("--memory-mb", type=int, default=3_000)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--only-shown", action="store_true")
    options.add_argument("--spread", action="store_true", help="every customer may have events")
    options.add_argument("--evaluate", type=Path)
    given = options.parse_args()
    if given.evaluate is not None:
        sys.stdout.write(json.dumps(evaluate(given.evaluate, given.threads)))
        return
    with tempfile.TemporaryDirectory() as made:
        write(Path(made), given.customers, given.events, given.memory_mb, spread=given.spread)
        again = [sys.executable, "-m", "bench.variables", "--evaluate", made]
        done = subprocess.run(
            [*again, "--threads", str(given.threads)], check=True, capture_output=True, text=True
        )
    found = {
        "events": given.events,
        "spread": given.spread,
        "memory_mb": given.memory_mb,
        **json.loads(done.stdout),
    }
    machine = describe()
    lines = [
        f"| {name} | {value if isinstance(value, bool) else f'{value:,}'} |"
        for name, value in found.items()
    ]
    text = "\n".join(
        ["# Variables", "", about(machine), "", "| what | found |", "|---|---|", *lines]
    )
    if given.only_shown:
        sys.stdout.write(text + "\n")
    else:
        keep("variables", {"machine": machine, "found": found}, text + "\n")


if __name__ == "__main__":
    main()
