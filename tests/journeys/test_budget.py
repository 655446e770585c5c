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
from bandit.stats.budgets import People
from bandit.workflows.inspect import as_served
from bandit.workflows.inspect.budget import TIMES, _Judged, _missing, lot_of
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


def test_what_is_missing_is_told_with_what_there_is() -> None:
    """By hand: 40 people, of whom one was left in peace; one whose weight stands for all; none."""

    def told(treated: list[float], left: list[float], *, held: bool = False) -> str:
        n = len(treated)
        flat = np.ones(n)
        people = People(
            np.zeros(n, int), flat, flat, np.array(treated), flat, np.array(left), flat
        )  # fmt: skip
        return _missing(people, _Judged(1, held))

    some = told([1.0] * 39 + [0.0], [0.0] * 39 + [40.0])
    assert "of 40 people who could be contacted 39 were and 1 were left in peace" in some
    assert "the equal of 1 of each; 30 are needed" in some
    assert "policy.regroup = 'every_wave'" in some
    assert "regroup" not in told([1.0] * 39 + [0.0], [0.0] * 39 + [40.0], held=True)
    assert "none was left in peace by the draw" in told([1.0] * 40, [0.0] * 40)
    odd = told([2.0] * 35 + [0.0] * 35, [0.0] * 35 + [0.4] * 35)
    assert "left in peace for 0.20 times the 70 people" in odd
