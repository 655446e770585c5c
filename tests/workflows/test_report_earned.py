"""What a report says that contacts added: nothing before anything is heard."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from bandit.core.errors import DataError, UsageError
from bandit.stats.means import Sums
from bandit.stats.rare import Rewards
from bandit.workflows.inspect.drift import FEW, LESS, MORE, STEADY
from bandit.workflows.inspect.realised import Made
from bandit.workflows.inspect.report import report
from bandit.workflows.inspect.report_earned import offers_told
from bandit.workflows.learn.learn import learn
from bandit.workflows.serve.serve_batch import serve_batch
from simulations.coverage import realised
from tests import campaigns
from tests.campaigns import MONDAY


def test_a_wave_of_which_nothing_was_heard_has_no_increment(tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path / "campaign", customers=200)
    serve_batch(folder, wave="w1", at=MONDAY)
    day = MONDAY + dt.timedelta(days=1)
    silent = report(folder, at=day)
    assert silent.increments == []
    assert "no outcome of wave w1 has come in: nothing is said yet" in "\n".join(silent.notes)
    events = [
        {"event_id": d, "decision_id": d, "reward": 1.0, "occurred_at": day.isoformat()}
        for d in campaigns.decisions(folder, "w1")["decision_id"][::3]
    ]
    learn(folder, outcomes=campaigns.outcomes(tmp_path / "events.csv", events[:1]), at=day)
    rare = report(folder, at=day)
    assert rare.increments == []
    assert "wave w1: fewer than 10 purchases speak for what" in "\n".join(rare.notes)
    learn(folder, outcomes=campaigns.outcomes(tmp_path / "rest.csv", events[1:]), at=day)
    assert report(folder, at=day).increments


def test_a_campaign_beside_it_is_no_part_of_its_report(tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path / "campaign", customers=200)
    other = folder / "spring.toml"
    text = (folder / "campaign.toml").read_text()
    other.write_text(text.replace('"test"', '"spring"').replace('unit = "EUR"', 'unit = "CHF"'))
    serve_batch(folder, wave="w1", at=MONDAY)
    with pytest.raises(DataError, match=r"no wave of spring\.toml; there are some of campaign"):
        report(other)
    later = MONDAY + dt.timedelta(days=8)
    serve_batch(other, wave="s1", at=later)
    learn(folder, no_events=True, at=later)
    learn(other, no_events=True, at=later + dt.timedelta(days=8))
    mine, theirs = (report(path, at=later + dt.timedelta(days=8)) for path in (folder, other))
    assert (mine.wave, mine.unit) == ("w1", "EUR")
    assert (theirs.wave, theirs.unit) == ("s1", "CHF")
    assert {e.wave for e in mine.earned} == {"w1"}
    assert {e.wave for e in theirs.earned} == {"s1"}
    with pytest.raises(UsageError, match=r"wave 's1' is of .*spring\.toml"):
        report(folder, wave="s1")


def made(bought: int, contacts: int, expected: float) -> Made:
    """Contacts at 0.05 of which some brought 20, where so many purchases were expected."""
    came = np.zeros(contacts)
    came[:bought] = 20.0
    found = Made()
    found.count, found.cost = contacts, 0.05 * contacts
    found.gross, found.expected = 20.0 * expected, 20.0 * expected - found.cost
    found.sums, found.rewards = Sums.of(came - 0.05), Rewards.of(came)
    return found


@pytest.mark.parametrize(
    ("bought", "expected", "health"),
    [(12, 13.0, STEADY), (6, 13.0, STEADY), (1, 30.0, LESS), (0, 30.0, LESS), (60, 20.0, MORE),
     (3, 0.5, FEW), (0, 6.0, FEW)],
)  # fmt: skip
def test_an_offer_is_called_odd_by_its_purchases(bought: int, expected: float, health: str) -> None:
    offers = {"a/x": made(bought, 2_000, expected), "b/x": made(50, 2_000, 50.0)}
    assert offers_told(offers, offers)[0].health == health


def test_an_offer_of_which_too_much_was_expected_on_few_purchases_is_not_odd() -> None:
    one = made(1, 2_000, 30.0)
    one.doubt = one.gross
    assert offers_told({"a/x": one, "b/x": made(50, 2_000, 50.0)}, {"a/x": one})[0].health == STEADY
    many = made(60, 2_000, 20.0)
    many.doubt = 0.1 * many.gross
    assert offers_told({"a/x": many}, {"a/x": many})[0].health == MORE


def test_an_offer_of_which_nothing_was_expected_is_not_judged() -> None:
    offers = {"a/x": made(40, 2_000, 0.0)}
    (one,) = offers_told(offers, {})
    assert one.health == FEW
    assert one.realised.lower > one.expected


def test_nobody_bought_is_no_certainty() -> None:
    none, some = (
        offers_told({"a/x": made(0, 200, 1.0), "b/x": made(50, 2_000, 50.0)}, {})[i].realised
        for i in (1, 0)
    )
    assert none.value == none.lower == pytest.approx(-0.05)
    assert none.upper == pytest.approx(-0.05 + 1.96**2 * 20.0 / 200, rel=1e-3)
    assert some.lower < 0.45 < some.upper


def test_what_a_report_says_of_few_is_held_by_the_truth() -> None:
    held = realised.groups(200, 0.01, 1.0, 100)
    assert held.covered >= 0.95
    assert held.normal < 0.75
    assert max(realised.odd(10, 30, 300, 0.03, 0.0, 40)) <= 0.05
