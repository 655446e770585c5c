"""Silence is zero only where somebody says so, or where outcomes are known to come in."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from bandit.cli.app import main
from bandit.core.errors import DataError
from bandit.workflows.learn.learn import learn
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns
from tests.campaigns import MONDAY

DAY = dt.timedelta(days=1)
CLOSED = MONDAY + 7 * DAY


@pytest.fixture
def served(tmp_path: Path) -> Path:
    folder = campaigns.write(tmp_path / "campaign", customers=60)
    serve_batch(folder, wave="w1", at=MONDAY)
    return folder


def _delivery(folder: Path, wave: str, at: dt.datetime, name: str = "e") -> Path:
    """A sale of each of the wave's decisions."""
    rows = [
        {"event_id": f"{name}{d}", "decision_id": d, "reward": 1.0, "occurred_at": f"{at:%F %T}"}
        for d in campaigns.decisions(folder, wave)["decision_id"]
    ]
    return campaigns.outcomes(folder / f"{name}.csv", rows)


def _named(folder: Path, wave: str, at: dt.datetime) -> Path:
    """A sale of each of the wave's customers, who is named alone."""
    people = sorted(set(campaigns.decisions(folder, wave)["customer_id"]))
    rows = [
        {"event_id": f"p{c}", "customer_id": c, "reward": 1.0, "occurred_at": f"{at:%F %T}"}
        for c in people
    ]
    return campaigns.outcomes(folder / "named.csv", rows)


def _snapshots(folder: Path) -> list[str]:
    return sorted(p.name for p in (folder / "snapshots").glob("[!.]*"))


def test_forgotten_outcomes_are_no_zeros(served: Path) -> None:
    with pytest.raises(
        DataError, match=r"\(w1\): none was ever delivered.*--outcomes.*--no-events"
    ):
        learn(served, at=CLOSED)
    assert _snapshots(served) == ["000000"]
    found = learn(served, outcomes=_delivery(served, "w1", MONDAY + DAY), at=CLOSED)
    assert (found.waves, found.silent, found.notes) == (["w1"], [], [])


@pytest.mark.parametrize("delivery", [_delivery, _named])
def test_events_of_another_year_are_no_zeros(served: Path, delivery: object) -> None:
    assert callable(delivery)
    late = delivery(served, "w1", MONDAY + 365 * DAY)
    with pytest.raises(DataError, match=r"delivered, from 2027-11-02 to 2027-11-02, none lies"):
        learn(served, outcomes=late, at=CLOSED)
    assert _snapshots(served) == ["000000"]


def test_who_says_that_nothing_happened_is_believed_and_not_asked_again(served: Path) -> None:
    found = learn(served, no_events=True, at=CLOSED)
    assert (found.snapshot, found.silent) == ("000001", ["w1"])
    assert any("all their decisions teach zero: w1" in note for note in found.notes)
    assert not learn(served, at=CLOSED).new
    serve_batch(served, wave="w2", at=CLOSED)
    with pytest.raises(DataError, match=r"closed wave \(w2\)"):
        learn(served, at=CLOSED + 7 * DAY)


def test_a_silent_wave_among_others_is_told_and_learned(served: Path) -> None:
    serve_batch(served, wave="w2", at=CLOSED)
    delivery = _delivery(served, "w1", MONDAY + DAY)
    found = learn(served, outcomes=delivery, at=CLOSED + 7 * DAY)
    assert (found.waves, found.silent) == (["w1", "w2"], ["w2"])
    assert any("all their decisions teach zero: w2" in note for note in found.notes)


def test_the_share_of_events_outside_all_windows_is_told(served: Path) -> None:
    learn(served, outcomes=_delivery(served, "w1", MONDAY + DAY), at=CLOSED)
    late = _named(served, "w1", MONDAY + 30 * DAY)
    found = learn(served, outcomes=late, at=CLOSED)
    n = len(campaigns.decisions(served, "w1"))
    share = f"60 of {n + 60:,} events delivered ({60 / (n + 60):.0%}) fell into no wave's window"
    assert any(share in note for note in found.notes), found.notes


def test_an_open_wave_is_not_silent_yet(served: Path) -> None:
    found = learn(served, at=CLOSED - DAY)
    assert (found.waves, found.silent, found.notes[0]) == (
        [], [], "nothing new to learn; the snapshot stands",
    )  # fmt: skip


def test_the_command_takes_the_word(served: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["learn", str(served), "--json", "--at", CLOSED.isoformat()]
    with pytest.raises(SystemExit) as refused:
        main(command)
    assert refused.value.code == 4
    capsys.readouterr()
    with pytest.raises(SystemExit) as taken:
        main([*command, "--no-events"])
    assert not taken.value.code
    assert json.loads(capsys.readouterr().out)["silent"] == ["w1"]
