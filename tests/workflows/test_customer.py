"""One person's page: what the record and today's data say, and nothing of anybody else."""

from __future__ import annotations

import datetime as dt
import shutil
import stat
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from bandit.config import campaign_file
from bandit.core.errors import DataError
from bandit.record import waves as record
from bandit.record.decisions import Decisions
from bandit.render.customer_page import with_customer_page
from bandit.sources import database
from bandit.workflows.inspect import today
from bandit.workflows.inspect.customer import customer
from bandit.workflows.learn.learn import learn
from bandit.workflows.privacy.forget import forget
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns
from tests.campaigns import MONDAY

WEEK = dt.timedelta(days=7)
DAY = dt.timedelta(days=1)
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two waves, with a sale after a contact, one that names a customer, and a refusal."""
    made = tmp_path_factory.mktemp("campaign")
    campaigns.write(made, customers=200, pressure="slots = 2\nrefusal_days = 60.0")
    serve_batch(made, wave="w1", at=MONDAY)
    told = [
        _event("sale", 7.5, decision=_contact(made)["decision_id"]),
        _event("walk-in", 2.0, customer=_contact(made)["customer_id"]),
        _event("unsubscribe", 0.0, customer=_contact(made)["customer_id"]),
        _event("somebody else's", 99.0, customer=_contact(made, 1)["customer_id"]),
    ]
    learn(made, outcomes=campaigns.outcomes(made / "told.csv", told), at=MONDAY + WEEK)
    serve_batch(made, wave="w2", at=MONDAY + WEEK)
    return made


def _contact(folder: Path, number: int = 0) -> dict:
    rows = campaigns.decisions(folder, "w1")
    made = rows.filter((rows["placement"] == "outbound") & (rows["slot"] == 1))
    return made.filter(made["action"] > 0).row(number, named=True)


def _event(kind: str, reward: float, *, decision: str | None = None, customer=None) -> dict:
    return {
        "event_id": kind, "decision_id": decision, "customer_id": customer, "event": kind,
        "reward": reward, "occurred_at": (MONDAY + DAY).isoformat(),
    }  # fmt: skip


def test_the_time_line_is_what_the_record_has_of_the_person(folder: Path) -> None:
    contact = _contact(folder)
    page = customer(folder, customer=str(contact["customer_id"]), at=MONDAY + WEEK)
    mine = [
        row
        for wave in ("w1", "w2")
        for row in campaigns.decisions(folder, wave).iter_rows(named=True)
        if row["customer_id"] == contact["customer_id"]
    ]
    decided = [m for m in page.timeline if m.wave is not None]
    assert sorted((m.wave, m.probability) for m in decided) == sorted(
        (row["wave"], row["propensity"]) for row in mine
    )
    kinds = {m.what: m.kind for m in page.timeline if m.reward is not None}
    assert kinds == {"sale": "outcome", "walk-in": "outcome", "unsubscribe": "refusal"}
    sale = next(m for m in page.timeline if m.what == "sale")
    assert sale.why == f"after {contact['offer']} by {contact['channel']}"
    times = [m.at for m in page.timeline]
    assert times == sorted(times, reverse=True)
    assert page.words[0].startswith("refused: unsubscribe, ")
    assert page.words[0].endswith(", names the customer")
    assert page.groups["w1"] == contact["group"]


def test_what_may_be_offered_is_what_the_next_wave_would_allow(folder: Path) -> None:
    """A dry run at the same time has the same eligible set; each other pair names its rule."""
    at = MONDAY + 2 * WEEK
    wanted = str(_contact(folder)["customer_id"])
    page = customer(folder, customer=wanted, at=at)
    names = {f"{o.offer}/{o.channel}" for o in page.open}
    out = {name for pairs in page.shut.values() for name in pairs}
    space = record.waves(folder)[-1].actions
    assert names | out == set(space.names[1:])
    assert not names & out
    assert [o.worth for o in page.open] == sorted((o.worth for o in page.open), reverse=True)
    assert set(page.shut) <= {"offer rule", "no consent", "contact pressure"}
    assert page.consents["email"]
    serve_batch(folder, wave="w3", at=at)
    for rows in Decisions(folder, record.waves(folder)[-1]).glance(wanted):
        for i, placement in enumerate(rows.texts("placement")):
            if rows.numbers("slot")[i] == 1:
                allowed = {space[a] for a in rows.eligible[i].nonzero()[0] if a}
                of_list = {
                    n
                    for n in names
                    if (n.rpartition("/")[2] == "home") == (placement != "outbound")
                }
                assert allowed <= of_list


def test_traits_stand_among_all_customers(folder: Path) -> None:
    frame = campaigns.people(200)
    page = customer(folder, customer=str(frame["customer_id"][5]), at=MONDAY + WEEK)
    traits = {t.name: t for t in page.traits}
    spend = frame["spend"][5]
    assert traits["spend"].percentile == pytest.approx((frame["spend"] < spend).mean())
    region = frame["region"][5]
    assert traits["region"].value == region
    assert traits["region"].share == pytest.approx((frame["region"] == region).mean())


def test_a_key_of_nobody_is_told(folder: Path) -> None:
    for key in ("999999", "nobody"):
        with pytest.raises(DataError, match="nor does the record"):
            customer(folder, customer=key)


def test_a_page_is_private_and_obeys_nothing(tmp_path: Path) -> None:
    """What the user's data hold is shown, never run."""
    made = campaigns.write(tmp_path / "hostile", customers=20)
    frame = campaigns.people(20)
    hostile = pl.when(pl.col("region") == "north").then(pl.lit("south")).otherwise(pl.lit(SCRIPT))
    frame = frame.with_columns(region=hostile)
    campaigns.write_customers(made, frame)
    serve_batch(made, wave="w1", at=MONDAY)
    found = customer(made, customer=str(frame.filter(region=SCRIPT)["customer_id"][0]), at=MONDAY)
    page = with_customer_page(found, tmp_path / "page.html")
    assert page.page is not None
    text = page.page.read_text()
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert stat.S_IMODE(page.page.stat().st_mode) == 0o600


