"""Rewards find their decisions by identity: where somebody is forgotten or a contact withheld."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest

from bandit.core.types import SILENT
from bandit.record import waves as record
from bandit.results.inspect import Earned
from bandit.workflows.inspect.report import report
from bandit.workflows.judge import job
from bandit.workflows.judge.simulate import read, simulate
from bandit.workflows.learn.learn import learn
from bandit.workflows.privacy.export_customer import export_customer
from bandit.workflows.privacy.forget import forget
from bandit.workflows.serve import publish
from bandit.workflows.serve.serve_batch import serve_batch
from bandit.workflows.start.demo import demo
from tests import campaigns
from tests.campaigns import MONDAY

CUSTOMERS = 5_000
DAY = dt.timedelta(days=1)
LATER = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)
CANDIDATES = """
[simulate]
estimators = ["snips"]
[[simulate.candidate]]
policy = "no_contact"
[[simulate.candidate]]
policy = "rules"
"""


@pytest.mark.long
def test_one_of_many_forgotten_moves_no_figure_by_more_than_their_share(tmp_path: Path) -> None:
    """A mean of n loses one row: it moves by no more than that row's distance over n - 1."""
    folder = tmp_path / "operator"
    demo(folder=folder, customers=CUSTOMERS, waves=2, seed=2)
    toml = folder / "campaign.toml"
    toml.write_text(toml.read_text() + CANDIDATES)
    logged = read(job.load(folder), log=False, at=LATER, progress=SILENT)
    before, judged = report(folder, at=LATER), simulate(folder, at=LATER)
    assert forget(folder, customers=["1000"]).decisions == 2
    again = read(job.load(folder), log=False, at=LATER, progress=SILENT)
    stays = logged.customers != 1000
    np.testing.assert_array_equal(again.customers, logged.customers[stays])
    np.testing.assert_array_equal(again.log.rewards, logged.log.rewards[stays])
    np.testing.assert_array_equal(again.log.propensities, logged.log.propensities[stays])
    _hold_near(before.earned, report(folder, at=LATER).earned, np.abs(logged.log.rewards).max())
    weighted = np.abs(logged.log.rewards) / logged.log.propensities
    for old, new in zip(judged.candidates, simulate(folder, at=LATER).candidates, strict=True):
        assert abs(new.value.value - old.value.value) <= 4.0 * weighted.max() / logged.n


def _hold_near(before: list[Earned], after: list[Earned], most: float) -> None:
    for old, new in zip(before, after, strict=True):
        assert (old.wave, old.group) == (new.wave, new.group)
        assert abs(new.realised - old.realised) <= 2.0 * most / (old.customers - 1)
        assert old.customers - new.customers in {0, 1}


@pytest.fixture
def withheld(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, pl.DataFrame]:
    """A wave whose e-mails to every second customer were withheld: consent went meanwhile."""
    folder = campaigns.write(tmp_path / "campaign", customers=200)
    export = publish.export

    def gone_meanwhile(*args: object) -> object:
        with duckdb.connect(folder / "customers.duckdb") as connection:
            connection.execute("UPDATE consents SET granted = false WHERE customer_id % 2 = 0")
        return export(*args)

    monkeypatch.setattr(publish, "export", gone_meanwhile)
    serve_batch(folder, wave="w", at=MONDAY)
    rows = campaigns.decisions(folder, "w")
    held = pl.read_parquet(folder / "waves" / "w" / "withheld.parquet")
    events = [
        {"event_id": str(i), "decision_id": key, "event": "sale", "reward": 3.0,
         "occurred_at": str((MONDAY + DAY).replace(tzinfo=None))}
        for i, key in enumerate(rows["decision_id"])
    ]  # fmt: skip
    learn(folder, outcomes=campaigns.outcomes(folder / "o.csv", events), at=MONDAY + 8 * DAY)
    rows = rows.with_columns(withheld=pl.col("decision_id").is_in(held["decision_id"].implode()))
    assert rows["withheld"].sum() > 20
    return folder, rows


