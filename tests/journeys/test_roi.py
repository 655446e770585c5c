"""Every figure of `bandit roi` again from the record's files, on campaigns drawn uniformly.

There a customer's chance of each action is one over the actions that were eligible, so that the
odds need no policy: what the program derives again from snapshot and prices is held against the
eligible sets as stored.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bandit.results.roi import Return
from bandit.stats.crowds import crowd_of
from bandit.stats.moderated import PRIOR
from bandit.workflows.inspect.report import report
from bandit.workflows.inspect.roi import roi
from bandit.workflows.learn.learn import learn
from bandit.workflows.serve.serve_batch import serve_batch
from reference.gained import Person, gained
from tests import campaigns
from tests.campaigns import MONDAY
from tests.journeys import test_money, twin

Wave = tuple[list[Person], list[Person]]
WEEK = dt.timedelta(days=7)
Z = 1.959964
SHARES = """share = [
  { policy = "rules", share = 0.4 },
  { policy = "lin_ts", share = 0.6, alpha = 1.0 },
]"""


def served(folder: Path, rng: np.random.Generator, policy: str = "") -> Path:
    """Two closed waves; contacts add something, half of the events name a customer."""
    campaigns.write(folder, customers=900, pressure="slots = 1", seed=int(rng.integers(1000)))
    config = folder / "campaign.toml"
    text = config.read_text().replace(SHARES, 'share = [{ policy = "uniform", share = 1.0 }]')
    text = text.replace("holdout = 0.1\n", f"holdout = 0.1\n{policy}\n")
    text = text.replace('name = "sms"\n', 'name = "sms"\ncapacity = 90\n')
    config.write_text(text.replace('value = "1 + spend / 100"', "value = 2.0"))
    for number, wave in enumerate(("w1", "w2")):
        at = MONDAY + number * WEEK
        serve_batch(folder, wave=wave, at=at)
        told = []
        for row in campaigns.decisions(folder, wave).iter_rows(named=True):
            if rng.random() < 0.4:
                by = rng.random() < 0.5
                told.append({
                    "event_id": f"{row['decision_id']}",
                    "decision_id": row["decision_id"] if by else None,
                    "customer_id": None if by else row["customer_id"],
                    "event": "sale",
                    "reward": round(float(rng.gamma(2.0, 1.0 + (row["action"] > 0))), 2),
                    "occurred_at": (at + dt.timedelta(days=2)).isoformat(),
                })  # fmt: skip
        learn(folder, outcomes=campaigns.outcomes(folder / "told.csv", told), at=at + WEEK)
    return folder


@pytest.mark.parametrize(
    "number", [0, *(pytest.param(n, marks=pytest.mark.long) for n in range(1, 4))]
)
def test_every_figure_is_found_again_in_the_files(number: int, tmp_path: Path) -> None:
    folder = served(tmp_path / "campaign", np.random.default_rng(number))
    at = MONDAY + 2 * WEEK
    found, shown = roi(folder, at=at), report(folder, at=at)
    kept = twin.waves(folder)
    total, _, _ = twin.rewards(kept, twin.events(folder), WEEK)
    assert found.waves == ["w1", "w2"]
    assert found.total is not None
    assert shown.returned == [found.by_wave[-1], found.total]
    _hold_group(found.total, kept, total)
    for one, wave in zip(found.by_wave, kept, strict=True):
        _hold_group(one, [wave], total)
    told = next(i for i in shown.increments if i.wave is None and i.over == "holdout")
    mine = next(g for g in found.groups if (g.of, g.over) == (told.group, told.over))
    assert mine.net is not None
    assert vars(mine.net) == pytest.approx(vars(told.total), rel=1e-9)
    taught = taught_of(kept, twin.events(folder))
    for kind, rows in (("offer", found.offers), ("channel", found.channels)):
        names = {n for w in kept for n in _first(w, kind)}
        assert {one.of for one in rows} == names
        for one in rows:
            _hold_offer(one, kind, kept, total, taught)


@pytest.mark.parametrize(
    "number", [*range(3), *(pytest.param(n, marks=pytest.mark.long) for n in range(3, 8))]
)
def test_totals_of_random_campaigns_are_found_again(number: int, tmp_path: Path) -> None:
    """Caps and lots, two slots, inbound lists, tables of offers and expressions."""
    rng = np.random.default_rng(number)
    folder = test_money.campaign(tmp_path / "campaign", rng)
    serve_batch(folder, wave="w1", at=MONDAY)
    learn(folder, outcomes=test_money.told(folder, rng), at=MONDAY + WEEK)
    if number % 2:
        serve_batch(folder, wave="w2", at=MONDAY + WEEK)
    found = roi(folder, at=MONDAY + WEEK)
    kept = [wave for wave in twin.waves(folder) if wave.name == "w1"]
    total, _, _ = twin.rewards(kept, twin.events(folder), WEEK)
    assert found.waves == ["w1"]
    assert found.total is not None
    for one in (found.by_wave[0], found.total):
        _hold_group(one, kept, total)


def _hold_group(one: Return, kept: list[twin.Kept], total: dict[str, float]) -> None:
    """Everybody who is not held out over the holdout, by wave; a person is one unit."""
    attributed, contacts = 0.0, 0
    values, costs, nets = list[Wave](), list[Wave](), list[Wave]()
    for wave in kept:
        held = dict(wave.first.select("customer_id", "group").iter_rows())
        worth: dict[int, float] = defaultdict(float)
        cost: dict[int, float] = defaultdict(float)
        for row in wave.rows.to_dicts():
            came = twin.net(row, total[row["decision_id"]])
            own = 0.0 if row["withheld"] else float(row["cost"])
            worth[row["customer_id"]] += came + own
            cost[row["customer_id"]] += own
            if row["action"] and not row["withheld"] and held[row["customer_id"]] != "holdout":
                contacts += 1
                attributed += came + own
        sides = [[c for c in held if (held[c] == "holdout") == out] for out in (False, True)]
        net = {c: worth[c] - cost[c] for c in held}
        for figures, waves in ((worth, values), (cost, costs), (net, nets)):
            both = [[(crowd(c), 1.0, figures[c]) for c in side] for side in sides]
            waves.append((both[0], both[1]))
    assert one.contacts == contacts
    assert one.attributed == pytest.approx(attributed)
    _hold(one, values, costs, gained(nets, PRIOR).doubt)


def crowd(customer: int) -> int:
    return int(crowd_of(np.array([customer], dtype=np.uint64))[0])


def _hold(one: Return, values: list[Wave], costs: list[Wave], doubt: float) -> None:
    """Value, net and ROI with their intervals, from the people of both sides, wave by wave."""
    assert one.value is not None
    assert one.net is not None
    assert one.roi is not None
    value, cost = gained(values, 0.0), gained(costs, 0.0)
    units = list(value.parts)
    a, b = (np.array([of.parts[u] for u in units]) for of in (value, cost))
    assert one.cost == pytest.approx(cost.total)
    assert one.value.value == pytest.approx(value.total)
    half = Z * (a @ a + doubt) ** 0.5
    assert one.value.upper - value.total == pytest.approx(half, rel=1e-5)
    net, off = value.total - cost.total, a - b
    assert one.net.value == pytest.approx(net)
    half = Z * (off @ off + doubt) ** 0.5
    assert one.net.upper - net == pytest.approx(half, rel=1e-5)
    assert one.roi.value == pytest.approx(net / cost.total)
    if one.bounded:
        for end in (one.roi.lower, one.roi.upper):
            off = a - (end + 1.0) * b
            far = value.total - (end + 1.0) * cost.total
            assert far**2 == pytest.approx(Z**2 * (off @ off + doubt), rel=1e-4)


def _first(wave: twin.Kept, kind: str) -> dict[str, list[dict[str, Any]]]:
    """First contacts by offer or channel."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in wave.first.to_dicts():
        if row["action"] and row["group"] != "holdout":
            found[row[kind]].append(row)
    return found


