"""Tables of a cluster are read as files are, and are gone afterwards; what is no table is told."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb
import polars as pl
import pytest

from bandit.core.errors import ConfigError
from bandit.runners import engine
from bandit.sources.given import given
from bandit.workflows.inspect.roi import roi
from bandit.workflows.learn.learn import learn
from bandit.workflows.serve.serve_batch import serve_batch
from bandit.workflows.start.check import check
from tests import campaigns
from tests.campaigns import MONDAY
from tests.runners.clusters import Twice

LATER = MONDAY + dt.timedelta(days=30)
WHAT = ["customer_id", "slot", "offer", "channel", "propensity", "expected_reward"]


def in_spark(folder: Path) -> dict[str, Path]:
    """A campaign whose customers, consents and outcomes are tables of Spark's, as Parquet."""
    campaigns.write(folder, more='[outcomes]\nsource = "spark:sales"')
    config = folder / "campaign.toml"
    text, found = config.read_text(), {}
    with duckdb.connect(folder / "customers.duckdb") as data:
        for name in ("customers", "consents"):
            found[f"crm.{name}"] = folder.parent / f"{name}.parquet"
            data.sql(f"FROM {name}").write_parquet(str(found[f"crm.{name}"]))
            file = f'source = "customers.duckdb"\ntable = "{name}"'
            assert file in text
            text = text.replace(file, f'source = "spark:crm.{name}"')
    config.write_text(text)
    (folder / "customers.duckdb").unlink()
    return found


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """The tables of ``tmp_path / campaign``, in a cluster."""
    found = in_spark(tmp_path / "campaign")
    monkeypatch.setattr(engine, "Spark", lambda *_: Twice(found))
    return found


def sales(file: Path, folder: Path) -> Path:
    """What was bought after w1."""
    frame = campaigns.decisions(folder, "w1").filter(pl.col("slot") == 1)
    times = pl.lit(dt.datetime(2026, 11, 3, tzinfo=dt.UTC))
    frame.select(
        pl.concat_str(pl.lit("e"), pl.int_range(pl.len())).alias("event_id"),
        "decision_id",
        pl.lit("sale").alias("event"),
        pl.lit(1.5).alias("reward"),
        times.alias("occurred_at"),
    ).write_parquet(file)
    return file


def test_tables_decide_and_teach_as_files_do_and_are_gone(
    tmp_path: Path, tables: dict[str, Path]
) -> None:
    plain = campaigns.write(tmp_path / "plain")
    serve_batch(plain, wave="w1", at=MONDAY)
    folder = tmp_path / "campaign"
    serve_batch(folder, wave="w1", at=MONDAY, engine="spark")
    found, expected = (campaigns.decisions(at, "w1").select(WHAT) for at in (folder, plain))
    assert found.equals(expected)
    tables["sales"] = sales(tmp_path / "sales.parquet", folder)
    learned = learn(folder, at=LATER, engine="spark")
    assert learned.new
    assert learned.events == learned.delivered == len(found.filter(pl.col("slot") == 1))
    assert not list(folder.glob(".*"))
    assert given("customers") is None


def test_events_may_lie_in_a_table_too(tmp_path: Path, tables: dict[str, Path]) -> None:
    folder = tmp_path / "campaign"
    events = tmp_path / "events.parquet"
    people = pl.read_parquet(tables["crm.customers"])["customer_id"][:50]
    day = pl.lit(dt.datetime(2026, 10, 20, tzinfo=dt.UTC)).alias("at")
    people.to_frame().with_columns(day, pl.lit(30.0).alias("spent")).write_parquet(events)
    config = folder / "campaign.toml"
    more = (
        '[[source]]\nname = "bought"\nsource = "spark:crm.bought"\nat = "at"\n'
        '[variables]\nspent_90d = { function = "sum", column = "spent", days = 90 }\n'
    )
    config.write_text(config.read_text() + more)
    tables["crm.bought"] = events
    serve_batch(folder, wave="w1", at=MONDAY, engine="spark")
    served = pl.read_parquet(folder / "waves" / "w1" / "variables.parquet")
    assert dict(served["spent_90d"].value_counts().iter_rows()) == {0.0: 250, 30.0: 50}
    assert not list(folder.glob(".*"))
    with pytest.raises(ConfigError, match=r"\[source.bought\].*--engine spark"):
        check(folder, at=MONDAY)


