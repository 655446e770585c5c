"""`bandit check` reads experiments too: what runs and was edited, what could not start."""

from __future__ import annotations

import datetime as dt

import pytest

from bandit.core.errors import ConfigError
from bandit.workflows.experiment.start import start
from bandit.workflows.start.check import check
from tests import campaigns
from tests.trials import SPRING, written

TODAY = dt.datetime(2026, 11, 5, tzinfo=dt.UTC)
LATER = dt.datetime(2026, 11, 10, tzinfo=dt.UTC)


@pytest.fixture
def folder(tmp_path):
    return campaigns.write(tmp_path / "campaign", customers=60)


def test_one_that_could_start_is_no_remark(folder):
    before = check(folder, at=TODAY).warnings
    written(folder)
    assert check(folder, at=TODAY).warnings == before


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"music/email"', '"musik/email"', "'musik/email' is no action"),
        ("share = 0.5\nstart", "share = 5\nstart", "share"),
        ('"age > 25"', '"agge > 25"', "agge"),
        ('"spend"', '"spent"', "'spent' is none of [features]"),
    ],
)
def test_what_could_not_start_is_told_and_stops_no_wave(folder, old, new, told):
    written(folder, SPRING.replace(old, new))
    (line,) = [w for w in check(folder, at=TODAY).warnings if "not started" in w]
    assert told in line
    assert "spring.toml" in line


def test_a_running_one_that_was_edited_is_a_fault_as_for_a_wave(folder):
    written(folder)
    start(folder, name="spring", at=TODAY)
    assert not [w for w in check(folder, at=LATER).warnings if "spring" in w]
    written(folder, SPRING.replace("waves = 3", "waves = 4"))
    with pytest.raises(ConfigError, match=r"spring\.toml was edited after its start"):
        check(folder, at=LATER)
