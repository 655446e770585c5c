"""Deliveries of an experiment's contacts: a loss is told, an effect and a clean run are not."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from bandit.render.terminal import show
from bandit.results.experiment import ExperimentReading
from bandit.workflows.experiment.read import read
from bandit.workflows.experiment.start import start
from bandit.workflows.learn.learn import learn
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns
from tests.trials import declared, written

SPRING = declared(
    {"rules": (0.5, "rules"), "learned": (0.5, "learned")}, start="2026-11-02", share=1.0, waves=2
)
CUSTOMERS = 2500
DAYS = (2, 9)
Loses = Callable[[pl.DataFrame], np.ndarray]


def day(number: int) -> dt.datetime:
    return dt.datetime(2026, 11, number, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two waves of an experiment, of which nothing was heard yet."""
    folder = campaigns.write(tmp_path_factory.mktemp("x") / "c", customers=CUSTOMERS)
    toml = folder / "campaign.toml"
    toml.write_text('funnel = ["Delivered", "sale"]\n' + toml.read_text())
    written(folder, SPRING)
    start(folder, name="spring", at=day(1))
    for number in DAYS:
        serve_batch(folder, at=day(number))
    return folder


def heard(served: Path, to: Path, lost: Loses, *, kind: str = "delivered") -> ExperimentReading:
    """All but 3 % of the contacts delivered, one arm's people buy twice as much; less the lost."""
    folder = Path(shutil.copytree(served, to))
    rng = np.random.default_rng(5)
    for number in DAYS:
        wave = f"2026-11-{number:02d}"
        rows = campaigns.decisions(folder, wave).filter(
            (pl.col("action") > 0) & (pl.col("placement") == "outbound")
        )
        learned = (rows["group"] == "spring:learned").to_numpy()
        delivered = rng.random(rows.height) < 0.97
        sold = rng.random(rows.height) < 0.1 * (1 + learned)
        gone = lost(rows)
        told = [
            {"event_id": f"{event}-{d}", "decision_id": d, "event": event, "reward": reward,
             "occurred_at": f"2026-11-{number + 1:02d}"}
            for event, reward, which in ((kind, 0.0, delivered), ("sale", 5.0, sold))
            for d in rows["decision_id"].to_numpy()[which & ~gone]
        ]  # fmt: skip
        learn(folder, outcomes=campaigns.outcomes(folder / f"{number}.csv", told), at=day(20))
    return read(folder, name="spring", at=day(20))


def nothing(rows: pl.DataFrame) -> np.ndarray:
    return np.zeros(rows.height, np.bool_)


def test_an_effect_on_sales_is_no_loss(served: Path, tmp_path: Path) -> None:
    found = heard(served, tmp_path / "c", nothing)
    assert {(c.wave, c.channel) for c in found.deliveries} == {
        (f"2026-11-{n:02d}", channel) for n in DAYS for channel in ("email", "sms")
    }
    assert not any(c.alarm or c.dropped for c in found.deliveries)
    assert not any("'Delivered'" in note for note in found.notes)
    rows = pl.concat([campaigns.decisions(tmp_path / "c", f"2026-11-{n:02d}") for n in DAYS])
    made = rows.filter(
        (pl.col("channel") == "email") & (pl.col("placement") == "outbound")
        & (pl.col("group") == "spring:rules")
    ).height  # fmt: skip
    assert sum(c.contacts["rules"] for c in found.deliveries if c.channel == "email") == made
    for one in found.deliveries:
        assert all(one.delivered[a] / n > 0.94 for a, n in one.contacts.items() if n > 200)
    out = StringIO()
    show(found, out, 160)
    assert "contacts with 'Delivered'" in out.getvalue()


def test_a_loss_of_one_arm_is_told_and_blocks_nothing(served: Path, tmp_path: Path) -> None:
    def lost(rows: pl.DataFrame) -> np.ndarray:
        some = np.random.default_rng(7).random(rows.height) < 0.1
        return some & (rows["group"] == "spring:learned").to_numpy()

    found = heard(served, tmp_path / "c", lost)
    assert any(c.alarm for c in found.deliveries)
    assert any("differ by arm (rules 9" in note for note in found.notes)
    assert found.verdict != "blocked"


def test_a_lost_file_of_a_channel_is_told(served: Path, tmp_path: Path) -> None:
    def lost(rows: pl.DataFrame) -> np.ndarray:
        gone = (rows["channel"] == "sms") & (rows["wave"].cast(pl.String) == "2026-11-09")
        return np.asarray(gone)

    found = heard(served, tmp_path / "c", lost)
    assert [(c.wave, c.channel) for c in found.deliveries if c.dropped] == [("2026-11-09", "sms")]
    (note,) = [n for n in found.notes if "a file of outcomes lost" in n]
    assert "contacts by sms 0 have an event 'Delivered'" in note


def test_what_an_effect_moves_is_not_compared(served: Path, tmp_path: Path) -> None:
    """A funnel that begins with what few contacts have; and none at all."""
    folder = Path(shutil.copytree(served, tmp_path / "few"))
    toml = folder / "campaign.toml"
    told = toml.read_text()
    for funnel in ('funnel = ["sale"]\n', ""):
        toml.write_text(told.replace('funnel = ["Delivered", "sale"]\n', funnel))
        found = heard(folder, tmp_path / f"c{len(funnel)}", nothing)
        assert found.deliveries == []