def test_a_withheld_contact_counts_as_not_made(withheld: tuple[Path, pl.DataFrame]) -> None:
    folder, rows = withheld
    first = rows.filter((pl.col("slot") == 1) & (pl.col("placement") == "outbound"))
    made = first.filter((pl.col("action") > 0) & ~pl.col("withheld"))
    shown = report(folder, at=LATER)
    assert shown.contacted == len(made)
    worth = pl.col("value").cast(pl.Float64) * 3.0 - pl.col("cost")
    realised = pl.when("withheld").then(3.0).otherwise(worth)
    group = first.select("customer_id", of="group")  # a customer's rows count in the first slot's
    by_group = (
        rows.with_columns(net=realised).join(group, on="customer_id").group_by("of")
        .agg(pl.col("net").sum())
    )  # fmt: skip
    totals = {e.group: e.realised * e.customers for e in shown.earned}
    assert totals == pytest.approx(dict(by_group.iter_rows()), rel=1e-9)
    logged = read(job.load(folder), log=False, at=LATER, progress=SILENT)
    assert logged.n == len(first.filter(~pl.col("withheld")))
    assert any("withheld at export are left out" in note for note in logged.notes)
    someone = rows.filter("withheld")["customer_id"][0]
    told = export_customer(folder, customer=str(someone)).decisions
    assert any(d["withheld"] and "never made" in d["reason"] for d in told)


def test_an_old_outcome_of_a_wave_served_anew_hits_nobody_else(tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path / "campaign", customers=200)
    serve_batch(folder, wave="w", at=MONDAY)
    old = campaigns.decisions(folder, "w")
    whose = dict(old.select("decision_id", "customer_id").iter_rows())
    shutil.rmtree(folder / "waves" / "w")
    shutil.rmtree(folder / "exports" / "w")
    campaigns.write_customers(folder, campaigns.people(200).tail(120))
    serve_batch(folder, wave="w", at=MONDAY)
    new = campaigns.decisions(folder, "w")
    for decision, customer in new.select("decision_id", "customer_id").iter_rows():
        assert whose.get(decision, customer) == customer
    shutil.rmtree(folder / "waves" / "w")
    shutil.rmtree(folder / "exports" / "w")
    serve_batch(folder, wave="w", at=MONDAY, seed=99)
    other = campaigns.decisions(folder, "w")
    assert not set(other["decision_id"]) & set(whose)


def test_waves_named_by_a_number_keep_text_ids(tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path / "campaign", customers=100)
    serve_batch(folder, wave="202645", at=MONDAY)
    listed = pl.read_csv(folder / "exports" / "202645" / "email.csv")
    assert listed["decision_id"].dtype == pl.String
    assert set(listed["decision_id"]) <= set(campaigns.decisions(folder, "202645")["decision_id"])


def test_ids_do_not_hang_on_batches_or_threads(tmp_path: Path) -> None:
    for number, (size, threads) in enumerate([(50_000, 1), (7, 2), (33, 1)]):
        folder = campaigns.write(tmp_path / str(number), customers=150)
        serve_batch(folder, wave="w", at=MONDAY, batch_size=size, threads=threads)
    written = [campaigns.bytes_of(tmp_path / str(n) / "waves") for n in range(3)]
    assert written[1] == written[0]
    assert written[2] == written[0]


def test_a_customer_s_outcome_counts_once_between_two_waves_of_one_time(tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path / "campaign", customers=120)
    for wave in ("b", "a"):
        serve_batch(folder, wave=wave, at=MONDAY)
    events = [
        {"event_id": str(k), "customer_id": int(k), "event": "sale", "reward": 2.0,
         "occurred_at": str((MONDAY + DAY).replace(tzinfo=None))}
        for k in campaigns.people(120)["customer_id"]
    ]  # fmt: skip
    learned = learn(folder, outcomes=campaigns.outcomes(folder / "o.csv", events), at=LATER)
    assert learned.events == 120
    logged = read(job.load(folder), log=False, at=LATER, progress=SILENT)
    assert logged.rewards.sum() == pytest.approx(240.0)
    free = {e.group: e for e in report(folder, at=LATER).earned if e.wave == "a"}
    assert all(e.realised <= 0.0 for e in free.values())
    assert [w.name for w in record.waves(folder)] == ["a", "b"]
