"""A sealed stream is a wave: read, learned from, judged, explained and forgotten like any other."""

from __future__ import annotations

import datetime as dt
import shutil
from contextlib import ExitStack
from pathlib import Path

import duckdb
import polars as pl
import pytest

from bandit.record import manifest
from bandit.workflows.inspect.explain import explain
from bandit.workflows.inspect.report import report
from bandit.workflows.inspect.status import status
from bandit.workflows.judge.simulate import simulate
from bandit.workflows.learn.learn import learn
from bandit.workflows.live.seal import seal
from bandit.workflows.privacy.export_customer import export_customer
from bandit.workflows.privacy.forget import forget
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns
from tests.campaigns import MONDAY
from tests.lives import DAY, Live

PEOPLE = campaigns.people(300)["customer_id"].to_list()


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everybody was asked for everything, in no order of theirs."""
    folder = campaigns.write(tmp_path_factory.mktemp("asked") / "campaign")
    with ExitStack() as stack:
        live = Live(folder, stack)
        for customer in PEOPLE[::2] + PEOPLE[1::2]:
            live.ask(customer, "outbound", "home")
        live.write()
    return folder


@pytest.fixture
def sealed(asked: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "campaign"
    shutil.copytree(asked, folder)
    seal(folder)
    return folder


def test_the_sealed_day_is_the_wave_but_for_its_times(sealed: Path, tmp_path: Path) -> None:
    twin = campaigns.write(tmp_path / "batch")
    serve_batch(twin, wave=DAY, at=MONDAY)
    rest = pl.exclude("decided_at")
    mine, theirs = campaigns.decisions(sealed, DAY), campaigns.decisions(twin, DAY)
    assert mine.select(rest).equals(theirs.select(rest))
    assert mine["decided_at"].unique().to_list() == [MONDAY + dt.timedelta(hours=12)]
    same = {"actions", "placements", "groups", "prices", "content", "config", "seed", "decisions"}
    ours, batch = (manifest.read(f / "waves" / DAY) for f in (sealed, twin))
    assert {k: ours[k] for k in same} == {k: batch[k] for k in same}
    told, wanted = ours["summary"], batch["summary"]
    assert {k for k in wanted if told[k] != wanted[k]} <= {"lists", "withheld"}


def test_everything_else_works_on_it(sealed: Path, tmp_path: Path) -> None:
    decided = campaigns.decisions(sealed, DAY).filter(pl.col("action") > 0)
    rows = [
        {"event_id": f"e{i}", "decision_id": d, "event": "sale", "reward": 5.0 if i % 3 else 9.0,
         "occurred_at": "2026-11-03 10:00:00"}
        for i, d in enumerate(decided["decision_id"].to_list()[:60])
    ]  # fmt: skip
    later = MONDAY + dt.timedelta(days=8)
    learned = learn(sealed, outcomes=campaigns.outcomes(tmp_path / "o.csv", rows), at=later)
    assert learned.waves == [DAY]
    assert learned.events == 60
    assert report(sealed, wave=DAY, at=later).wave == DAY
    told = explain(sealed, customer=str(PEOPLE[0]))
    assert told.wave == DAY
    assert any("the same decisions" in note for note in told.notes)
    assert simulate(sealed, at=later).candidates
    assert export_customer(sealed, customer=str(PEOPLE[0])).decisions
    assert forget(sealed, customers=[str(PEOPLE[0])]).waves == [DAY]
    assert PEOPLE[0] not in campaigns.decisions(sealed, DAY)["customer_id"].to_list()


def test_what_waits_is_told_and_refusals_are_a_persons_too(asked: Path, tmp_path: Path) -> None:
    folder = tmp_path / "campaign"
    shutil.copytree(asked, folder)
    with ExitStack() as stack:
        live = Live(folder, stack)
        live.desk.refuse(PEOPLE[0], "sms")
        live.write()
    assert any("live decisions wait" in note for note in status(folder).notes)
    before = export_customer(folder, customer=str(PEOPLE[0]))
    assert any("run `bandit seal`" in note for note in before.notes)
    assert [(r["customer"], r["channel"]) for r in before.refusals] == [(PEOPLE[0], "sms")]
    seal(folder)
    told = forget(folder, customers=[str(PEOPLE[0])])
    assert any("that they refused, live or by an event, is kept" in note for note in told.notes)
    for path in (folder / "streams").glob("20*/*"):  # what is left names nobody
        assert len(path.read_bytes()) < 100
    after = export_customer(folder, customer=str(PEOPLE[0]))
    assert not after.decisions
    assert after.refusals


def test_keys_that_are_text_are_found_decided_for_and_heeded_as_in_a_wave(tmp_path: Path) -> None:
    people = campaigns.people(120).with_columns(
        customer_id=pl.format("Kunde-{}é", pl.col("customer_id"))
    )
    folders = [campaigns.write(tmp_path / name) for name in ("live", "batch")]
    for folder in folders:
        with duckdb.connect(folder / "customers.duckdb") as data:
            data.register("frame", people.to_arrow())
            data.execute("CREATE OR REPLACE TABLE customers AS SELECT * FROM frame")
            data.execute(
                "CREATE OR REPLACE TABLE consents AS SELECT customer_id, 'email' AS channel,"
                " true AS granted FROM customers"
            )
    folder, twin = folders
    refuses = people["customer_id"][0]
    with ExitStack() as stack:
        live = Live(folder, stack)
        for customer in people["customer_id"]:
            live.ask(customer, "outbound", "home")
        live.desk.refuse(refuses, None)
        live.write()
    seal(folder)
    serve_batch(twin, wave=DAY, at=MONDAY)
    rest = pl.exclude("decided_at")
    mine, theirs = campaigns.decisions(folder, DAY), campaigns.decisions(twin, DAY)
    assert mine.select(rest).equals(theirs.select(rest))
    serve_batch(folder, wave="next", at=MONDAY)
    after = campaigns.decisions(folder, "next").filter(customer_id=refuses)
    assert after.height
    assert after["offer"].drop_nulls().is_empty()
