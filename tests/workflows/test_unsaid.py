"""Nothing changes a wave without a word: what is told, with the thing and its remedy."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import pytest

from bandit.workflows.learn.learn import learn
from bandit.workflows.operate import journal
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns
from tests.campaigns import MONDAY

LATER = MONDAY + dt.timedelta(days=8)
EARLIER = MONDAY - dt.timedelta(days=2)


@pytest.fixture
def served(tmp_path: Path) -> Path:
    folder = campaigns.write(tmp_path / "campaign", customers=60)
    serve_batch(folder, wave="w1", at=MONDAY)
    return folder


def _changed(folder: Path, old: str, new: str) -> None:
    config = folder / "campaign.toml"
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, new))


def _notes(folder: Path, at: dt.datetime = LATER) -> str:
    return "\n".join(serve_batch(folder, wave="w2", at=at, dry_run=True).notes)


def test_an_ordinary_next_wave_says_nothing(served: Path) -> None:
    learn(served, no_events=True, at=LATER)
    assert _notes(served) == ""


def test_a_renamed_offer_is_told(served: Path) -> None:
    _changed(served, 'name = "cable"', 'name = "cable_plus"')
    told = _notes(served)
    assert "offers that wave w1 had are gone: cable; new are cable_plus" in told
    assert "give it the old name again" in told


def test_a_removed_channel_is_told(served: Path) -> None:
    _changed(served, '[[channel]]\nname = "sms"\ncost = 0.05\n', "")
    assert "channels that wave w1 had are gone: sms; nobody is reached there" in _notes(served)


def test_a_wave_dated_before_another_is_told(served: Path) -> None:
    told = _notes(served, EARLIER)
    assert "this wave of 2026-10-31 is dated before wave w1 of 2026-11-02" in told
    assert "give another --at" in told


def test_a_missing_snapshot_is_told(served: Path) -> None:
    journal.noted(served, learn(served, no_events=True, at=LATER))
    shutil.rmtree(served / "snapshots" / "000001")
    told = _notes(served)
    assert "snapshot 000001 is missing, so that this wave is decided with 000000" in told
    assert "restore snapshots/000001 from a backup, or run `bandit learn`" in told


def test_a_wave_without_learning_is_told(served: Path) -> None:
    told = _notes(served)
    assert "closed and not learned from: waves w1" in told
    assert "`bandit learn --outcomes FILE` is run first" in told
