"""A half-life that would have foretold better: where tastes turned, from stored sums."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import polars as pl
import pytest

from bandit.core.errors import UsageError
from bandit.models.forgetting import HALF_LIVES
from bandit.workflows.inspect.explain import explain
from bandit.workflows.inspect.report import report
from bandit.workflows.learn.learn import learn
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns
from tests.campaigns import MONDAY

WEEK, WAVES, CUSTOMERS = dt.timedelta(days=7), 5, 800


@pytest.fixture(scope="module")
def turned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Owners answer e-mail, the others SMS; in the last two waves they change places."""
    folder = campaigns.write(
        tmp_path_factory.mktemp("turned") / "campaign", customers=CUSTOMERS, pressure="slots = 1"
    )
    owners = set(campaigns.people(CUSTOMERS).filter(pl.col("owner"))["customer_id"].to_list())
    for number in range(WAVES):
        at = MONDAY + number * WEEK
        serve_batch(folder, wave=f"w{number}", at=at)
        late = number >= WAVES - 2
        rows = [
            {"event_id": r["decision_id"], "decision_id": r["decision_id"], "reward": 1.0,
             "occurred_at": str(at + dt.timedelta(days=2))[:19]}
            for r in campaigns.decisions(folder, f"w{number}").iter_rows(named=True)
            if r["channel"] == ("email" if (r["customer_id"] in owners) != late else "sms")
        ]  # fmt: skip
        events = campaigns.outcomes(folder / f"o{number}.csv", rows)
        learn(folder, outcomes=events, at=at + WEEK)
    return folder


def _told(folder: Path):
    return report(folder, wave=f"w{WAVES - 1}", at=MONDAY + WAVES * WEEK)


@pytest.mark.long
def test_a_half_life_is_suggested_where_tastes_turned(turned: Path) -> None:
    told = _told(turned)
    found = told.half_life
    assert found is not None
    assert found.configured is None
    assert found.waves == WAVES - 1
    assert list(found.gains) == [f"{days:g}" for days in HALF_LIVES]
    best = max(HALF_LIVES, key=lambda days: found.gains[f"{days:g}"])
    assert found.suggested == best
    assert any(f"reward.half_life_days = {best:g}" in note for note in told.notes)


def test_the_same_sums_say_the_same(turned: Path) -> None:
    assert _told(turned).half_life == _told(turned).half_life


def test_who_forgets_already_is_told_in_figures_alone(turned: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(turned, tmp_path / "campaign")
    file = folder / "campaign.toml"
    text = file.read_text().replace("[reward]\n", "[reward]\nhalf_life_days = 30.0\n", 1)
    file.write_text(text)
    told = _told(folder)
    assert told.half_life is not None
    assert told.half_life.configured == 30.0
    assert not any("foretold" in note for note in told.notes)


def test_nothing_is_said_without_the_sums(turned: Path, tmp_path: Path) -> None:
    """Statistics may be deleted at any time; damaged ones are left for `learn` to mend."""
    folder = shutil.copytree(turned, tmp_path / "campaign")
    broken = min((folder / "statistics").iterdir()) / "statistics.safetensors"
    broken.write_bytes(broken.read_bytes()[:-1])
    assert _told(folder).half_life is None
    assert broken.exists()
    shutil.rmtree(folder / "statistics")
    assert _told(folder).half_life is None


def test_a_wave_without_outcomes_foretells_nothing(turned: Path, tmp_path: Path) -> None:
    """That nobody delivered them is no sign that tastes turned, nor that a channel failed."""
    folder = shutil.copytree(turned, tmp_path / "campaign")
    at = MONDAY + WAVES * WEEK
    serve_batch(folder, wave="silent", at=at)
    before = report(folder, at=at)
    with pytest.raises(UsageError, match="has no wave 'nope'; the newest of 6: w1, w2, w3, w4"):
        explain(folder, customer="1", wave="nope")
    learn(folder, no_events=True, at=at + WEEK)
    told = report(folder, at=at + WEEK)
    assert told.half_life is not None
    assert before.half_life is not None
    assert told.half_life.waves == before.half_life.waves == WAVES - 1
    assert told.drift == before.drift
    assert any("no event lies in the window of wave silent" in note for note in told.notes)
