"""What commands must print, counted anew from the files with nothing of the program's own.

It knows the layout of the record and what docs/sources.md and design.md say, and is written to be
read, not to be fast. Rows are Polars frames; sums are plain Python.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import polars as pl


class Kept(NamedTuple):
    """A published wave: its manifest and its decisions, with whether each was withheld."""

    name: str
    at: dt.datetime
    manifest: dict[str, Any]
    rows: pl.DataFrame

    @property
    def first(self) -> pl.DataFrame:
        """The first slot of the first placement: one row a customer."""
        place = self.manifest["placements"][0]
        return self.rows.filter((pl.col("slot") == 1) & (pl.col("placement") == place))

    @property
    def contacts(self) -> pl.DataFrame:
        """Outbound contacts that were made."""
        return self.rows.filter(
            (pl.col("placement") == "outbound") & (pl.col("action") != 0) & ~pl.col("withheld")
        )


def waves(folder: Path) -> list[Kept]:
    """Every published wave in the order of time, then name."""
    found = []
    for wave in sorted((folder / "waves").glob("[!.]*")):
        manifest = json.loads((wave / "manifest.json").read_bytes())
        rows = pl.concat([pl.read_parquet(p) for p in sorted(wave.glob("decisions-*.parquet"))])
        rows = rows.with_columns(pl.col(pl.Categorical).cast(pl.String))
        gone = set()
        for place in (wave, folder / "exports" / wave.name):
            if (place / "withheld.parquet").is_file():
                gone |= set(pl.read_parquet(place / "withheld.parquet")["decision_id"])
        rows = rows.with_columns(withheld=pl.col("decision_id").is_in(list(gone)))
        found.append(Kept(wave.name, dt.datetime.fromisoformat(manifest["at"]), manifest, rows))
    return sorted(found, key=lambda w: (w.at, w.name))


def events(folder: Path) -> list[dict[str, Any]]:
    """Every event once."""
    known: dict[str, dict[str, Any]] = {}
    for batch in sorted((folder / "outcomes").glob("[!.]*")):
        for row in pl.read_parquet(batch / "events.parquet").to_dicts():
            known[row["event_id"]] = row
    return list(known.values())


def rewards(
    kept: list[Kept], told: list[dict[str, Any]], window: dt.timedelta
) -> tuple[dict[str, float], Counter[str], Counter[str]]:
    """Reward of each decision by its id; events inside and outside the window by wave."""
    owner = {i: w for w in kept for i in w.rows["decision_id"]}
    firsts = {w.name: dict(w.first.select("customer_id", "decision_id").rows()) for w in kept}
    anyone = {w.name: set(w.rows["customer_id"]) for w in kept}
    total: dict[str, float] = dict.fromkeys(owner, 0.0)
    inside: Counter[str] = Counter()
    outside: Counter[str] = Counter()
    for event in told:
        when, named = event["occurred_at"], event["decision_id"]
        if named is not None:
            wave = owner.get(named)
            if wave is None:
                continue
            (inside if wave.at <= when < wave.at + window else outside)[wave.name] += 1
            if wave.at <= when < wave.at + window:
                total[named] += event["reward"]
            continue
        customer = event["customer_id"]
        reached = [w for w in kept if w.at <= when and customer in anyone[w.name]]
        if not reached or when >= reached[-1].at + window:
            continue
        inside[reached[-1].name] += 1
        total[firsts[reached[-1].name][customer]] += event["reward"]
    return total, inside, outside


def consents(folder: Path) -> set[tuple[int, str]]:
    """(customer, channel) of who agreed and did not refuse."""
    with duckdb.connect(folder / "customers.duckdb", read_only=True) as connection:
        rows = connection.execute(
            "SELECT customer_id, channel FROM consents GROUP BY ALL HAVING bool_and(granted)"
        ).fetchall()
    return {(int(c), str(ch)) for c, ch in rows}


def net(row: dict[str, Any], reward: float) -> float:
    """What a decision earned, by the terms that stand in the record."""
    if row["withheld"]:
        return reward
    return float(row["value"]) * reward - float(row["cost"])


class GroupMean(NamedTuple):
    """A group of a wave: customers, and what they expected and realised a customer."""

    customers: int
    expected: float
    realised: float


def earned(wave: Kept, total: dict[str, float]) -> dict[str, GroupMean]:
    """By group, all slots of a customer together."""
    customers = Counter(wave.first["group"].to_list())
    expected: dict[str, float] = defaultdict(float)
    realised: dict[str, float] = defaultdict(float)
    for row in wave.rows.to_dicts():
        worth = row["expected_no_contact"] if row["withheld"] else row["expected_value"]
        expected[row["group"]] += float(worth)
        realised[row["group"]] += net(row, total[row["decision_id"]])
    return {g: GroupMean(n, expected[g] / n, realised[g] / n) for g, n in customers.items() if n}
