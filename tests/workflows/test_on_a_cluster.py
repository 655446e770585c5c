"""A wave and what is learned from it are byte for byte those of one machine, whoever works."""

from __future__ import annotations

import datetime as dt
import os
import signal
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import duckdb
import polars as pl
import pytest

from bandit.allocation import nested
from bandit.core import errors
from bandit.record import decisions, waves
from bandit.results.learn import LearnSummary
from bandit.results.serve import WaveSummary
from bandit.runners import engine
from bandit.runners import spark as spark_runner
from bandit.workflows.learn.learn import learn
from bandit.workflows.serve import apart, pricing, spool
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns
from tests.campaigns import MONDAY, bytes_of
from tests.runners.clusters import Twice, needs_spark

# A batch of the spool holds so many, in this process where it is written.
BATCH = 100
CUSTOMERS = 1000
CAPS = """
[limits]
max_contacts = 250
[[group_cap]]
name = "texts"
channels = ["sms"]
capacity = 90
"""
LATER = MONDAY + dt.timedelta(days=30)
SPARK = "local[2,4]"


def written(folder: Path, more: str) -> Path:
    """A campaign with slots, an inbound list and a mixture of policies."""
    return campaigns.write(folder, customers=CUSTOMERS, more=more)


def run(folder: Path, asked: str | None) -> list[WaveSummary | LearnSummary]:
    """Serve, learn, serve what was learned."""
    done: list[WaveSummary | LearnSummary] = [
        serve_batch(folder, wave="w1", at=MONDAY, engine=asked)
    ]
    frame = campaigns.decisions(folder, "w1").filter(pl.col("slot") == 1)
    told = [
        {"event_id": f"e{i}", "decision_id": d, "event": "sale", "reward": 0.1 * (i % 7),
         "occurred_at": "2026-11-03"}
        for i, d in enumerate(frame["decision_id"])
    ]  # fmt: skip
    file = campaigns.outcomes(folder / "outcomes.csv", told)
    done.append(learn(folder, outcomes=file, at=LATER, engine=asked))
    done.append(serve_batch(folder, wave="w2", at=LATER, engine=asked))
    return done


def left_by(folder: Path) -> dict[str, bytes]:
    """Every byte of the record; nothing half done is beside it."""
    left = [p.name for p in folder.iterdir() if p.name.endswith(".partial")]
    assert left == []
    parts = ("waves", "exports", "snapshots", "statistics", "outcomes")
    return {f"{part}/{k}": v for part in parts for k, v in bytes_of(folder / part).items()}


def _wave(folder: Path, asked: str | None) -> dict[str, bytes]:
    for one in run(folder, asked):
        assert (one.cluster is not None) == (asked is not None)
    return left_by(folder)


@pytest.fixture(scope="module", params=["", CAPS], ids=["free", "capped"])
def local(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, dict[str, bytes]]:
    """What one machine writes, and the limits that it keeps."""
    folder = written(tmp_path_factory.mktemp("local") / "campaign", request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool, "ROWS", BATCH)
        return request.param, _wave(folder, None)


def _same(found: dict[str, bytes], expected: dict[str, bytes]) -> None:
    assert sorted(found) == sorted(expected)
    assert [name for name in expected if found[name] != expected[name]] == []


