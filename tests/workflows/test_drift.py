"""The drift alarm: a channel whose response halves is found, one that stays is left in peace."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from bandit.workflows.inspect.drift import FEW, LESS, MORE, STEADY, Gross, told
from bandit.workflows.inspect.report import report
from bandit.workflows.learn.learn import learn
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns
from tests.campaigns import MONDAY
from tests.journeys import twin

WEEK = dt.timedelta(days=7)


def waves(seed, contacts, rate, factors, *, bias=1.0, spread=1.0):
    """Waves of sales of lognormal amounts; ``factors`` of the rate, expected at ``bias``."""
    rng = np.random.default_rng(seed)
    mean = np.exp(spread**2 / 2.0)
    found = []
    for factor in factors:
        sold = rng.binomial(contacts, rate * factor)
        amounts = rng.lognormal(0.0, spread, sold)
        expected = contacts * rate * mean * bias
        found.append(Gross(contacts, amounts.sum(), amounts @ amounts, expected))
    return found


def first_alarm(history, channels=3):
    """After how many waves somebody who looks at each of them is alarmed; None: never."""
    seen = (told("email", history[:n], channels).health for n in range(1, len(history) + 1))
    return next((n for n, health in enumerate(seen, start=1) if health in {LESS, MORE}), None)


@pytest.mark.parametrize(("contacts", "rate"), [(3_000, 0.035), (20_000, 0.01)])
def test_half_the_response_is_found_within_three_waves(contacts, rate):
    found = [
        first_alarm(waves(seed, contacts, rate, [1.0] * 6 + [0.5] * 3, spread=0.7))
        for seed in range(200)
    ]
    assert np.mean([n is not None and 7 <= n <= 9 for n in found]) >= 0.9


@pytest.mark.parametrize("bias", [0.9, 1.0, 1.15])
@pytest.mark.parametrize(("contacts", "rate"), [(200, 0.01), (3_000, 0.01), (20_000, 0.035)])
def test_a_year_without_a_change_has_hardly_an_alarm(contacts, rate, bias):
    years = [waves(seed, contacts, rate, [1.0] * 26, bias=bias) for seed in range(100)]
    # A tenth of the years is for three channels; three standard errors of 100 years are 0.054.
    assert np.mean([first_alarm(year) is not None for year in years]) <= 0.1 / 3.0 + 0.054


def test_twice_the_response_is_more():
    assert told("sms", waves(0, 20_000, 0.02, [1.0] * 4 + [2.0]), 2).health == MORE


def test_what_was_expected_on_few_purchases_alarms_nobody():
    """A first expectation, of two purchases that were met by chance, is no drift (ADR 449)."""
    lucky = waves(2, 20_000, 0.01, [1.0], bias=3.0)
    assert told("sms", lucky, 2).health == LESS
    unsure = [wave._replace(doubt=wave.expected) for wave in lucky]
    assert told("sms", unsure, 2).health == STEADY
    learned = [wave._replace(doubt=0.1 * wave.expected) for wave in lucky]
    assert told("sms", learned, 2).health == LESS


def test_steady_and_few():
    assert told("sms", waves(1, 20_000, 0.02, [1.0] * 4), 2).health == STEADY
    assert told("sms", waves(1, 20, 0.02, [1.0] * 4), 2).health == FEW


def sales(folder: Path, wave: str, rng: np.random.Generator) -> list[dict[str, Any]]:
    """What contacts of a wave bring, some told by the decision, some by the customer."""
    told = []
    for i, row in enumerate(campaigns.decisions(folder, wave).iter_rows(named=True)):
        if rng.random() < (0.5 if row["action"] else 0.1):
            by = rng.random() < 0.7
            told.append({
                "event_id": f"{wave}-{i}",
                "decision_id": row["decision_id"] if by else None,
                "customer_id": None if by else row["customer_id"],
                "event": "sale",
                "reward": round(float(rng.gamma(2.0, 1.0)), 2),
                "occurred_at": (row["decided_at"] + dt.timedelta(days=2)).isoformat(),
            })  # fmt: skip
    return told


def by_hand(folder: Path) -> dict[str, list[dict[str, float]]]:
    """By channel and wave, from the files: contacts, what came, its squares, what was expected.

    And how far that may be off by the purchases that it was learned from.
    """
    kept = twin.waves(folder)
    owned: dict[str, float] = defaultdict(float)
    for event in twin.events(folder):
        if event["decision_id"] is not None:
            owned[event["decision_id"]] += event["reward"]
            continue
        wave = [w for w in kept if w.at <= event["occurred_at"] < w.at + WEEK][-1]
        for row in wave.rows.to_dicts():
            if row["customer_id"] == event["customer_id"]:
                owned[row["decision_id"]] += event["reward"]
    found: dict[str, list[dict[str, float]]] = defaultdict(list)
    bought: dict[tuple[str, str], float] = defaultdict(float)
    for wave in kept:
        rows = [r for r in wave.rows.to_dicts() if r["action"] and not r["withheld"]]
        for channel in sorted({row["channel"] for row in rows}):
            mine = [row for row in rows if row["channel"] == channel]
            came = [float(row["value"]) * owned[row["decision_id"]] for row in mine]
            doubt = 0.0
            for offer in sorted({row["offer"] for row in mine}):
                theirs = [i for i, row in enumerate(mine) if row["offer"] == offer]
                hoped = sum(
                    float(mine[i]["value"]) * float(mine[i]["expected_reward"]) for i in theirs
                )
                doubt += hoped**2 * 1.0 / max(bought[offer, channel], 1.0)
                if squares := sum(came[i] ** 2 for i in theirs):
                    bought[offer, channel] += sum(came[i] for i in theirs) ** 2 / squares
            found[channel].append({
                "doubt": doubt**0.5,
                "n": len(mine),
                "came": sum(came),
                "squares": sum(x * x for x in came),
                "expected": sum(float(r["value"]) * float(r["expected_reward"]) for r in mine),
            })  # fmt: skip
    return found


@pytest.mark.long
def test_the_ratio_is_found_again_in_the_files(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    folder = campaigns.write(tmp_path / "campaign", customers=400, pressure="slots = 2")
    heard, at = [], MONDAY
    for wave in ("w1", "w2", "w3"):
        # A list that is not worked off to its end: these contacts were never made.
        leaving = campaigns.OptingOut(folder, f"customer_id % 5 = {len(heard) % 5}")
        assert serve_batch(folder, wave=wave, at=at, progress=leaving).withheld
        campaigns.consent(folder, "true", granted=True)
        heard += sales(folder, wave, rng)
        at += WEEK
        learn(folder, outcomes=campaigns.outcomes(folder / f"{wave}.csv", heard), at=at)
    shown = {one.channel: one for one in report(folder, at=at).drift}
    hand = {
        channel: [wave for wave in waves if wave["expected"] > 0.0]
        for channel, waves in by_hand(folder).items()
    }
    assert shown.keys() == {channel for channel, waves in hand.items() if waves}
    for channel, one in shown.items():
        every, newest = hand[channel], hand[channel][-one.waves :]
        n, came, squares, expected, doubt = (
            sum(w[name] for w in newest) for name in ("n", "came", "squares", "expected", "doubt")
        )
        assert one.contacts == n
        assert one.ratio.value == pytest.approx(came / expected, rel=1e-5)
        amount = sum(w["squares"] for w in every) / sum(w["came"] for w in every)
        spread = max(squares - came**2 / n, 0.8 * expected * amount)
        z = NormalDist().inv_cdf(1.0 - 0.05 / (len(shown) * 3 * 26))
        half = z * (spread + doubt**2) ** 0.5 / expected
        assert one.ratio.upper - one.ratio.value == pytest.approx(half, rel=1e-5)
        assert one.ratio.value - one.ratio.lower == pytest.approx(half, rel=1e-5)
        low, high = one.ratio.lower, one.ratio.upper
        health = LESS if high < 0.8 else MORE if low > 1.25 else STEADY
        assert one.health == (health if expected >= 10.0 * amount else FEW)


def test_a_wave_of_which_nothing_was_heard_is_no_drift(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    folder = campaigns.write(tmp_path / "campaign", customers=300, pressure="slots = 1")
    heard, at = [], MONDAY
    for wave in ("w1", "w2", "w3"):
        serve_batch(folder, wave=wave, at=at)
        heard += sales(folder, wave, rng)
        at += WEEK
        learn(folder, outcomes=campaigns.outcomes(folder / f"{wave}.csv", heard), at=at)
    before = report(folder, at=at)
    assert any(one.health == STEADY for one in before.drift)
    serve_batch(folder, wave="w4", at=at)
    learn(folder, at=at + WEEK)
    after = report(folder, at=at + WEEK)
    assert any("no event lies in the window of wave w4" in note for note in after.notes)
    assert not any("learned before" in note or "foretold" in note for note in after.notes)
    assert after.drift == before.drift
    assert [one.health for one in after.offers] == [one.health for one in before.offers]
    assert before.half_life is not None
    assert after.half_life is not None
    assert after.half_life.waves == before.half_life.waves