def test_who_was_forgotten_has_no_past(tmp_path: Path) -> None:
    made = campaigns.write(tmp_path / "campaign", customers=60)
    serve_batch(made, wave="w1", at=MONDAY)
    key = str(_contact(made)["customer_id"])
    before = campaigns.bytes_of(made)
    assert customer(made, customer=key, at=MONDAY).timeline
    assert campaigns.bytes_of(made) == before  # looking changes nothing
    forget(made, customers=[key])
    assert customer(made, customer=key, at=MONDAY).timeline == []


def test_a_glance_finds_what_a_whole_look_does(folder: Path) -> None:
    wave = record.waves(folder)[0]
    decisions = Decisions(folder, wave)
    for key in campaigns.decisions(folder, "w1")["customer_id"].unique().to_list()[::40]:
        found = [id_ for rows in decisions.glance(str(key)) for id_ in rows.ids.to_pylist()]
        rows = campaigns.decisions(folder, "w1")
        assert found == rows.filter(rows["customer_id"] == key)["decision_id"].to_list()
    assert list(decisions.glance("no number")) == []


def test_a_refusal_of_the_same_day_closes_what_may_be_offered_now(
    folder: Path, tmp_path: Path
) -> None:
    """As in a wave of that day: the page is of now, though its data are as of midnight."""
    copy = Path(shutil.copytree(folder, tmp_path / "campaign"))
    key = str(_contact(copy, 3)["customer_id"])
    today = MONDAY + 2 * WEEK
    assert "email" in {offer.channel for offer in customer(copy, customer=key, at=today).open}
    said = _event("unsubscribe", 0.0, customer=int(key))
    said |= {"event_id": "today", "occurred_at": (today + DAY * 0.8).isoformat()}
    learn(copy, outcomes=campaigns.outcomes(copy / "today.csv", [said]), at=today + DAY)
    page = customer(copy, customer=key, at=today)
    assert {offer.channel for offer in page.open} == {"home"}, "which puts nobody under pressure"
    assert "music/email" in page.shut["contact pressure"]


def test_a_row_that_a_wave_would_refuse_is_told_with_the_past(tmp_path: Path) -> None:
    """A key that stands twice: the record still speaks, today's data do not."""
    made = campaigns.write(tmp_path / "campaign", customers=60)
    serve_batch(made, wave="w1", at=MONDAY)
    frame = campaigns.people(60)
    campaigns.write_customers(made, pl.concat([frame, frame[:1]]))
    page = customer(made, customer=str(frame["customer_id"][0]), at=MONDAY)
    assert page.timeline
    assert page.open == []
    assert "the key stands more than once" in "\n".join(page.notes)


def test_percentiles_of_a_sample_are_the_same_whenever_they_are_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(today, "SAMPLE", 8_000)
    ages = np.random.default_rng(1).normal(50.0, 20.0, 40_000)
    people = pl.DataFrame({"customer_id": range(40_000), "age": ages})
    people.write_parquet(tmp_path / "customers.parquet", row_group_size=4_096)
    (tmp_path / "campaign.toml").write_text(
        '[customers]\nsource = "customers.parquet"\n[features]\nnumeric = ["age"]\n'
        '[[channel]]\nname = "email"\n[[offer]]\nname = "one"\n'
    )
    found = set()
    for threads in (1, 2, 4, 2):
        with database.connect(campaign_file.load(tmp_path), threads=threads) as data:
            view = data.table("customers").view
            found.add(today._counts(data, view, {"age": "age"}, {"age": 50.0}, {"age"})["age"])
    (share,) = found
    assert share == pytest.approx(0.5, abs=0.05)
