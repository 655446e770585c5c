"""Which channel suits whom: found again where it was planted, by person and by segment."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from bandit.workflows.inspect.customer import customer
from bandit.workflows.inspect.report import report
from bandit.workflows.learn.learn import learn
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns
from tests.campaigns import MONDAY

WEEK = dt.timedelta(days=7)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Owners buy by e-mail, the others by SMS, whatever is offered."""
    folder = campaigns.write(
        tmp_path_factory.mktemp("prefer") / "campaign", customers=1500, pressure="slots = 1"
    )
    serve_batch(folder, wave="w1", at=MONDAY)
    owners = set(campaigns.people(1500).filter(pl.col("owner"))["customer_id"].to_list())
    rows = [
        {"event_id": r["decision_id"], "decision_id": r["decision_id"], "reward": 10.0,
         "occurred_at": "2026-11-04 10:00:00"}
        for i, r in enumerate(campaigns.decisions(folder, "w1").iter_rows(named=True))
        if r["channel"] == ("email" if r["customer_id"] in owners else "sms") and i % 3
    ]  # fmt: skip
    learn(folder, outcomes=campaigns.outcomes(folder / "o.csv", rows), at=MONDAY + WEEK)
    serve_batch(folder, wave="w2", at=MONDAY + WEEK)
    return folder


def test_a_person_s_channels_are_those_that_were_planted(served: Path) -> None:
    people = campaigns.people(1500)
    for owner, best, worst in ((True, "email", "sms"), (False, "sms", "email")):
        who = people.filter(pl.col("owner") == owner)["customer_id"][0]
        found = customer(served, customer=str(who), at=MONDAY + 2 * WEEK).prefers
        by = {p.channel: p for p in found}
        assert [p.mean for p in found] == sorted((p.mean for p in found), reverse=True)
        assert found[0].channel == best
        assert sum(p.mean for p in found) == pytest.approx(0.0, abs=1e-6)
        gap = by[best].mean - by[worst].mean
        assert gap > 2.0 * (by[best].width + by[worst].width) > 0.0


def test_report_tells_them_by_segment(served: Path) -> None:
    told = report(served, wave="w2", at=MONDAY + 2 * WEEK)
    by = {(s.column, s.group): s.prefers for s in told.segments}
    assert by["owner", "yes"][0].channel == "email"
    assert by["owner", "no"][0].channel == "sms"
    # The mean customer is the mean of both, by how many there are.
    shares = {s.group: s.customers for s in told.segments if s.column == "owner"}
    whole = {p.channel: p.mean for p in told.prefers}
    for channel, mean in whole.items():
        parts = [{p.channel: p.mean for p in by["owner", g]}[channel] for g in shares]
        assert np.average(parts, weights=[*shares.values()]) == pytest.approx(mean, abs=1e-4)
    assert report(served, wave="w1", at=MONDAY + 2 * WEEK).prefers == []


def test_a_snapshot_that_is_gone_is_told_and_the_rest_is_shown(served: Path) -> None:
    aside = served / "snapshots" / "000001"
    aside.rename(served / "away")
    told = report(served, wave="w2", at=MONDAY + 2 * WEEK)
    (served / "away").rename(aside)
    assert told.prefers == []
    assert any("which channel suits whom cannot be told" in note for note in told.notes)
