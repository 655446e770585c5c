"""Waves that commit a7dd915 wrote (60 customers, two waves): read, judged, and gone on with."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import numpy as np
import pytest

from bandit.record import waves as record
from bandit.record.decisions import Decisions
from bandit.record.format1 import Today
from bandit.record.person import People
from bandit.workflows.inspect.explain import explain
from bandit.workflows.inspect.report import report
from bandit.workflows.judge.simulate import simulate
from bandit.workflows.learn.learn import learn
from bandit.workflows.privacy.export_customer import export_customer
from bandit.workflows.privacy.forget import forget
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns
from tests.campaigns import MONDAY

STORED = Path(__file__).parents[1] / "data" / "format1"
DAY = dt.timedelta(days=1)
LATER = MONDAY + 60 * DAY
COSTS = {"fibre": 0.1, "cable": 0.0, "music": 0.0, "email": 0.01, "sms": 0.05, "home": 0.0}


@pytest.fixture
def campaign(tmp_path: Path) -> Path:
    folder = tmp_path / "campaign"
    shutil.copytree(STORED, folder)
    campaigns.write_customers(folder, campaigns.people(60))
    return folder


def _customer() -> str:
    return str(campaigns.people(60)["customer_id"][4])


@pytest.mark.parametrize("wave", ["w1", "w2"])
def test_values_and_costs_are_read_off_the_record(wave: str) -> None:
    """The first wave started from a prior: its expected rewards are all 0 and tell costs alone."""
    one = next(w for w in record.waves(STORED) if w.name == wave)
    today = {name: (None if name.startswith("music") else 1.0, 99.0) for name in one.actions}
    decisions = Decisions(STORED, one, Today(today, 1.0))
    spend = dict(campaigns.people(60).select("customer_id", "spend").iter_rows())
    for rows in decisions.rows("action", "customer_id", "value", "cost"):
        for i, (action, key) in enumerate(
            zip(rows.action, rows.customers.to_pylist(), strict=True)
        ):
            offer, _, channel = one.actions[action].partition("/")
            told = rows.terms.value[i] - rows.terms.cost[i]
            if offer != "music":
                cost = COSTS.get(offer, 0.0) + COSTS.get(channel, 0.0)
                assert rows.terms.cost[i] == pytest.approx(cost, abs=1e-6)
                assert rows.terms.value[i] == 1.0
            elif wave == "w2":
                assert np.isfinite(told)
                assert spend[key] > 0.0
    assert "format 1" in decisions.notes[0]


@pytest.mark.long
def test_every_command_reads_them(campaign: Path) -> None:
    told = explain(campaign, customer=_customer(), wave="w2")
    assert told.slots
    assert any("format 1" in note for note in told.notes)
    shown = report(campaign, wave="w2", at=LATER)
    assert {e.wave for e in shown.earned} == {"w1", "w2"}
    judged = simulate(campaign, at=LATER)
    assert judged.rows > 0
    assert any("format 1" in note for note in judged.notes)
    assert len(export_customer(campaign, customer=_customer()).decisions) >= 2


def test_a_campaign_goes_on_with_them(campaign: Path) -> None:
    serve_batch(campaign, wave="w3", at=MONDAY + 20 * DAY)
    learned = learn(campaign, at=LATER)
    assert learned.waves == ["w1", "w2", "w3"]
    formats = [w.manifest.format for w in record.waves(campaign)]
    assert formats == [1, 1, 2]
    assert {e.wave for e in report(campaign, at=LATER).earned} == {"w1", "w2", "w3"}
    third = campaigns.decisions(campaign, "w3")
    held = third.filter(third["group"] == "holdout")["customer_id"].n_unique()
    # Since format 2 the holdout is known, and is no part of the weighted population.
    assert simulate(campaign, at=LATER).rows == 3 * 60 - held


def test_who_is_forgotten_leaves_them_and_what_is_left_is_still_of_format_1(campaign: Path) -> None:
    gone = forget(campaign, customers=[_customer()])
    assert gone.waves == ["w1", "w2"]
    for wave in record.waves(campaign):
        assert wave.manifest.format == 1
        assert not list(Decisions(campaign, wave).of(People((_customer(),))))
    assert learn(campaign, at=LATER).waves == ["w1", "w2"]
    assert simulate(campaign, at=LATER).rows == 2 * 59


def test_an_edited_cost_changes_nothing_that_is_reported_of_them(campaign: Path) -> None:
    before = report(campaign, wave="w2", at=LATER).earned
    toml = campaign / "campaign.toml"
    toml.write_text(toml.read_text().replace("cost = 0.05", "cost = 30.0"))
    after = report(campaign, wave="w2", at=LATER).earned
    assert [(e.wave, e.group) for e in after] == [(e.wave, e.group) for e in before]
    assert [e.realised for e in after] == pytest.approx([e.realised for e in before], abs=1e-9)