def test_who_is_who_may_lie_in_a_table_too(tmp_path: Path, tables: dict[str, Path]) -> None:
    """Consents by card: the same decisions as by our own keys, and sales by card are learned."""
    plain = campaigns.write(tmp_path / "plain")
    serve_batch(plain, wave="w1", at=MONDAY)
    folder = tmp_path / "campaign"
    consents = pl.read_parquet(tables["crm.consents"])
    card = pl.concat_str(pl.lit("c"), pl.col("customer_id"))
    consents.select("channel", "granted", card.alias("card")).write_parquet(tables["crm.consents"])
    tables["crm.ids"] = tmp_path / "ids.parquet"
    consents.select("customer_id").unique().select(
        "customer_id", card.alias("id"), pl.lit("card").alias("kind"),
        pl.lit("2026-01-01").alias("valid_from"),
    ).write_parquet(tables["crm.ids"])  # fmt: skip
    config = folder / "campaign.toml"
    text = config.read_text().replace(
        '"spark:crm.consents"', '"spark:crm.consents"\ncustomer = "card"\nid = "card"'
    )
    text = text.replace('"spark:sales"', '"spark:sales"\ncustomer = "card"\nid = "card"')
    config.write_text(text + '[identity]\nsource = "spark:crm.ids"\n')
    serve_batch(folder, wave="w1", at=MONDAY, engine="spark")
    found, expected = (campaigns.decisions(at, "w1").select(WHAT) for at in (folder, plain))
    assert found.equals(expected)
    bought = sales(tmp_path / "sales.parquet", folder)
    rows = pl.read_parquet(bought).join(campaigns.decisions(folder, "w1"), on="decision_id")
    rows.select("event_id", card.alias("card"), "event", "reward", "occurred_at").write_parquet(
        bought
    )
    tables["sales"] = bought
    learned = learn(folder, at=LATER, engine="spark")
    assert learned.events == learned.delivered == len(rows)
    assert not list(folder.glob(".*"))
    with pytest.raises(ConfigError, match=r"\[identity\].*--engine spark"):
        roi(folder, at=LATER)


def test_a_row_that_cannot_be_used_names_the_table(tmp_path: Path, tables: dict[str, Path]) -> None:
    people = pl.read_parquet(tables["crm.customers"]).with_columns(pl.lit("old").alias("age"))
    people.write_parquet(tables["crm.customers"])
    with pytest.raises(ConfigError, match=r"table 'crm\.customers' of Spark's: column 'age'"):
        serve_batch(tmp_path / "campaign", wave="w1", at=MONDAY, engine="spark")
    assert not list((tmp_path / "campaign").glob(".*"))


def test_a_table_that_is_not_there_is_told(tmp_path: Path, tables: dict[str, Path]) -> None:
    del tables["crm.consents"]
    with pytest.raises(ConfigError, match=r"table 'crm\.consents' of Spark's"):
        serve_batch(tmp_path / "campaign", wave="w1", at=MONDAY, engine="spark")
    assert sorted(p.name for p in (tmp_path / "campaign").iterdir()) == ["campaign.toml"]


def test_without_a_cluster_the_remedy_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "campaign"
    in_spark(folder)
    for command in (serve_batch, check):
        with pytest.raises(ConfigError, match="--engine spark") as told:
            command(folder, at=MONDAY)
        assert "spark.table('crm.customers').write.parquet" in str(told.value)


@pytest.mark.parametrize("name", ["", "crm.", "a b", "x; DROP TABLE y", "../x", "a.b.c.d.e"])
@pytest.mark.parametrize("section", ["customers", "outcomes"])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str, section: str) -> None:
    folder = campaigns.write(tmp_path / "campaign", more='[outcomes]\nsource = "a.csv"')
    config = folder / "campaign.toml"
    old = 'source = "a.csv"' if section == "outcomes" else 'source = "customers.duckdb"'
    more = "" if section == "outcomes" else '\ntable = "customers"'
    config.write_text(config.read_text().replace(f"{old}{more}", f'source = "spark:{name}"', 1))
    with pytest.raises(ConfigError, match="names no Spark table"):
        check(folder, at=MONDAY)


def test_a_table_of_a_table_is_refused(tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path / "campaign")
    config = folder / "campaign.toml"
    config.write_text(config.read_text().replace('"customers.duckdb"', '"spark:crm.people"', 1))
    with pytest.raises(ConfigError, match="is a table already"):
        check(folder, at=MONDAY)
