"""What a report says that contacts added: nothing before anything is heard."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

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
    first = campaigns.decisions(folder, "w1")["decision_id"][0]
    event = {"event_id": "e1", "decision_id": first, "reward": 1.0, "occurred_at": day.isoformat()}
    learn(folder, outcomes=campaigns.outcomes(tmp_path / "events.csv", [event]), at=day)
    assert report(folder, at=day).increments
