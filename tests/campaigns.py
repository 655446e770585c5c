"""Small campaigns for tests, made in a folder of the test's own."""

from __future__ import annotations

import atexit
import datetime as dt
import hashlib
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl

MONDAY = dt.datetime(2026, 11, 2, tzinfo=dt.UTC)

BASE = """
name = "test"
seed = 11
[customers]
source = "customers.duckdb"
table = "customers"
[features]
numeric = ["age", "spend"]
boolean = ["owner"]
categorical = ["region"]
[consents]
source = "customers.duckdb"
table = "consents"
[reward]
unit = "EUR"
window_days = 7.0
[pressure]
{pressure}
[policy]
holdout = 0.1
exploration = 0.05
share = [
  {{ policy = "rules", share = 0.4 }},
  {{ policy = "lin_ts", share = 0.6, alpha = 1.0 }},
]
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
ranks = 2
[[offer]]
name = "fibre"
family = "net"
priority = 1
cost = 0.1
eligible = "region = 'north' or age > 40"
[[offer]]
name = "cable"
family = "net"
priority = 2
[[offer]]
name = "music"
priority = 3
value = "1 + spend / 100"
channels = ["email", "home"]
{more}
"""


def write(
    folder: Path,
    *,
    customers: int = 300,
    pressure: str = "slots = 2",
    more: str = "",
    seed: int = 0,
) -> Path:
    """A campaign with three offers, two outbound channels and an inbound list of two."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "campaign.toml").write_text(BASE.format(pressure=pressure, more=more))
    write_customers(folder, people(customers, seed))
    return folder


def people(count: int, seed: int = 0) -> pl.DataFrame:
    """Customers with an age, a spend, a flag and a region; a few values are missing."""
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 90, count).astype(float)
    return pl.DataFrame({
        "customer_id": np.arange(count) * 7 + 3,
        "age": [None if i % 29 == 0 else a for i, a in enumerate(age)],
        "spend": rng.gamma(2.0, 20.0, count),
        "owner": rng.random(count) < 0.3,
        "region": rng.choice(["north", "south", "east"], count),
    })  # fmt: skip


def write_customers(folder: Path, frame: pl.DataFrame) -> None:
    """The frame as the user's table, with consents: e-mail for all, SMS for two in three."""
    file = folder / "customers.duckdb"
    if file.exists():  # with other tables, maybe
        _write_tables(file, frame)
        return
    # Hundreds of tests have the same customers: their file is made once and copied.
    ready = _ready() / hashlib.sha256(frame.serialize()).hexdigest()
    if not ready.exists():
        _write_tables(ready, frame)
    shutil.copyfile(ready, file)


@cache
def _ready() -> Path:
    """A folder of files that are copied; it is gone when the process ends."""
    folder = tempfile.mkdtemp(prefix="bandit-tests-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _write_tables(file: Path, frame: pl.DataFrame) -> None:
    with duckdb.connect(file) as connection:
        connection.register("frame", frame.to_arrow())
        connection.execute("CREATE OR REPLACE TABLE customers AS SELECT * FROM frame")
        connection.execute(
            "CREATE OR REPLACE TABLE consents AS"
            " SELECT customer_id, 'email' AS channel, true AS granted FROM customers UNION ALL"
            " SELECT customer_id, 'sms', customer_id % 3 <> 0 FROM customers"
        )


def consent(folder: Path, who: str, *, granted: bool) -> None:
    """What the customers of a condition agree to from now on."""
    with duckdb.connect(folder / "customers.duckdb") as connection:
        connection.execute(f"UPDATE consents SET granted = ? WHERE {who}", [granted])


class OptingOut:
    """A progress under which those of a condition opt out after a wave was decided for them."""

    def __init__(self, folder: Path, who: str = "true") -> None:
        self._folder, self._who = folder, who

    def step(self, text: str, total: int | None = None) -> None:
        """Opt out before the lists are written."""
        del total
        if text.startswith("reading consents again"):
            consent(self._folder, self._who, granted=False)

    def advance(self, count: int) -> None:
        """Nothing is opted out of within a step."""


def decisions(folder: Path, wave: str) -> pl.DataFrame:
    """A wave's decisions, labels as text."""
    frame = pl.read_parquet(folder / "waves" / wave / "decisions-*.parquet")
    return frame.with_columns(pl.col(pl.Categorical).cast(pl.String))


def outcomes(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """An outcomes file with the default columns."""
    columns = {
        "event_id": pl.String,
        "decision_id": pl.String,
        "customer_id": pl.Int64,
        "event": pl.String,
        "reward": pl.Float64,
        "occurred_at": pl.String,
    }
    pl.DataFrame([{c: r.get(c) for c in columns} for r in rows], schema=columns).write_csv(path)
    return path


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes."""
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }
