"""The budget curve again from the record's files, person by person, by `reference.budget_curve`.

What a wave expected of each action is asked of its posterior, which has twins of its own; who is
judged, their contacts, order, weights, budgets and sums are the twin's.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bandit.config import campaign_file
from bandit.record import waves as record
from bandit.record.decisions import Decisions
from bandit.results.figures import Interval
from bandit.workflows.inspect import as_served
from bandit.workflows.inspect.budget import TIMES, lot_of
from bandit.workflows.inspect.report import report
from bandit.workflows.inspect.roi import roi
from reference import budget_curve
from tests.campaigns import MONDAY
from tests.journeys import test_roi, twin

WEEK = dt.timedelta(days=7)
Z = 1.959964
HELD = 0.1


def _people(
    folder: Path, kept: twin.Kept, taught: dict[str, float], *, held_too: bool
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], float, np.ndarray]:
    """Rows of the ordered and of the same for all, what was spent, and all means float64[n, k]."""
    campaign = campaign_file.load(folder)
    wave = next(w for w in record.waves(folder) if w.name == kept.name)
    served = as_served.wave(campaign, Decisions(folder, wave))
    costs, prices = served.plan.costs, served.plan.prices[0]
    first = [r for r in kept.first.to_dicts() if held_too or r["group"] != "holdout"]
    made = [r for r in first if r["action"]]
    spent = sum(r["cost"] for r in made if not r["withheld"])
    same = int(np.argmax(np.bincount([r["action"] for r in made], minlength=len(costs))))
    value = np.ones(len(costs))
    for row in kept.rows.to_dicts():
        value[row["action"]] = row["value"]
    keep = np.ones(len(costs))
    for row in kept.first.to_dicts():
        keep[row["planned_action"]] = row["keep_probability"]
    found: list[dict[str, Any]] = []
    held = 0.0 if held_too else HELD
    for row in first:
        means = value * (served.posterior.mean @ np.array(row["features"], np.float64))
        bits = np.unpackbits(np.frombuffer(row["eligible"], np.uint8), bitorder="little")
        may = [a for a in range(1, len(costs)) if bits[a]]
        if not may:
            continue
        drawn = {a: keep[a] / bits.sum() for a in may}
        any_ = sum(drawn.values())
        mean, cost, price = (
            sum(drawn[a] * of[a] for a in may) / any_ for of in (means, costs, prices)
        )
        chance = (row["propensity"] - held * (row["action"] == 0)) / (1.0 - held)
        came = twin.net(row, taught[row["decision_id"]])
        came += 0.0 if row["withheld"] else row["cost"]
        about = {
            "came": came,
            "worth": (mean - cost - price - means[0]) / cost,
            "lot": int(lot_of(np.array([row["customer_id"]], np.uint64))[0]),
            "key": row["customer_id"],
        }
        reached = any_ * (1.0 - HELD) if held_too else any_
        found += [about | {
            "own": True,
            "taken": int(row["action"] > 0),
            "propensity": reached if row["action"] else chance,
            "expected": (means[0], mean),
            "cost": cost,
        }]  # fmt: skip
        found += [about | {
            "own": False,
            "taken": {same: 1, 0: 0}.get(row["action"]),
            "propensity": chance,
            "expected": (means[0], means[same]),
            "cost": costs[same],
        }] if same in may else []  # fmt: skip
    ordered = sorted((r for r in found if r["own"]), key=lambda r: (-r["worth"], r["lot"]))
    return ordered, [r for r in found if not r["own"]], spent, costs


@pytest.mark.parametrize("anew", [pytest.param(False, marks=pytest.mark.long), True])
def test_every_budget_is_found_again_in_the_files(anew: bool, tmp_path: Path) -> None:
    """The wave that had learned; its holdout is among them where it was drawn anew."""
    policy = 'regroup = "every_wave"' if anew else ""
    folder = test_roi.served(tmp_path / "campaign", np.random.default_rng(int(anew)), policy)
    at = MONDAY + 2 * WEEK
    kept = twin.waves(folder)
    taught = test_roi.taught_of(kept, twin.events(folder))
    parts = [_people(folder, kept[1], taught, held_too=anew)]
    found = roi(folder, at=at, margin=0.5).budget
    assert found is not None
    assert found.waves == ["w2"]
    assert found.spent == pytest.approx(sum(p[2] for p in parts))
    assert found.whole == pytest.approx(sum(r["cost"] for p in parts for r in p[0]))
    assert len(found.points) > 3
    for point, times in zip(found.points, TIMES, strict=False):
        value = cost = error = alone = 0.0
        for ordered, same, spent, _ in parts:
            prices = [r["cost"] for r in ordered]
            h = budget_curve.reached(prices, times * spent)
            total, one_error = budget_curve.gain(ordered, h)
            value, error = value + 0.5 * total, np.hypot(error, 0.5 * one_error)
            cost += min(times * spent, sum(prices))
            most = sum(r["cost"] for r in same)
            share = min(times * spent / most, 1.0)
            alone += 0.5 * budget_curve.gain(same, [share] * len(same))[0] - share * most
        assert point.times == times
        assert point.cost == pytest.approx(cost)
        assert point.value.value == pytest.approx(value)
        assert point.net.value == pytest.approx(value - cost)
        assert point.value.upper - value == pytest.approx(Z * error, rel=0.1)  # some share a crowd
        assert point.same.value == pytest.approx(alone)
        assert point.over_same.value == pytest.approx(point.net.value - alone)
    area = [sum(_area(p[0], by_lot=by_lot) for p in parts) for by_lot in (False, True)]
    for told, twins in zip((found.by_order, found.by_chance), area, strict=True):
        assert isinstance(told, Interval)
        assert told.value == pytest.approx(0.5 * twins, abs=0.02 * (told.upper - told.lower))
    shown = report(folder, at=at).budget
    assert shown is not None
    assert shown.waves == ["w2"]


def _area(ordered: list[dict[str, Any]], *, by_lot: bool) -> float:
    people = sorted(ordered, key=lambda r: r["lot"]) if by_lot else ordered
    shares = budget_curve.area([r["cost"] for r in people], 500)
    return budget_curve.gain(people, shares)[0]
