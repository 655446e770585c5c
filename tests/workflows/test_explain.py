"""Explaining: the same decision comes out of the record, with the rules that took the rest out."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from bandit.core import errors
from bandit.workflows.inspect.explain import explain
from bandit.workflows.learn.learn import learn
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns
from tests.campaigns import MONDAY


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = campaigns.write(tmp_path_factory.mktemp("explained") / "campaign")
    serve_batch(folder, wave="w1", at=MONDAY)
    return folder


def test_each_slot_is_derived_again_with_its_propensity(served: Path) -> None:
    for customer in campaigns.people(300)["customer_id"][:12]:
        told = explain(served, customer=str(customer))
        assert told.notes == ["derived again from the record: the same decisions"]
        for slot in told.slots:
            taken = next(
                c for c in slot.contenders if (c.offer, c.channel) == (slot.offer, slot.channel)
            )
            assert taken.probability == pytest.approx(slot.propensity, abs=2e-6)


def test_the_funnel_names_the_rule(served: Path) -> None:
    people = campaigns.people(300)
    young = people.filter((people["age"] < 40) & (people["region"] == "south"))
    told = explain(served, customer=str(young["customer_id"][0]))
    assert told.funnel["offer rule"] == ["fibre/email", "fibre/sms", "fibre/home"]


def test_an_unknown_customer_or_wave_is_named(served: Path) -> None:
    with pytest.raises(errors.DataError, match="customer '5' has no decision in any wave"):
        explain(served, customer="5")
    with pytest.raises(errors.UsageError, match="has no wave 'x'"):
        explain(served, customer="3", wave="x")


def test_refusals_count_as_the_wave_knew_them(tmp_path: Path) -> None:
    """One of the wave's day that was heard before it ran counts; one heard after it does not."""
    pressure = "slots = 2\nrefusal_days = 90\nrefusal_events = ['stop']"
    folder = campaigns.write(tmp_path / "c", pressure=pressure)
    week = dt.timedelta(days=7)
    early, late, buyer = campaigns.people(300)["customer_id"][[0, 1, 9]]

    def hear(name: str, customer: int, when: str) -> None:
        rows = [
            {"event_id": name, "customer_id": customer, "event": "stop", "occurred_at": when},
            {"event_id": f"{name}-sale", "customer_id": buyer, "event": "sale", "reward": 1.0,
             "occurred_at": "2026-11-04"},
        ]  # fmt: skip
        learn(folder, outcomes=campaigns.outcomes(tmp_path / name, rows), at=MONDAY + week)

    serve_batch(folder, wave="w1", at=MONDAY)
    hear("first.csv", early, "2026-11-09T10:00:00")
    serve_batch(folder, wave="w2", at=MONDAY + week)
    hear("second.csv", late, "2026-11-05T10:00:00")
    serve_batch(folder, wave="w3", at=MONDAY + 2 * week)
    closed = {}
    for wave in ("w2", "w3"):
        for customer in (early, late):
            told = explain(folder, customer=str(customer), wave=wave)
            assert told.notes == ["derived again from the record: the same decisions"]
            closed[wave, customer] = "cable/email" in told.funnel["contact pressure"]
    assert closed == {
        ("w2", early): True, ("w2", late): False, ("w3", early): True, ("w3", late): True
    }  # fmt: skip
