"""Thirty days with a crash or a fault a day, and nobody who looks after it."""

from __future__ import annotations

import errno
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from bandit.record.index import connect
from tests.faults import small
from tests.faults.crash import hold_told
from tests.faults.damage import flipped
from tests.faults.people import at_text, decisions
from tests.faults.runs import Command, Fault, Mode, Result, Runs

KINDS = ("time", "call", "failure", "index", "pair", "learn")
CALLS = 150
"""A wave makes more calls to the disk than this."""


class Month:
    """A campaign, day by day."""

    def __init__(self, runs: Runs, folder: Path, seed: int) -> None:
        self.runs, self.folder = runs, small.write(folder, toml=small.REGROUPED)
        self.draw = random.Random(seed)
        self.memory: list[int] = []
        self.faults: dict[str, int] = defaultdict(int)
        self.seconds = 1.0

    def day(self, number: int) -> None:
        """Serve with a fault, serve again; deliver what happened, learn."""
        at = small.AT + number * small.DAY
        kind = KINDS[number % len(KINDS)]
        self.faults[kind] += 1
        self._fault(kind, "serve-batch", "--at", at_text(at))
        served = self._ended(self._run("serve-batch", "--at", at_text(at)))
        self.memory.append(served.memory_kb)
        if number:
            self._deliver((at - small.DAY).date().isoformat())
        learned = ("learn", "--outcomes", str(self.folder / "delivered.csv"), "--at", at_text(at))
        if number:
            if kind == "learn":
                self._fault("call", *learned)
            self._ended(self._run(*learned))

    def _run(self, verb: str, *rest: str, **fate: Any) -> Result:
        return self.runs.bandit(verb, self.folder, *rest, **fate)

    def _ended(self, result: Result) -> Result:
        assert result.code == 0, result.stderr
        self.seconds = result.seconds
        return result

    def _deliver(self, wave: str) -> None:
        (self.folder / "delivered.csv").write_text(
            small.as_csv(small.outcomes(self.folder, wave)), encoding="utf-8"
        )

    def _fault(self, kind: str, verb: str, *rest: str) -> None:
        at = self.draw.randrange(CALLS)
        match kind:
            case "time":
                self._run(verb, *rest, kill_after=self.draw.uniform(0, self.seconds))
            case "call":
                self._run(verb, *rest, fault=Fault(self.folder, at, Mode.KILL_BEFORE))
            case "failure":
                fault = Fault(self.folder, at, Mode.FAIL_ONCE, errno.ENOSPC)
                result = self._run(verb, *rest, fault=fault)
                # Nothing hangs on some calls: a folder that is there, an index that is made anew.
                if result.code:
                    hold_told(f"call {at}", result)
            case "index":
                path = self.folder / "index.duckdb"
                if path.exists():
                    path.write_bytes(flipped(path.read_bytes(), self.draw))
            case "pair":
                command = Command((verb, str(self.folder), *rest))
                ended = {r.code for r in self.runs.together(command, command)}
                assert ended == {0, 5}, ended


def month(runs: Runs, folder: Path, days: int, seed: int) -> dict[str, Any]:
    """Live through it; figures of memory, completeness and weights."""
    a_month = Month(runs, folder, seed)
    for number in range(days):
        a_month.day(number)
    _hold_complete(folder, days)
    growth = memory_growth(a_month.memory)
    weights = {p: mean_weight(folder, days, p) for p in ("outbound", "shop")}
    for mean, error in weights.values():
        assert abs(mean - 1) <= 3 * error, weights
    return {"days": days, "faults": dict(a_month.faults), "memory growth": growth, **weights}


def _hold_complete(folder: Path, days: int) -> None:
    """Every day's wave, whole and once; nothing half-done left."""
    customers = len((folder / "customers.csv").read_text(encoding="utf-8").splitlines()) - 1
    with connect(folder) as views:
        rows = views.sql(
            "SELECT count(DISTINCT wave), count(*), count(DISTINCT decision_id),"
            " count(*) FILTER (slot = 1 AND placement = 'outbound') FROM decisions"
        ).fetchall()
        counted = views.sql("SELECT sum(decisions)::BIGINT FROM waves").fetchall()
    waves, total, distinct, first = rows[0]
    assert waves == days
    assert total == distinct == counted[0][0]
    assert first == days * customers
    left = [p for p in folder.rglob(".*") if p.is_file() or p.name.endswith(".partial")]
    assert not left, left
    lists = {p.name for p in (folder / "exports").iterdir()}
    assert lists == {p.name for p in (folder / "waves").iterdir()}


def memory_growth(peaks: list[int]) -> float:
    """Peak memory of the last fifth of the runs against the first, medians."""
    part = max(1, len(peaks) // 5)
    return float(np.median(peaks[-part:]) / np.median(peaks[:part]) - 1)


def mean_weight(folder: Path, days: int, placement: str) -> tuple[float, float]:
    """Mean of uniform over logged propensity in first slots, and its standard error by customer.

    Uniform over the eligible set, to which no contact belongs unless the place always shows
    something. A customer's days are not independent of each other, so they are averaged first.
    """
    weights: dict[str, list[float]] = defaultdict(list)
    for number in range(days):
        wave = (small.AT + number * small.DAY).date().isoformat()
        for row in decisions(folder, wave):
            if row["slot"] == 1 and row["placement"] == placement:
                may = row["eligible"][row["action"] // 8] >> (row["action"] % 8) & 1
                chance = row["eligible_count"] * row["propensity"]
                weights[row["customer_id"]].append(may / chance)
    means = np.array([np.mean(w) for w in weights.values()])
    return float(means.mean()), float(means.std(ddof=1) / np.sqrt(means.shape[0]))
