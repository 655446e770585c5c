"""[[score]] from the campaign's file to decisions: checked, learned, served, judged, explained."""

from __future__ import annotations

import datetime as dt
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from bandit.config import campaign_file
from bandit.core.errors import ConfigError, DataError
from bandit.workflows.inspect.explain import explain
from bandit.workflows.judge.simulate import simulate
from bandit.workflows.learn.learn import learn
from bandit.workflows.serve.job import Job
from bandit.workflows.serve.serve_batch import serve_batch
from bandit.workflows.start.check import check
from bandit.worlds import World
from tests import campaigns
from tests.campaigns import MONDAY
from tests.lives import DAY, Live

WORLD = World(900, offers=4, channels=2, seed=5, scores=3)
WEEK = dt.timedelta(days=7)
FORTNIGHT = dt.timedelta(days=14)


def _change(folder: Path, sql: str) -> None:
    with duckdb.connect(str(folder / "customers.duckdb")) as connection:
        connection.execute(sql)


def _write(folder: Path, sql: str | None = None) -> Path:
    WORLD.write(folder)
    if sql is not None:
        _change(folder, sql)
    return folder


def _served(folder: Path) -> Path:
    """A wave of chance, what was learned of it, and the wave that follows."""
    serve_batch(folder, wave="w1", at=WORLD.origin)
    table = pq.read_table(next((folder / "waves" / "w1").glob("decisions-*.parquet")))
    pq.write_table(WORLD.respond(table, WORLD.origin), folder / "o.parquet")
    learn(folder, outcomes=folder / "o.parquet", at=WORLD.origin + FORTNIGHT)
    serve_batch(folder, wave="w2", at=WORLD.origin + FORTNIGHT)
    return folder


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _served(_write(tmp_path_factory.mktemp("scores") / "campaign"))


def _model(folder: Path, where: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / where / "manifest.json").read_text())["model"]
    return found


def test_a_snapshot_says_what_scores_weigh_and_the_wave_is_served_by_it(served: Path) -> None:
    told = _model(served, "snapshots/000001")["scores"]
    assert told["weight"] > 0.0
    assert _model(served, "waves/w2")["scores"] == told


def test_any_rising_map_of_a_score_gives_the_same_decisions(served: Path, tmp_path: Path) -> None:
    other = _write(
        tmp_path / "campaign",
        "UPDATE customers SET score_data_plus = exp(9 * score_data_plus) - 40,"
        " score_fibre_plus = 1000 * score_fibre_plus ** 3",
    )
    _served(other)
    for wave in ("w1", "w2"):
        one, two = (campaigns.decisions(f, wave).drop("decision_id") for f in (served, other))
        assert one.drop("features").equals(two.drop("features"))
        np.testing.assert_array_equal(
            np.stack(one["features"].to_list()), np.stack(two["features"].to_list())
        )


def test_the_batch_size_and_the_threads_change_no_byte(served: Path, tmp_path: Path) -> None:
    other = _write(tmp_path / "campaign")
    for wave, at in (("w1", WORLD.origin), ("w2", WORLD.origin + FORTNIGHT)):
        serve_batch(other, wave=wave, at=at, batch_size=97, threads=1)
        if wave == "w1":
            learn(other, outcomes=served / "o.parquet", at=WORLD.origin + FORTNIGHT)
        files = [next((f / "waves" / wave).glob("decisions-*.parquet")) for f in (served, other)]
        assert files[0].read_bytes() == files[1].read_bytes()


def test_explain_says_what_of_a_mean_comes_from_scores(served: Path) -> None:
    wave = campaigns.decisions(served, "w2")
    row = wave.filter((pl.col("offer") == "fibre_plus") & (pl.col("group") == "lin_ts"))
    customer = str(row["customer_id"][0])
    slot = explain(served, customer=customer, wave="w2").slots[0]
    taken = next(c for c in slot.contenders if (c.offer, c.channel) == (slot.offer, slot.channel))
    assert taken.probability == pytest.approx(slot.propensity, abs=2e-6)
    assert set(slot.parts) == {"shared", "own", "score"}
    assert sum(slot.parts.values()) == pytest.approx(taken.mean, abs=1e-9)
    assert slot.parts["score"] != 0.0


def test_candidates_are_judged_with_their_scores(served: Path) -> None:
    text = (served / "campaign.toml").read_text()
    for policy in ("lin_ts", "snapshot", "rules"):
        text += f'\n[[simulate.candidate]]\npolicy = "{policy}"\n'
    (served / "campaign.toml").write_text(text)
    found = simulate(served, at=WORLD.origin + 3 * FORTNIGHT)
    assert {c.name for c in found.candidates} >= {"lin_ts", "snapshot newest"}


