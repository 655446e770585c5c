"""What was said of a past wave is said again, to the digit, whatever campaign.toml says by then."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from bandit.workflows.inspect.explain import explain
from bandit.workflows.inspect.report import report
from bandit.workflows.judge.simulate import simulate
from bandit.workflows.learn.learn import learn
from bandit.workflows.privacy.export_customer import export_customer
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns
from tests.campaigns import MONDAY

DAY = dt.timedelta(days=1)
LATER = MONDAY + 60 * DAY
CANDIDATES = """
[simulate]
estimators = ["snips"]
[[simulate.candidate]]
policy = "rules"
[[simulate.candidate]]
policy = "lin_ts"
"""
CABLE = '[[offer]]\nname = "cable"\nfamily = "net"\npriority = 2\n'
SMS = '[[channel]]\nname = "sms"\ncost = 0.05\n'
EDITS = {
    "offer added": (CABLE, f'[[offer]]\nname = "tv"\npriority = 0\n{CABLE}'),
    "offer removed": (CABLE, ""),
    "offer renamed": ('name = "fibre"', 'name = "glass"'),
    "channel added": (SMS, f'[[channel]]\nname = "post"\ncost = 0.9\n{SMS}'),
    "channel removed": (SMS, ""),
    "channel renamed": ('name = "sms"', 'name = "text"'),
    "channel turned inbound": (SMS, f'{SMS}kind = "inbound"\n'),
    "offer's cost": ("cost = 0.1", "cost = 25.0"),
    "channel's cost": ("cost = 0.05", "cost = 7.0"),
    "value": ('value = "1 + spend / 100"', "value = 40.0"),
    "another value": ("priority = 2", "priority = 2\nvalue = 9.0"),
    "order of rules": ("priority = 1", "priority = 8"),
    "value of no contact": ("window_days = 7.0", "window_days = 7.0\nno_contact_value = 0.2"),
    "features": ('numeric = ["age", "spend"]', 'numeric = ["spend"]'),
    "holdout": ("holdout = 0.1", "holdout = 0.3"),
}
TOGETHER = {
    "offers": ["offer added", "offer's cost", "value"],
    "all else": ["offer removed", "channel added", "features", "holdout"],
}
ALIKE = {
    "a channel less": ["offer renamed", "channel removed", "value of no contact"],
    "names": ["channel renamed", "channel's cost", "another value", "order of rules"],
    "inbound": ["channel turned inbound"],
}
"""Edits of the kinds of others. Whatever several do together, nothing may change."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two waves with outcomes, learned; the second decided with what the first taught."""
    folder = tmp_path_factory.mktemp("past") / "campaign"
    campaigns.write(folder, customers=150, more=CANDIDATES)
    for number in range(2):
        at = MONDAY + 10 * number * DAY
        serve_batch(folder, wave=f"w{number}", at=at)
        events = [
            {
                "event_id": f"{number}-{i}", "event": "sale", "reward": 1.0 + i % 7,
                "decision_id": row["decision_id"] if row["action"] else None,
                "customer_id": None if row["action"] else row["customer_id"],
                "occurred_at": str((at + DAY).replace(tzinfo=None)),
            }
            for i, row in enumerate(campaigns.decisions(folder, f"w{number}").iter_rows(named=True))
            if i % 3 == 0
        ]  # fmt: skip
        learn(folder, outcomes=campaigns.outcomes(folder / "o.csv", events), at=at + 8 * DAY)
    return folder


def _said(folder: Path) -> dict[str, Any]:
    """All that the program says of the waves; where its pages go apart."""
    keys = [str(k) for k in campaigns.people(150)["customer_id"][:4]]
    said: dict[str, Any] = {
        f"explain {wave} {key}": explain(folder, customer=key, wave=wave)
        for wave in ("w0", "w1")
        for key in keys
    }
    said |= {f"export {key}": export_customer(folder, customer=key) for key in keys}
    said |= {f"report {wave}": report(folder, wave=wave, at=LATER) for wave in ("w0", "w1")}
    said["simulate"] = simulate(folder, at=LATER)
    plain = {name: asdict(found) for name, found in said.items()}
    for found in plain.values():
        found.pop("folder", None)
    return {name: json.loads(json.dumps(found, default=str)) for name, found in plain.items()}


@pytest.fixture(scope="module")
def before(served: Path) -> dict[str, Any]:
    return _said(served)


def test_every_edit_is_made() -> None:
    assert sorted(e for edits in (TOGETHER | ALIKE).values() for e in edits) == sorted(EDITS)


@pytest.mark.parametrize(
    "edits",
    [
        *(pytest.param(edits, id=name) for name, edits in TOGETHER.items()),
        *(pytest.param(edits, id=name, marks=pytest.mark.long) for name, edits in ALIKE.items()),
    ],
)
def test_edits_change_nothing_that_is_said_of_past_waves(
    served: Path, before: dict[str, Any], edits: list[str], tmp_path: Path
) -> None:
    folder = tmp_path / "campaign"
    shutil.copytree(served, folder)
    toml = folder / "campaign.toml"
    for old, new in (EDITS[edit] for edit in edits):
        assert toml.read_text().count(old) == 1
        toml.write_text(toml.read_text().replace(old, new))
    after = _said(folder)
    assert after == before


def test_the_decisions_are_derived_again(before: dict[str, Any]) -> None:
    told = [said for name, said in before.items() if name.startswith("explain")]
    assert len(told) == 8
    for said in told:
        assert "derived again from the record: the same decisions" in said["notes"]
