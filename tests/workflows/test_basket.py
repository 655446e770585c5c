"""[basket] from the campaign's file to decisions: learned, served, judged, explained."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from bandit.config import campaign_file
from bandit.sources import basket, database
from bandit.workflows.inspect.customer import customer as customer_page
from bandit.workflows.inspect.explain import explain
from bandit.workflows.judge.simulate import simulate
from bandit.workflows.learn.learn import learn
from bandit.workflows.serve.job import Job
from bandit.workflows.serve.serve_batch import serve_batch
from bandit.worlds import Grocer
from tests import campaigns
from tests.lives import Live

WORLD = Grocer(3_000, offers=4, products=30, seed=3)
FORTNIGHT = dt.timedelta(days=14)
THEN = WORLD.origin + FORTNIGHT


def _change(folder: Path, sql: str) -> None:
    with duckdb.connect(str(folder / "customers.duckdb")) as connection:
        connection.execute(sql)


def _edit(folder: Path, old: str, new: str) -> None:
    file = folder / "campaign.toml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wave of chance, what was learned of it, and the wave that follows."""
    folder = tmp_path_factory.mktemp("baskets") / "campaign"
    WORLD.write(folder)
    serve_batch(folder, wave="w1", at=WORLD.origin)
    table = pq.read_table(next((folder / "waves" / "w1").glob("decisions-*.parquet")))
    pq.write_table(WORLD.respond(table, WORLD.origin), folder / "o.parquet")
    learn(folder, outcomes=folder / "o.parquet", at=THEN)
    serve_batch(folder, wave="w2", at=THEN)
    return folder


@pytest.fixture
def copy(served: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(served, tmp_path / "campaign"))


def _earned(folder: Path, wave: str) -> float:
    """By the truth, of the learners' customers."""
    frame = campaigns.decisions(folder, wave).filter(pl.col("group") == "lin_ts")
    number = {pair: a for a, pair in enumerate(WORLD.actions)}
    pairs = frame.select("offer", "channel").rows()
    actions = [0 if pair[0] is None else number[pair] for pair in pairs]
    net = WORLD.net_values(frame["customer_id"].to_numpy())
    return float(net[np.arange(len(net)), actions].mean())


def test_what_baskets_lack_earns(served: Path, tmp_path: Path) -> None:
    blind = tmp_path / "blind"
    WORLD.write(blind)
    _edit(blind, "[basket]\n", "")
    serve_batch(blind, wave="w1", at=WORLD.origin)
    table = pq.read_table(next((blind / "waves" / "w1").glob("decisions-*.parquet")))
    pq.write_table(WORLD.respond(table, WORLD.origin), blind / "o.parquet")
    learn(blind, outcomes=blind / "o.parquet", at=THEN)
    serve_batch(blind, wave="w2", at=THEN)
    assert _earned(served, "w2") > _earned(blind, "w2") + 0.05


def test_the_batch_size_and_the_threads_change_no_byte(served: Path, tmp_path: Path) -> None:
    other = tmp_path / "campaign"
    WORLD.write(other)
    for wave, at in (("w1", WORLD.origin), ("w2", THEN)):
        serve_batch(other, wave=wave, at=at, batch_size=97, threads=1)
        if wave == "w1":
            learn(other, outcomes=served / "o.parquet", at=THEN)
        files = [next((f / "waves" / wave).glob("decisions-*.parquet")) for f in (served, other)]
        assert files[0].read_bytes() == files[1].read_bytes()


def test_explain_tells_which_purchases_carried_a_gap(served: Path) -> None:
    wave = campaigns.decisions(served, "w2")
    row = wave.filter((pl.col("offer") == "coupon_1") & (pl.col("group") == "lin_ts"))
    customer = str(row["customer_id"][0])
    told = explain(served, customer=customer, wave="w2")
    slot = told.slots[0]
    taken = next(c for c in slot.contenders if (c.offer, c.channel) == (slot.offer, slot.channel))
    assert set(slot.parts) == {"shared", "own", "gap"}
    assert sum(slot.parts.values()) == pytest.approx(taken.mean, abs=1e-9)
    assert {gap.product: gap.offers for gap in told.gaps} == {
        f"product {o:02d}": [f"coupon_{o}"] for o in range(4)
    }
    campaign = campaign_file.load(served)
    lines = WORLD.purchases(np.array([int(customer)])).to_pylist()
    since = (THEN - dt.timedelta(days=365)).replace(tzinfo=None)
    bought = [line["product"] for line in lines if line["bought_at"] >= since]
    with database.connect(campaign, at=THEN) as data:
        people = data.table("customers")
        for gap in told.gaps:
            column = basket.column_of(gap.product)
            query = f'SELECT "{column}" FROM {people.view} WHERE customer_id = {customer}'
            assert data.rows(query) == [(pytest.approx(gap.gap) if gap.gap is not None else None,)]
            assert gap.held == (gap.product in bought)
            assert gap.bought == len(set(bought))
            assert {item.product for item in gap.items} <= set(bought)
            if len(gap.items) == gap.bought:
                assert sum(item.part for item in gap.items) == pytest.approx(gap.gap)
    assert not any("other gaps" in note for note in told.notes)