@pytest.mark.parametrize(
    "rows",
    [pytest.param(None, marks=pytest.mark.long), 64],
    ids=["large groups", "small groups"],
)
def test_two_attempts_at_everything_leave_what_one_machine_writes(
    local: tuple[str, dict[str, bytes]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rows: int | None,
) -> None:
    more, expected = local
    monkeypatch.setattr(spool, "ROWS", BATCH)
    if rows is not None:
        # Many files and row groups, which one machine writes too; the batches that `learn` reads
        # are these with caps, and lie across them without.
        for module in (waves, decisions) if more else (waves,):
            monkeypatch.setattr(module, "ROWS_PER_GROUP", rows)
        monkeypatch.setattr(waves, "GROUPS_PER_FILE", 3)
        # Prices by a ladder of samples, some of them larger than what is kept of everybody.
        monkeypatch.setattr(pricing, "MEASURED", (100, 200))
        monkeypatch.setattr(pricing, "FOLLOWED", (100, 200))
        monkeypatch.setattr(nested, "FIRST_SAMPLE", 20)
        monkeypatch.setattr(nested, "GROWTH", 3)
        expected = _wave(written(tmp_path / "local", more), None)
        assert sum("w1/decisions-" in name for name in expected) > 3
    monkeypatch.setattr(engine, "Spark", lambda *_: Twice())
    _same(_wave(written(tmp_path / "campaign", more), "spark"), expected)


def test_a_dry_run_holds_the_campaign_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = written(tmp_path / "campaign", CAPS)
    before = sorted(p.name for p in folder.rglob("*"))
    expected = serve_batch(folder, wave="w1", at=MONDAY, dry_run=True)
    monkeypatch.setattr(engine, "Spark", lambda *_: Twice())
    found = serve_batch(folder, wave="w1", at=MONDAY, dry_run=True, engine="spark")
    assert found.contacts == expected.contacts
    assert found.given_up == expected.given_up > 0
    assert sorted(p.name for p in folder.rglob("*")) == before


def test_an_engine_of_the_campaign_changes_no_digest(tmp_path: Path) -> None:
    folder = written(tmp_path / "campaign", "")
    serve_batch(folder, wave="w1", at=MONDAY)
    with (folder / "campaign.toml").open("a") as file:
        file.write('[engine]\nkind = "spark"\nmaster = "local[1]"\n')
    again = serve_batch(folder, wave="w1", at=MONDAY, engine="local")
    assert "published already" in again.notes[-1]


@pytest.fixture(scope="module")
def spark() -> Iterator[None]:
    """One context for the module: runs take it up and leave it."""
    context, _ = spark_runner._context(SPARK, {"spark.ui.enabled": "false"})
    yield
    context.stop()


@needs_spark
@pytest.mark.usefixtures("spark")
@pytest.mark.parametrize("local", [CAPS], ids=["capped"], indirect=True)
@pytest.mark.parametrize("partitions", [1, 3, 8])
def test_spark_writes_what_one_machine_writes(
    local: tuple[str, dict[str, bytes]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    partitions: int,
) -> None:
    more, expected = local
    monkeypatch.setattr(spool, "ROWS", BATCH)
    folder = written(tmp_path / "campaign", f"{more}\n[engine]\npartitions = {partitions}")
    _same(_wave(folder, f"spark={SPARK}"), expected)


def _dies_once(flag: Path, ask: apart.Ask, attempt: str) -> apart.Done:
    """The worker of batch 3 is killed when all but the last of its work is done."""
    done = apart.decide(ask, attempt)
    if ask.number == 3 and not flag.exists():
        flag.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return done


@needs_spark
@pytest.mark.usefixtures("spark")
@pytest.mark.parametrize("local", [CAPS], ids=["capped"], indirect=True)
def test_a_killed_worker_leaves_no_trace(
    local: tuple[str, dict[str, bytes]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from pyspark import cloudpickle

    more, expected = local
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    monkeypatch.setattr(spool, "ROWS", BATCH)
    monkeypatch.setattr(apart, "decide", partial(_dies_once, tmp_path / "died"))
    folder = written(tmp_path / "campaign", more)
    summary = serve_batch(folder, wave="w1", at=MONDAY, engine=f"spark={SPARK}")
    assert (tmp_path / "died").exists()
    assert summary.cluster is not None
    assert summary.cluster.retries >= 1
    for part in ("waves/w1", "exports/w1"):
        found = {f"{part}/{k}": v for k, v in bytes_of(folder / part).items()}
        _same(found, {k: v for k, v in expected.items() if k.startswith(f"{part}/")})


def _nowhere(path: Path, content: bytes) -> None:
    """Writes nothing that others could see."""
    assert path.name == "proof"
    assert content


@needs_spark
@pytest.mark.usefixtures("spark")
def test_storage_that_is_not_shared_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = written(tmp_path / "campaign", "")
    # What an executor without the driver's storage sees: the file is not there.
    monkeypatch.setattr(spark_runner, "PROOF", "elsewhere/proof")
    monkeypatch.setattr(spark_runner, "files", SimpleNamespace(write_bytes=_nowhere, remove=print))
    with pytest.raises(errors.ConfigError, match=r"does not see .* as this machine does"):
        serve_batch(folder, wave="w1", at=MONDAY, engine=f"spark={SPARK}")
    assert not (folder / "waves" / "w1").exists()


@needs_spark
@pytest.mark.usefixtures("spark")
def test_tables_of_spark_are_read_as_files_are(tmp_path: Path) -> None:
    from pyspark.sql import SparkSession

    plain, folder = written(tmp_path / "plain", CAPS), written(tmp_path / "campaign", CAPS)
    session = SparkSession.builder.getOrCreate()
    before = session.conf.get("spark.sql.parquet.outputTimestampType")
    config = folder / "campaign.toml"
    text = config.read_text()
    with duckdb.connect(folder / "customers.duckdb", read_only=True) as data:
        for name in ("customers", "consents"):
            file = tmp_path / f"{name}.parquet"
            data.sql(f"FROM {name}").write_parquet(str(file))
            session.read.parquet(str(file)).repartition(3).createOrReplaceTempView(name)
            text = text.replace(
                f'source = "customers.duckdb"\ntable = "{name}"', f'source = "spark:{name}"'
            )
    config.write_text(text)
    (folder / "customers.duckdb").unlink()
    serve_batch(plain, wave="w1", at=MONDAY)
    serve_batch(folder, wave="w1", at=MONDAY, engine="spark")
    what = ["customer_id", "slot", "offer", "channel", "propensity", "expected_reward"]
    found, expected = (campaigns.decisions(at, "w1").select(what) for at in (folder, plain))
    assert found.equals(expected)
    assert session.conf.get("spark.sql.parquet.outputTimestampType") == before
    assert not list(folder.glob(".*"))
    config.write_text(text.replace("spark:consents", "spark:crm.nothing"))
    with pytest.raises(errors.ConfigError, match=r"'crm\.nothing' of Spark's: .*NOT_FOUND"):
        serve_batch(folder, wave="w2", at=LATER, engine="spark")
