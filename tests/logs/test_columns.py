"""One set of rules for [log]: what learn, simulate and check say of the same table."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from bandit.core.errors import ConfigError, DataError
from bandit.core.types import SILENT
from bandit.record import waves as record
from bandit.record.decisions import Decisions
from bandit.workflows.judge import job
from bandit.workflows.judge.simulate import read, simulate
from bandit.workflows.learn.learn import learn
from bandit.workflows.privacy.forget import forget
from bandit.workflows.start.check import check
from tests import campaigns
from tests.campaigns import MONDAY

N = 240
LATER = MONDAY + dt.timedelta(days=90)
LOG = """
[log]
source = "log.csv"
action = "offer"
channel = "email"
reward = "won"
propensity = {{ fibre = 0.5, cable = 0.5 }}
{more}
"""


def _campaign(folder: Path, more: str = "", missing: int = 0) -> Path:
    campaigns.write(folder, customers=N, more=LOG.format(more=more))
    rows = campaigns.people(N).with_columns(
        offer=pl.Series(["fibre", "cable"] * (N // 2)),
        won=pl.Series([None] * missing + [float(i % 5) for i in range(N - missing)]),
        may=pl.Series(["[fibre, cable]", "[cable]"] * (N // 2)),
    )
    rows.write_csv(folder / "log.csv")
    return folder


@pytest.mark.parametrize("key", ["eligible", "position", "cluster", "time", "customer"])
def test_all_three_refuse_a_misspelt_column(tmp_path: Path, key: str) -> None:
    folder = _campaign(tmp_path / "c", f'{key} = "mai"')
    for command in (
        lambda: check(folder, at=MONDAY),
        lambda: learn(folder, log=True, at=LATER),
        lambda: simulate(folder, log=True, at=LATER),
    ):
        with pytest.raises(ConfigError, match="'mai'"):
            command()


def test_learning_stores_the_eligible_sets_that_simulating_judges_on(tmp_path: Path) -> None:
    folder = _campaign(tmp_path / "c", 'eligible = "may"')
    learn(folder, log=True, at=LATER)
    wave = next(iter(record.waves(folder)))
    stored = [
        {wave.actions[a] for a in some.nonzero()[0]}
        for rows in Decisions(folder, wave).rows("eligible")
        for some in rows.eligible
    ]
    judged = read(job.load(folder), log=True, at=LATER, progress=SILENT)
    names = judged.catalogue.names
    assert stored == [{names[a] for a in some.nonzero()[0]} for some in judged.log.eligible]
    assert stored[:2] == [{"fibre/email", "cable/email"}, {"cable/email"}]


def test_a_log_that_names_no_customer_belongs_to_nobody(tmp_path: Path) -> None:
    folder = _campaign(tmp_path / "c")
    assert learn(folder, log=True, at=LATER).decisions == N
    wave = next(iter(record.waves(folder)))
    rows = list(Decisions(folder, wave).rows("customer_id", "decision_id"))
    assert sum(r.customers.null_count for r in rows) == N
    assert len({i for r in rows for i in r.ids.to_pylist()}) == N
    someone = str(campaigns.people(N)["customer_id"][0])  # 3: a row of the log, too
    assert someone == "3"
    with pytest.raises(DataError, match="the record holds nothing of"):
        forget(folder, customers=[someone])
    assert learn(folder, at=LATER).decisions == N


def test_rows_without_a_reward_are_refused_alike(tmp_path: Path) -> None:
    folder = _campaign(tmp_path / "c", missing=2)
    judged = read(job.load(folder), log=True, at=LATER, progress=SILENT)
    assert judged.n == N - 2
    assert "2 of 240 rows of the log are refused" in judged.notes[0]
    assert learn(folder, log=True, at=LATER).decisions == N - 2
