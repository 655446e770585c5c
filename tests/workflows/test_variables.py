"""Variables and segments through a campaign's life: served, stored, looked back at, forgotten."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from bandit.core.errors import ConfigError, DataError
from bandit.record import served_variables
from bandit.record import waves as record
from bandit.workflows.inspect.customer import customer as customer_page
from bandit.workflows.inspect.explain import explain
from bandit.workflows.inspect.roi import roi
from bandit.workflows.learn.learn import learn
from bandit.workflows.privacy.export_customer import export_customer
from bandit.workflows.privacy.forget import forget
from bandit.workflows.serve.serve_batch import serve_batch
from bandit.workflows.start.check import check
from tests import campaigns, lives
from tests.campaigns import MONDAY

MORE = """
[[offer]]
name = "vip"
eligible = "in_segment('big') AND n30 > 0"
value = "1 + spent / 1000"
[[source]]
name = "purchases"
source = "purchases.parquet"
at = "at"
known_at = "known_at"
[variables]
n30 = { function = "count", days = 30 }
spent = { function = "sum", column = "amount" }
since = { function = "days_since" }
shop = { function = "last", column = "shop" }
[[segment]]
name = "big"
where = "spent > 60"
[[segment]]
name = "north"
where = "region = 'north'"
priority = 1
"""


def _write(folder: Path, more: str = MORE) -> Path:
    campaigns.write(folder, customers=200, more=more)
    file = folder / "campaign.toml"
    text = file.read_text().replace('["age", "spend"]', '["age", "spend", "n30", "since"]')
    text = text.replace('["owner"]', '["owner", "big"]')
    file.write_text(text.replace('["region"]', '["region", "shop", "segment"]'))
    _events(1, 800).write_parquet(folder / "purchases.parquet")
    return folder


def _events(seed: int, rows: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    at = [MONDAY - dt.timedelta(hours=float(h)) for h in rng.uniform(-48, 24 * 90, rows)]
    return pl.DataFrame({
        "customer_id": rng.integers(0, 220, rows) * 7 + 3,
        "at": at,
        "known_at": [a + dt.timedelta(hours=12) for a in at],
        "amount": rng.gamma(2.0, 12.0, rows).round(2),
        "shop": rng.choice(["web", "store"], rows),
    })  # fmt: skip


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = _write(tmp_path_factory.mktemp("variables") / "campaign")
    serve_batch(folder, wave="w1", at=MONDAY)
    return folder


def test_check_reads_them_and_tells_of_strangers(served: Path) -> None:
    found = check(served, at=MONDAY)
    assert {"n30", "since", "big", "shop=web", "segment=big"} <= set(found.features)
    assert [w for w in found.warnings if "people with events are not among the customers" in w]


def test_a_wave_stores_what_it_served(served: Path) -> None:
    stored = pl.read_parquet(served / "waves" / "w1" / served_variables.NAME)
    assert stored.columns == ["customer_id", "n30", "spent", "since", "shop", "big", "north"]
    assert stored["customer_id"].to_list() == sorted(campaigns.people(200)["customer_id"])
    assert stored["big"].to_list() == (stored["spent"] > 60).to_list()
    taken = campaigns.decisions(served, "w1").filter(pl.col("offer") == "vip")
    assert taken.height > 0
    allowed = stored.filter(pl.col("big") & (pl.col("n30") > 0))
    assert set(taken["customer_id"]) <= set(allowed["customer_id"])
    value = dict(stored.select("customer_id", 1 + pl.col("spent") / 1000).iter_rows())
    for row in taken.iter_rows(named=True):
        assert row["value"] == pytest.approx(value[row["customer_id"]], rel=1e-6)


def test_batches_and_threads_change_no_byte(served: Path, tmp_path: Path) -> None:
    folder = _write(tmp_path / "campaign")
    serve_batch(folder, wave="w1", at=MONDAY, batch_size=17, threads=2)
    one, other = (campaigns.bytes_of(f / "waves" / "w1") for f in (served, folder))
    assert one.keys() == other.keys()
    for name in one:
        if name != "manifest.json":
            assert one[name] == other[name], name


def test_a_look_back_asks_what_was_served_and_not_the_sources(served: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(served, tmp_path / "campaign"))
    (folder / "purchases.parquet").unlink()
    stored = pl.read_parquet(folder / "waves" / "w1" / served_variables.NAME)
    for key in stored["customer_id"][:8]:
        told = explain(folder, customer=str(key))
        assert told.notes == ["derived again from the record: the same decisions"]


def test_learn_needs_no_source(served: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(served, tmp_path / "campaign"))
    (folder / "purchases.parquet").unlink()
    made = campaigns.decisions(folder, "w1").filter(pl.col("action") > 0).head(20)
    rows = [
        {
            "event_id": f"e{i}", "decision_id": d, "event": "sale", "reward": 1.0,
            "occurred_at": (MONDAY + dt.timedelta(days=1)).isoformat(),
        }
        for i, d in enumerate(made["decision_id"])
    ]  # fmt: skip
    file = campaigns.outcomes(folder / "outcomes.csv", rows)
    learned = learn(folder, outcomes=file, at=MONDAY + dt.timedelta(days=30))
    assert learned.waves


def test_a_person_is_shown_exported_and_forgotten(served: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(served, tmp_path / "campaign"))
    stored = pl.read_parquet(folder / "waves" / "w1" / served_variables.NAME)
    row = stored.filter(pl.col("n30") > 1).row(0, named=True)
    key = str(row["customer_id"])
    page = customer_page(folder, customer=key, at=MONDAY)
    traits = {t.name: t.value for t in page.traits}
    assert traits["n30"] == str(row["n30"])
    assert export_customer(folder, customer=key).variables == [{"wave": "w1", **row}]
    told = forget(folder, customers=[key])
    assert [s for s in told.still_in if "purchases.parquet" in s]
    rest = pq.read_table(folder / "waves" / "w1" / served_variables.NAME)
    assert rest.num_rows == stored.height - 1
    assert int(key) not in rest["customer_id"].to_pylist()
    assert export_customer(folder, customer=key).variables == []
    assert record.waves(folder)[0].manifest.made is not None


def test_a_page_tells_variables_that_are_no_features_and_all_segments(served: Path) -> None:
    stored = pl.read_parquet(served / "waves" / "w1" / served_variables.NAME)
    row = stored.filter(pl.col("big") & pl.col("north")).row(0, named=True)
    page = customer_page(served, customer=str(row["customer_id"]), at=MONDAY)
    spent = {t.name: t for t in page.traits}["spent"]
    assert spent.value == f"{row['spent']:,.6g}"
    assert (spent.percentile, spent.share) == (None, None), "of features alone: it takes a scan"
    assert page.segments == ["big", "north"]
    assert "segments, the first by priority first: big, north" in page.words
    some = stored.filter(~pl.col("big") & ~pl.col("north")).row(0, named=True)
    assert customer_page(served, customer=str(some["customer_id"]), at=MONDAY).segments == []


def test_a_page_where_no_feature_is_of_segments(tmp_path: Path) -> None:
    folder = _write(tmp_path / "campaign")
    file = folder / "campaign.toml"
    text = file.read_text().replace('["owner", "big"]', '["owner"]')
    file.write_text(text.replace('["region", "shop", "segment"]', '["region", "shop"]'))
    serve_batch(folder, wave="w1", at=MONDAY)
    stored = pl.read_parquet(folder / "waves" / "w1" / served_variables.NAME)
    row = stored.filter(pl.col("big") & pl.col("north")).row(0, named=True)
    page = customer_page(folder, customer=str(row["customer_id"]), at=MONDAY)
    told = {t.name: t for t in page.traits}
    assert told["n30"].percentile == pytest.approx((stored["n30"] < row["n30"]).mean())
    assert told["shop"].share == pytest.approx(
        (stored["shop"] == row["shop"]).fill_null(False).mean()
    )
    assert page.segments == ["big", "north"]


def test_live_decisions_are_those_of_the_wave(served: Path, tmp_path: Path) -> None:
    """The desk's contexts and rules are the wave's, bit for bit."""
    with ExitStack() as stack:
        folder = Path(shutil.copytree(served, tmp_path / "campaign"))
        live = lives.Live(folder, stack)
        customers = live.desk.generation.customers
        decided = campaigns.decisions(folder, "w1").filter(
            (pl.col("slot") == 1) & (pl.col("placement") == "outbound")
        )
        stored = dict(decided.select("customer_id", "features").iter_rows())
        for place, key in enumerate(customers.ids.to_pylist()):
            assert customers.contexts[place].tolist() == list(stored[key])


def test_events_that_are_known_later_leave_the_wave_as_it_is(served: Path, tmp_path: Path) -> None:
    folder = _write(tmp_path / "campaign")
    log = pl.read_parquet(folder / "purchases.parquet")
    planted = log.head(80).with_columns(known_at=pl.lit(MONDAY).cast(log.schema["known_at"]))
    pl.concat([planted, log]).write_parquet(folder / "purchases.parquet")
    serve_batch(folder, wave="w1", at=MONDAY)
    for name in ("decisions-0000.parquet", served_variables.NAME):
        one, other = (f / "waves" / "w1" / name for f in (served, folder))
        assert one.read_bytes() == other.read_bytes()


def test_a_source_of_rows_that_cannot_be_used_stops_the_wave(tmp_path: Path) -> None:
    folder = _write(tmp_path / "campaign")
    log = pl.read_parquet(folder / "purchases.parquet")
    broken = log.with_columns(
        known_at=pl.when(pl.int_range(pl.len()) % 20 == 0).then(None).otherwise("known_at")
    )
    broken.write_parquet(folder / "purchases.parquet")
    with pytest.raises(DataError, match=r"known_at.*no date.*limits\.reject_share"):
        serve_batch(folder, wave="w1", at=MONDAY)
    assert not (folder / "waves" / "w1").exists()


def test_roi_tells_gains_by_segment(served: Path, tmp_path: Path) -> None:
    """Who is of several segments counts in each, who is of none among those of none."""
    folder = Path(shutil.copytree(served, tmp_path / "campaign"))
    made = campaigns.decisions(folder, "w1").filter(
        (pl.col("slot") == 1) & (pl.col("placement") == "outbound")
    )
    rows = [
        {
            "event_id": f"e{i}", "decision_id": d, "event": "sale", "reward": 1.0 + i % 3,
            "occurred_at": (MONDAY + dt.timedelta(days=1)).isoformat(),
        }
        for i, d in enumerate(made["decision_id"])
    ]  # fmt: skip
    file = campaigns.outcomes(folder / "outcomes.csv", rows)
    learn(folder, outcomes=file, at=MONDAY + dt.timedelta(days=30))
    found = roi(folder, by="segment", margin=0.4, at=MONDAY + dt.timedelta(days=30))
    stored = pl.read_parquet(folder / "waves" / "w1" / served_variables.NAME)
    held = set(made.filter(pl.col("group") == "holdout")["customer_id"])
    open_to = stored.filter(~pl.col("customer_id").is_in(list(held)))
    expected = {
        "big": int(open_to["big"].sum()),
        "north": int(open_to["north"].sum()),
        "(none)": open_to.filter(~pl.col("big") & ~pl.col("north")).height,
    }
    assert {one.of: one.people for one in found.segments} == expected


def test_check_tells_a_broken_source_once(tmp_path: Path) -> None:
    folder = _write(tmp_path / "campaign")
    (folder / "purchases.parquet").unlink()
    with pytest.raises(ConfigError) as caught:
        check(folder, at=MONDAY)
    assert len(str(caught.value).splitlines()) == 1


def test_a_campaign_without_them_keeps_its_digest_and_files(tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path / "campaign", customers=20)
    serve_batch(folder, wave="w1", at=MONDAY)
    content = json.loads((folder / "waves" / "w1" / "manifest.json").read_text())
    assert "made" not in content
    assert served_variables.NAME not in content["files"]