def _wishes(folder: Path) -> Path:
    """The small campaign, where a model elsewhere says who wants which offer."""
    more = ""
    for offer, column in (("music", "wish"), ("fibre", "need"), ("music", "need_too")):
        more += f'\n[[score]]\ncolumn = "{column}"\noffer = "{offer}"\n'
    campaigns.write(folder, customers=400, more=more)
    rng = np.random.default_rng(4)
    names = ("wish", "need", "need_too")
    people = campaigns.people(400).with_columns(pl.Series(n, rng.random(400)) for n in names)
    campaigns.write_customers(folder, people)
    serve_batch(folder, wave="w1", at=MONDAY - FORTNIGHT)
    sold = campaigns.decisions(folder, "w1").filter(pl.col("channel") == "email")
    rows = [
        {"event_id": d, "decision_id": d, "reward": 5.0 + i % 3, "occurred_at": "2026-10-20"}
        for i, d in enumerate(sold["decision_id"])
    ]
    learn(folder, outcomes=campaigns.outcomes(folder / "o.csv", rows), at=MONDAY)
    return folder


def test_a_live_decision_is_that_of_the_wave(tmp_path: Path) -> None:
    folder = _wishes(tmp_path / "live")
    twin = _wishes(tmp_path / "batch")
    serve_batch(twin, wave=DAY, at=MONDAY)
    frame = campaigns.decisions(twin, DAY).filter(pl.col("placement") == "home")
    wanted = {(c, s): (o, p) for c, s, o, p in frame.select(
        "customer_id", "slot", "offer", "propensity"
    ).rows()}  # fmt: skip
    with ExitStack() as stack:
        live = Live(folder, stack)
        for customer in sorted({customer for customer, _ in wanted})[:60]:
            for pick in live.ask(customer, "outbound", "home").placements[1].picks:
                assert (pick.offer, pick.propensity) == wanted[customer, pick.rank]


def test_workers_make_the_same_wave_of_what_they_are_told(tmp_path: Path) -> None:
    folder = _wishes(tmp_path / "campaign")
    with ExitStack() as stack:
        wave = Live(folder, stack).desk.generation.wave
        assert "scores" in wave.model
        (tmp_path / "job").mkdir()
        again = Job.write(tmp_path / "job", wave).wave()
        np.testing.assert_array_equal(again.posterior.mean, wave.posterior.mean)


def test_a_score_from_after_the_wave_began_is_refused_counted_and_named(tmp_path: Path) -> None:
    folder = _write(
        tmp_path / "campaign",
        "UPDATE customers SET scored_at = TIMESTAMP '2027-01-01' WHERE customer_id = 17",
    )
    told = serve_batch(folder, wave="w1", at=WORLD.origin)
    assert told.rejected == 1
    (row,) = pl.read_parquet(folder / "waves" / "w1" / "rejects.parquet").to_dicts()
    assert (row["key"], row["column"]) == ("17", "scored_at")
    assert "computed after the wave began" in row["reason"]
    assert 17 not in campaigns.decisions(folder, "w1")["customer_id"].to_list()
    warnings = " ".join(check(folder, at=WORLD.origin).warnings)
    assert "1 of 900 customers refused" in warnings
    with pytest.raises(DataError, match="no score is known to be computed before the wave began"):
        check(_write(tmp_path / "b", "UPDATE customers SET scored_at = NULL"), at=WORLD.origin)


def test_who_has_no_score_is_served_without_and_counted(tmp_path: Path) -> None:
    folder = _write(
        tmp_path / "campaign",
        "UPDATE customers SET score_data_plus = NULL WHERE customer_id % 9 = 0",
    )
    told = serve_batch(folder, wave="w1", at=WORLD.origin)
    assert told.rejected == 0
    assert any("100 of 900 customers have none" in note for note in told.notes)


def test_without_known_at_check_says_that_nobody_can_know(tmp_path: Path) -> None:
    folder = _write(tmp_path / "campaign")
    file = folder / "campaign.toml"
    file.write_text(file.read_text().replace('known_at = "scored_at"\n', "", 1))
    warnings = check(folder, at=WORLD.origin).warnings
    assert sum("known_at" in warning for warning in warnings) == 1


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('offer = "data_plus"', 'offer = "date_plus"', "unknown offer 'date_plus'.*data_plus"),
        ('offer = "data_plus"', "", "name the offer that it speaks of"),
        ('offer = "data_plus"', 'offers = ["data_plus", "data_plus"]', "an offer twice"),
        ('column = "score_device_plus"', 'column = "score_data_plus"', "stands twice"),
        ('column = "score_device_plus"', 'column = "age"', "stands in \\[features\\] too"),
        ('known_at = "scored_at"', 'known_at = "age"', "listed as no date"),
        ('known_at = "scored_at"', 'known_at = "score_data_plus"', "known_at is another column"),
        ("[consents]", "[model]\nshare = false\n[consents]", "by what they share"),
        ("score_data_plus", "score_data", "score_data"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    folder = _write(tmp_path / "campaign")
    file = folder / "campaign.toml"
    file.write_text(file.read_text().replace(old, new, 1))
    with pytest.raises(ConfigError, match=said):
        check(folder, at=WORLD.origin)


def test_older_campaigns_keep_their_digest(tmp_path: Path) -> None:
    campaigns.write(tmp_path / "campaign")
    loaded = campaign_file.load(tmp_path / "campaign")
    assert "score" not in loaded.model_copy(update={"score": ()}).features.model_dump()
    assert loaded.digest == loaded.model_copy(update={"score": ()}).digest
