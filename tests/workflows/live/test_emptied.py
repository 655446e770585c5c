"""What is decided after somebody was forgotten is of waves of its own, with the day's room left."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from bandit.core.errors import UsageError
from bandit.results.live import Triggered
from bandit.workflows.live.seal import seal
from bandit.workflows.live.trigger import trigger
from bandit.workflows.privacy.forget import forget
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns, triggers
from tests.campaigns import MONDAY
from tests.lives import DAY, NOON
from tests.triggers import event, file, outbox

PEOPLE = campaigns.people(300)["customer_id"].to_list()


def run(folder: Path, first: int, last: int, minutes: float = 0.0) -> Triggered:
    """Events of the customers from ``first`` to ``last``."""
    rows = [event(i, PEOPLE[i]) for i in range(first, last)]
    path = file(folder / "events.jsonl", rows)
    return trigger(folder, events=path, now=lambda: NOON + dt.timedelta(minutes=minutes))


def recorded(folder: Path) -> pl.DataFrame:
    """All contacts of all waves."""
    waves = sorted(path.name for path in (folder / "waves").iterdir())
    rows = [campaigns.decisions(folder, w).select("decision_id", "action") for w in waves]
    return pl.concat(rows).filter(pl.col("action") > 0)


def test_contacts_after_somebody_was_forgotten_are_in_the_record_too(tmp_path: Path) -> None:
    folder = triggers.write(tmp_path / "c")
    assert run(folder, 0, 50).contacted > 20
    gone = str(PEOPLE[0])
    forget(folder, customers=[gone])
    assert run(folder, 50, 100).contacted > 20
    assert [wave.wave[: len(DAY) + 4] for wave in seal(folder).waves] == [f"{DAY}.2-1"] * 2
    ids = [line["decision_id"] for line in outbox(folder)]
    assert sorted(recorded(folder)["decision_id"]) == sorted(ids)
    forget(folder, customers=[str(PEOPLE[1])])  # what is empty is emptied again
    assert run(folder, 100, 150).contacted > 20
    seal(folder)
    ids = [line["decision_id"] for line in outbox(folder)]
    assert sorted(recorded(folder)["decision_id"]) == sorted(ids)


def test_the_days_caps_hold_although_somebody_was_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Seen from the day itself, not from that on which the test runs.
    monkeypatch.setattr("bandit.workflows.live.seal._yesterday", lambda _: "2026-11-01")
    folder = triggers.write(tmp_path / "c")
    path = folder / "campaign.toml"
    path.write_text(
        path.read_text()
        .replace('name = "email"', 'name = "email"\ncapacity = 12')
        .replace('name = "sms"', 'name = "sms"\ncapacity = 5')
    )
    told = run(folder, 0, 100)
    assert told.outbox == {"email": 12, "sms": 5}
    for number in (0, 1):
        forget(folder, customers=[str(PEOPLE[number])])
        assert run(folder, 100 + number * 50, 150 + number * 50).contacted == 0


def test_a_wave_that_was_served_under_such_a_name_takes_nobodys_place(tmp_path: Path) -> None:
    folder = triggers.write(tmp_path / "c", pressure="slots = 1")
    serve_batch(folder, wave=f"{DAY}-1-basket", at=MONDAY)
    assert run(folder, 0, 100).contacted > 40
    with pytest.raises(UsageError, match=r"1\.log|2\.log.* give another --wave"):
        serve_batch(folder, wave=f"{DAY}.2-1-basket", at=MONDAY)
    told = seal(folder)
    assert {wave.wave for wave in told.waves} == {f"{DAY}.2-1-basket", f"{DAY}.2-1-anybody"}
    ids = {line["decision_id"] for line in outbox(folder)}
    assert ids <= set(recorded(folder)["decision_id"])
