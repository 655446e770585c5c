"""What commands must print, counted anew from the files with nothing of the program's own.

It knows the layout of the record and what docs/sources.md and design.md say, and is written to be
read, not to be fast. Rows are Polars frames; sums are plain Python.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

NO_CONTACT = "no contact"


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
    def made(self) -> pl.DataFrame:
        """Everything that was decided to be done, on lists that somebody works off."""
        return self.rows.filter(pl.col("action") != 0)

    @property
    def contacts(self) -> pl.DataFrame:
        """Outbound contacts that were made."""
        return self.rows.filter(
            (pl.col("placement") == "outbound") & (pl.col("action") != 0) & ~pl.col("withheld")
        )


def manifest(folder: Path) -> dict[str, Any]:
    """What a folder of the record says of itself."""
    content: dict[str, Any] = json.loads((folder / "manifest.json").read_bytes())
    return content


def waves(folder: Path) -> list[Kept]:
    """Every published wave in the order of time, then name."""
    found = []
    for wave in sorted((folder / "waves").glob("[!.]*")):
        about = manifest(wave)
        rows = pl.concat([pl.read_parquet(p) for p in sorted(wave.glob("decisions-*.parquet"))])
        rows = rows.with_columns(pl.col(pl.Categorical).cast(pl.String))
        gone = set()
        for place in (wave, folder / "exports" / wave.name):
            if (place / "withheld.parquet").is_file():
                gone |= set(pl.read_parquet(place / "withheld.parquet")["decision_id"])
        rows = rows.with_columns(withheld=pl.col("decision_id").is_in(list(gone)))
        found.append(Kept(wave.name, dt.datetime.fromisoformat(about["at"]), about, rows))
    return sorted(found, key=lambda w: (w.at, w.name))


def events(folder: Path) -> list[dict[str, Any]]:
    """Every event once, as it was delivered last."""
    known: dict[str, dict[str, Any]] = {}
    batches = (folder / "outcomes").glob("[!.]*")
    number = {b: manifest(b)["delivery"] for b in batches}
    for batch in sorted(number, key=lambda b: number[b]):
        for row in pl.read_parquet(batch / "events.parquet").to_dicts():
            known[row["event_id"]] = row
    return list(known.values())


def rewards(
    kept: list[Kept], told: list[dict[str, Any]], window: dt.timedelta
) -> tuple[dict[str, float], Counter[str], Counter[str]]:
    """Reward of each decision by its id; events inside and outside the window by wave."""
    firsts = {w.name: dict(w.first.select("customer_id", "decision_id").rows()) for w in kept}
    total = {i: 0.0 for w in kept for i in w.rows["decision_id"]}
    inside: Counter[str] = Counter()
    outside: Counter[str] = Counter()
    for event, wave, within in _owned(kept, told, window):
        (inside if within else outside)[wave.name] += 1
        if within:
            total[event["decision_id"] or firsts[wave.name][event["customer_id"]]] += event[
                "reward"
            ]
    return total, inside, outside


def _owned(
    kept: list[Kept], told: list[dict[str, Any]], window: dt.timedelta
) -> Iterator[tuple[dict[str, Any], Kept, bool]]:
    """Each event that belongs to a wave, that wave, and whether it fell into its window."""
    owner = {i: w for w in kept for i in w.rows["decision_id"]}
    anyone = {w.name: set(w.rows["customer_id"]) for w in kept}
    for event in told:
        when, named = event["occurred_at"], event["decision_id"]
        if named is not None:
            if named in owner:
                wave = owner[named]
                yield event, wave, wave.at <= when < wave.at + window
            continue
        reached = [w for w in kept if w.at <= when and event["customer_id"] in anyone[w.name]]
        if reached and when < reached[-1].at + window:
            yield event, reached[-1], True


def taught(
    kept: list[Kept], told: list[dict[str, Any]], window: dt.timedelta, learned: Collection[str]
) -> dict[str, tuple[int, float]]:
    """Decisions and rewards by action, summed over the waves that were ``learned``.

    What names a customer and no decision teaches each of the customer's slots in the wave.
    """
    taught: dict[str, float] = defaultdict(float)
    for event, wave, within in _owned(kept, told, window):
        rows = wave.rows
        if event["decision_id"] is not None:
            ids = [event["decision_id"]]
        else:
            ids = rows.filter(pl.col("customer_id") == event["customer_id"])[
                "decision_id"
            ].to_list()
        for name in ids if within else ():
            taught[name] += event["reward"]
    found: dict[str, tuple[int, float]] = {}
    for wave in kept:
        first = set(wave.first["decision_id"])
        for row in wave.rows.to_dicts() if wave.name in learned else ():
            if row["withheld"] or (row["action"] == 0 and row["decision_id"] not in first):
                continue
            name = f"{row['offer']}/{row['channel']}" if row["action"] else NO_CONTACT
            count, total = found.get(name, (0, 0.0))
            found[name] = count + 1, total + taught[row["decision_id"]]
    return found


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
    """By the group of a customer's first row, all slots together; no contact once a customer."""
    mine = dict(wave.first.select("customer_id", "group").iter_rows())
    customers = Counter(mine.values())
    expected: dict[str, float] = defaultdict(float)
    realised: dict[str, float] = defaultdict(float)
    for row in wave.rows.to_dicts():
        group, first = mine[row["customer_id"]], row["slot"] == 1 and row["placement"] == "outbound"
        if first:
            expected[group] += float(row["expected_no_contact"])
        if row["action"] and not row["withheld"]:
            expected[group] += float(row["expected_value"]) - float(row["expected_no_contact"])
        realised[group] += net(row, total[row["decision_id"]])
    return {g: GroupMean(n, expected[g] / n, realised[g] / n) for g, n in customers.items() if n}
