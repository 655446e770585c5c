"""What a report says that contacts added: nothing before anything is heard."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from bandit.core.errors import DataError, UsageError
from bandit.workflows.inspect.report import report
from bandit.workflows.learn.learn import learn
from bandit.workflows.serve.serve_batch import serve_batch
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