@pytest.mark.long
def test_explain_says_where_the_purchases_tell_of_another_basket_today(copy: Path) -> None:
    rows = "".join(
        f"({c}, 'product 1{p}', TIMESTAMP '2025-12-2{d}'),"
        for c in (7, 8) for p in range(6) for d in range(9)
    )  # fmt: skip
    _change(copy, f"INSERT INTO purchases VALUES {rows[:-1]}")
    notes = [n for c in ("7", "8") for n in explain(copy, customer=c, wave="w2").notes]
    assert any("other gaps today than this wave saw" in note for note in notes)
    (copy / "customers.duckdb").rename(copy / "gone.duckdb")
    told = explain(copy, customer="7", wave="w2")
    assert told.gaps == []
    assert any("bought before the wave cannot be asked" in note for note in told.notes)


def test_a_new_offer_of_a_known_product_has_the_gap_from_the_first_day(copy: Path) -> None:
    _edit(
        copy, '[[offer]]\nname = "coupon_0"',
        '[[offer]]\nname = "fresh"\nfeatures = { product = "product 01" }\n'
        '[[offer]]\nname = "coupon_0"',
    )  # fmt: skip
    told = serve_batch(copy, wave="w3", at=THEN + FORTNIGHT)
    assert not any("changed since snapshot" in note for note in told.notes)
    customer = str(
        campaigns.decisions(copy, "w3").filter(pl.col("offer") == "fresh")["customer_id"][0]
    )
    assert explain(copy, customer=customer, wave="w3").slots[0].parts["gap"] != 0.0


def test_a_new_product_is_told_and_one_that_is_gone_is_of_nobody(copy: Path) -> None:
    _edit(copy, '"product 00"', '"product 09"')
    told = serve_batch(copy, wave="w3", at=THEN + FORTNIGHT)
    assert any("gap_product 09" in note and "decided without" in note for note in told.notes)
    assert not any("changed since snapshot" in note for note in told.notes)
    assert told.offers["coupon_0"] > 0


def test_candidates_are_judged_with_their_gaps(copy: Path) -> None:
    text = (copy / "campaign.toml").read_text()
    for policy in ("lin_ts", "snapshot"):
        text += f'\n[[simulate.candidate]]\npolicy = "{policy}"\n'
    (copy / "campaign.toml").write_text(text)
    found = simulate(copy, at=THEN + 2 * FORTNIGHT)
    assert {c.name for c in found.candidates} >= {"lin_ts", "snapshot newest"}


def test_workers_make_the_same_wave_of_what_they_are_told(copy: Path, tmp_path: Path) -> None:
    with ExitStack() as stack:
        wave = Live(copy, stack, THEN + FORTNIGHT).desk.generation.wave
        (tmp_path / "job").mkdir()
        again = Job.write(tmp_path / "job", wave).wave()
        np.testing.assert_array_equal(again.posterior.mean, wave.posterior.mean)


def test_a_persons_page_tells_the_gaps(served: Path) -> None:
    traits = {t.name for t in customer_page(served, customer="7", at=THEN).traits}
    assert {"gap_product 00", "gap_product 03"} <= traits


def test_a_wave_says_by_what_it_was_made_and_other_days_begin_anew(copy: Path) -> None:
    manifest: dict[str, Any] = json.loads((copy / "waves" / "w2" / "manifest.json").read_text())
    assert manifest["features"]["config"]["basket"]["days"] == 365.0
    assert manifest["made"]["source"][0]["name"] == "purchases"
    _edit(copy, "[basket]\n", "[basket]\ndays = 30.0\n")
    told = serve_batch(copy, wave="w3", at=THEN + FORTNIGHT)
    assert any("[basket] changed since snapshot" in note for note in told.notes)


def test_older_campaigns_keep_their_digest(tmp_path: Path) -> None:
    campaigns.write(tmp_path / "campaign")
    loaded = campaign_file.load(tmp_path / "campaign")
    assert "basket" not in loaded.model_copy(update={"basket": None}).features.model_dump()
    assert loaded.digest == loaded.model_copy(update={"basket": None}).digest
