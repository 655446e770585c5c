"""Explaining: the same decision comes out of the record, with the rules that took the rest out."""

from __future__ import annotations

from pathlib import Path

import pytest

from bandit.core import errors
from bandit.workflows.inspect.explain import explain
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