def _hold_offer(
    one: Return,
    kind: str,
    kept: list[twin.Kept],
    total: dict[str, float],
    taught: dict[str, float],
) -> None:
    attributed, contacts = 0.0, 0
    values, costs = list[Wave](), list[Wave]()
    weights: list[float] = []
    for wave in kept:
        mine = _first(wave, kind).get(one.of, [])
        keep = {r["planned_action"]: float(r["keep_probability"]) for r in wave.first.to_dicts()}
        names = wave.manifest["actions"]
        own = [
            i + 1
            for i, pair in enumerate(names)
            if pair[("offer", "channel").index(kind)] == one.of
        ]
        peace = []
        for row in wave.first.to_dicts():
            if row["action"] == 0 and row["group"] != "holdout":
                bits = np.unpackbits(np.frombuffer(row["eligible"], np.uint8), bitorder="little")
                chance = sum(keep.get(a, 1.0) for a in own if bits[a]) / bits.sum()
                weight = chance / ((row["propensity"] - 0.1) / 0.9)
                peace.append((weight, row, _over(row, taught)))
        weights += [weight for weight, _, _ in peace]
        one_side, paid = list[Person](), list[Person]()
        for row in mine:
            unit = crowd(row["customer_id"])
            one_side.append((unit, 1.0, _over(row, taught)))
            paid.append((unit, 1.0, 0.0 if row["withheld"] else float(row["cost"])))
            contacts += not row["withheld"]
            if not row["withheld"]:
                attributed += float(row["value"]) * total[row["decision_id"]]
        others = [(crowd(row["customer_id"]), weight, x) for weight, row, x in peace]
        values.append((one_side, others))
        costs.append((paid, [(unit, weight, 0.0) for unit, weight, _ in others]))
    assert one.contacts == contacts
    assert one.attributed == pytest.approx(attributed)
    assert one.effective == pytest.approx(sum(weights) ** 2 / np.square(weights).sum())
    _hold(one, values, costs, gained(values, PRIOR).doubt)


def _over(row: dict[str, Any], taught: dict[str, float]) -> float:
    """Value of what came, over what the wave expected of no contact."""
    cost = 0.0 if row["withheld"] else float(row["cost"])
    came = twin.net(row, taught[row["decision_id"]]) + cost
    return came - float(row["expected_no_contact"])


def taught_of(kept: list[twin.Kept], told: list[dict[str, Any]]) -> dict[str, float]:
    """What names a decision, and for each of a customer's decisions what names the customer."""
    found: dict[str, float] = defaultdict(float)
    for event in told:
        if event["decision_id"] is not None:
            found[event["decision_id"]] += event["reward"]
            continue
        wave = next(w for w in reversed(kept) if w.at <= event["occurred_at"])
        theirs = wave.rows.filter(wave.rows["customer_id"] == event["customer_id"])
        for decision in theirs["decision_id"]:
            found[decision] += event["reward"]
    return found
