"""One person's page: what the record and today's data say, and nothing of anybody else."""

from __future__ import annotations

import datetime as dt
import io
import json
import shutil
import stat
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest
from rich.console import Console

from bandit.config import campaign_file
from bandit.core.errors import DataError
from bandit.record import waves as record
from bandit.record.decisions import Decisions
from bandit.render.customer_page import with_customer_page
from bandit.render.customer_tables import customer_tables
from bandit.results.customer import CustomerPage, Open
from bandit.sources import database
from bandit.workflows.inspect import pressed, today
from bandit.workflows.inspect.customer import customer
from bandit.workflows.inspect.explain import explain
from bandit.workflows.learn.learn import learn
from bandit.workflows.privacy.export_customer import export_customer
from bandit.workflows.privacy.forget import forget
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns
from tests.campaigns import MONDAY
from tests.lives import Live

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
    assert page.words[0].endswith(", names the customer (told.csv, delivery 1)")
    assert {m.source for m in page.timeline if m.wave is None} == {"told.csv, delivery 1"}
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
    page = customer(made, customer=key, at=MONDAY)
    assert page.words == [f"forgotten on {page.forgotten}: the record holds nothing of them"]
    empty = [page.timeline, page.traits, page.open, page.shut, page.groups, page.limits, page.said]
    assert not any(empty)
    (line,) = (made / "forgotten.jsonl").read_text().splitlines()
    assert json.loads(line).keys() == {"on", "salt", "digest"}, "no key"
    other = str(_contact(made)["customer_id"])
    assert customer(made, customer=other, at=MONDAY).forgotten is None
    with pytest.raises(DataError, match="nobody was forgotten"):
        forget(made, customers=[key])
    gone = f"forgotten on {page.forgotten}: what came before is gone"
    with pytest.raises(DataError, match=rf"has no decision in any wave of .*; {gone}$"):
        explain(made, customer=key)
    assert export_customer(made, customer=key).notes[0] == gone
    serve_batch(made, wave="w2", at=MONDAY + WEEK)  # their own table still holds them
    assert f"{gone}; they are customers again since" in explain(made, customer=key).notes
    again = customer(made, customer=key, at=MONDAY + WEEK)
    assert again.forgotten == page.forgotten
    assert customer(made, customer=f" {key}", at=MONDAY + WEEK) == again
    assert "customers again since" in again.words[0]
    assert {m.wave for m in again.timeline} == {"w2"}


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


PRESSURE = """slots = 2
max_contacts = 2
per_days = 30.0
quiet_days = 3.0
same_offer_days = 20.5
refusal_days = 45.0"""


def test_limits_say_what_is_used_and_the_day_that_opens_them(tmp_path: Path) -> None:
    """On the day named a wave at the same time no longer shuts what it shut on the day before."""
    made = campaigns.write(tmp_path / "campaign", customers=60, pressure=PRESSURE)
    serve_batch(made, wave="w1", at=MONDAY)
    contact = _contact(made, 2)
    key = str(contact["customer_id"])
    told = [_event("unsubscribe", 0.0, decision=contact["decision_id"])]
    learn(made, outcomes=campaigns.outcomes(made / "told.csv", told), at=MONDAY + WEEK)
    page = customer(made, customer=key, at=MONDAY + 2 * DAY)
    had = campaigns.decisions(made, "w1").filter(
        pl.col("customer_id") == contact["customer_id"], pl.col("placement") == "outbound",
        pl.col("action") > 0,
    )  # fmt: skip
    found = {(one.rule, one.of): one for one in page.limits}
    cap = found["pressure.max_contacts", "all channels"]
    assert (cap.used, cap.limit, cap.days) == (len(had), 2, 30.0)
    assert {of for rule, of in found if rule == "pressure.same_offer_days"} == {*had["offer"]}
    assert page.contacts_left == 0, "within the quiet days"
    for (rule, of), one in found.items():
        if one.until is None:
            continue
        last = dt.datetime.fromisoformat(one.until).replace(tzinfo=dt.UTC) - DAY
        (before, after) = (
            {(o.rule, o.of): o.until for o in customer(made, customer=key, at=at).limits}
            for at in (last, last + DAY)
        )
        assert before[rule, of] == one.until
        assert after.get((rule, of)) is None
    assert found["pressure.quiet_days", "all channels"].until == "2026-11-05"
    assert found["pressure.same_offer_days", contact["offer"]].until == "2026-11-23"
    closed = {of for rule, of in found if rule == "pressure.refusal_days"}
    assert closed == {"fibre, cable"}, "one family"
    refused = found["pressure.refusal_days", "fibre, cable"]
    opens = dt.datetime.fromisoformat(str(refused.until)).replace(tzinfo=dt.UTC)
    shut = [
        customer(made, customer=key, at=at).shut.get("contact pressure", [])
        for at in (opens - DAY, opens)
    ]
    assert any(name.startswith(f"{contact['offer']}/") for name in shut[0])
    assert not any(name.startswith(f"{contact['offer']}/") for name in shut[1])


def test_limits_are_those_of_the_rule_of_waves() -> None:
    """Of random contacts: the day named is the first that the rule itself finds open."""
    rng = np.random.default_rng(5)
    for _ in range(200):
        days, most = float(rng.choice([1.0, 2.5, 7.0, 30.0])), int(rng.integers(1, 4))
        ages = np.sort(rng.uniform(0.0, days, most + 2).astype(np.float32))
        later = pressed._days_until(ages, most, days)

        def closed(n: int, ages=ages, days=days, most=most) -> bool:
            return int(((ages + np.float32(n)) < days).sum()) >= most

        assert closed(later - 1)
        assert not closed(later)


def test_outcomes_are_counted_by_kind(tmp_path: Path) -> None:
    made = campaigns.write(tmp_path / "campaign", customers=60)
    serve_batch(made, wave="w1", at=MONDAY)
    contact = _contact(made)
    told = [
        _event(kind, reward, decision=contact["decision_id"]) | {"event_id": str(number)}
        for number, (kind, reward) in enumerate(
            [("delivered", 0.0), ("opened", 0.0), ("opened", 0.0), ("sale", 7.5), ("sale", 5.0)]
        )
    ]
    learn(made, outcomes=campaigns.outcomes(made / "told.csv", told), at=MONDAY + WEEK)
    page = customer(made, customer=str(contact["customer_id"]), at=MONDAY + WEEK)
    assert [(k.event, k.count, k.reward) for k in page.outcomes] == [
        ("sale", 2, 12.5), ("opened", 2, 0.0), ("delivered", 1, 0.0)
    ]  # fmt: skip
    assert "2 sale worth 12.50" in "\n".join(page.words)


def test_a_consent_tells_where_it_stands(tmp_path: Path) -> None:
    made = campaigns.write(tmp_path / "campaign", customers=6)
    campaigns.consent(made, "customer_id = 10 AND channel = 'email'", granted=False)
    with duckdb.connect(made / "customers.duckdb") as data:
        data.execute("DELETE FROM consents WHERE customer_id = 17")
    said = set()
    for key in campaigns.people(3)["customer_id"].to_list():
        page = customer(made, customer=str(key), at=MONDAY)
        said |= {(page.consents["email"], page.said["email"])}
    table = database.connect(campaign_file.load(made), roles=("consents",))
    with table as data:
        column = f"{data.table('consents').called}, column 'granted'"
    assert said == {
        (True, column), (False, f"refused by {column}"),
        (False, f"no row in {column.partition(', column')[0]}"),
    }  # fmt: skip


def test_what_stands_for_others_lies_evenly_in_what_was_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A column that grows with the key, as the days since somebody came do."""
    file = tmp_path / "variables.parquet"
    served = pl.DataFrame({"customer_id": range(100_000), "since": range(100_000)})
    served.write_parquet(file, row_group_size=1_000)
    assert today._some(file, ["since"]).num_rows == 100_000
    monkeypatch.setattr(today, "SAMPLE", 5_000)
    some = today._some(file, ["since"])["since"].to_numpy()
    assert len(some) == today.LEAST_GROUPS * 1_000
    for share in (0.1, 0.5, 0.9):
        assert (some < share * 100_000).mean() == pytest.approx(share, abs=0.5 / today.LEAST_GROUPS)
    monkeypatch.setattr(today, "SAMPLE", 30_000)
    assert today._some(file, ["since"]).num_rows == 30_000


def test_a_refusal_of_today_opens_on_the_day_that_is_told(tmp_path: Path) -> None:
    """It is later than today's midnight: a wave takes it as made now, the days of it are its own.

    What it closes is the family: of two refusals each of the offers opens after the later one.
    """
    zone = "Europe/Berlin"
    made = campaigns.write(tmp_path / "campaign", customers=60, pressure=PRESSURE)
    config = made / "campaign.toml"
    config.write_text(config.read_text().replace("seed = 11", f'seed = 11\ntime_zone = "{zone}"'))
    start = dt.datetime(2026, 10, 18, 22, tzinfo=dt.UTC)  # the clocks are put back a week later
    serve_batch(made, wave="w1", at=start)
    contact = _contact(made, 2)
    key = str(contact["customer_id"])
    told = [
        _event("unsubscribe", 0.0, decision=contact["decision_id"])
        | {"event_id": str(day), "occurred_at": (start + (day + 0.8) * DAY).isoformat()}
        for day in (5, 7)
    ]
    learn(made, outcomes=campaigns.outcomes(made / "told.csv", told), at=start + 8 * DAY)
    page = customer(made, customer=key, at=dt.datetime(2026, 10, 25, 23, tzinfo=dt.UTC))
    (until,) = {one.until for one in page.limits if one.rule == "pressure.refusal_days"}
    assert until == "2026-12-11", "45 days after the evening of 2026-10-26"
    opens = dt.datetime(2026, 12, 10, 23, tzinfo=dt.UTC)
    for at, closed in ((opens - DAY, True), (opens, False)):
        shut = customer(made, customer=key, at=at).shut.get("contact pressure", [])
        assert {name.rpartition("/")[0] for name in shut} == (
            {"fibre", "cable"} if closed else set()
        )
    assert page.words[1].endswith("2026-10-19"), "the day there"
    text = (with_customer_page(page, tmp_path / "page.html").page or tmp_path).read_text()
    assert f"2026-10-26 00:00 {zone}" in text
    assert "2026-10-19 00:00" in text


def test_a_key_is_the_same_with_blanks_and_zeros(folder: Path) -> None:
    """Where keys are whole numbers: the page is that of the number."""
    key = str(_contact(folder)["customer_id"])
    page = customer(folder, customer=key, at=MONDAY + WEEK)
    for other in (f"0{key}", f" {key}", f"+{key}"):
        assert customer(folder, customer=other, at=MONDAY + WEEK) == page
    for odd in (f"{key}.4", f"{key}e0", "-" + key, ""):
        with pytest.raises(DataError):
            customer(folder, customer=odd, at=MONDAY + WEEK)


def test_what_was_delivered_of_somebody_forgotten_is_no_wave(tmp_path: Path) -> None:
    made = campaigns.write(tmp_path / "campaign", customers=60, pressure=PRESSURE)
    serve_batch(made, wave="w1", at=MONDAY)
    key = _contact(made)["customer_id"]
    forget(made, customers=[f" {key}"])
    late = _event("walk-in", 2.0, customer=key)
    told = campaigns.outcomes(made / "told.csv", [late])
    learn(made, outcomes=told, at=MONDAY + WEEK, no_events=True)
    page = customer(made, customer=f"0{key}", at=MONDAY + WEEK)
    assert page.words[0].endswith(
        "no wave decided for them since, but what was delivered since names them again"
    )
    assert [k.event for k in page.outcomes] == ["walk-in"]


def test_no_contact_is_left_where_everything_is_shut(tmp_path: Path) -> None:
    made = campaigns.write(tmp_path / "campaign", customers=60)
    key = str(campaigns.people(60)["customer_id"][4])
    assert customer(made, customer=key, at=MONDAY).contacts_left == 2
    campaigns.consent(made, f"customer_id = {key}", granted=False)
    page = customer(made, customer=key, at=MONDAY)
    assert page.contacts_left == 0
    assert {offer.channel for offer in page.open} == {"home"}


def test_who_has_no_value_is_a_customer_too(tmp_path: Path) -> None:
    """As of all customers, those of whom nothing is known among them."""
    made = campaigns.write(tmp_path / "campaign", customers=100)
    rows = pl.int_range(100)
    frame = campaigns.people(100).with_columns(
        region=pl.when(rows < 10).then(pl.lit("north")), age=pl.when(rows < 20).then(rows * 1.0)
    )
    campaigns.write_customers(made, frame)
    page = customer(made, customer=str(frame["customer_id"][9]), at=MONDAY)
    traits = {trait.name: trait for trait in page.traits}
    assert traits["region"].share == pytest.approx(0.1)
    assert traits["age"].percentile == pytest.approx(0.09)


def test_a_text_in_another_spelling_is_who_was_forgotten(tmp_path: Path) -> None:
    """Blanks around a key tell nobody apart; another case does."""
    made = campaigns.write(tmp_path / "campaign", customers=60)
    with duckdb.connect(made / "customers.duckdb") as data:
        for table in ("customers", "consents"):
            text = "ALTER customer_id TYPE VARCHAR USING 'K' || customer_id"
            data.execute(f"ALTER TABLE {table} {text}")
    serve_batch(made, wave="w1", at=MONDAY)
    key = str(_contact(made)["customer_id"])
    forget(made, customers=[f"{key} "])
    page = customer(made, customer=f" {key}", at=MONDAY)
    assert page.words == [f"forgotten on {page.forgotten}: the record holds nothing of them"]
    with pytest.raises(DataError, match="no customer has"):
        customer(made, customer=key.lower(), at=MONDAY)
    serve_batch(made, wave="w2", at=MONDAY + WEEK)
    again = customer(made, customer=key, at=MONDAY + WEEK)
    assert {m.wave for m in again.timeline} == {"w2"}
    assert customer(made, customer=f" {key}", at=MONDAY + WEEK) == again


def test_what_was_decided_live_and_waits_is_told(tmp_path: Path) -> None:
    with ExitStack() as stack:
        people = campaigns.people(8)["customer_id"].to_list()
        live = Live(campaigns.write(tmp_path / "live"), stack)
        for key in people:
            live.ask(key, "outbound")
        live.write()
    told = customer(tmp_path / "live", customer=str(people[0]), at=MONDAY).notes
    assert "live decisions that are no wave yet" in told[-1]


def test_a_list_of_who_was_forgotten_that_is_no_file_is_told(tmp_path: Path) -> None:
    """Before anybody is erased: an erasure that cannot end stops every command."""
    made = campaigns.write(tmp_path / "campaign", customers=60)
    serve_batch(made, wave="w1", at=MONDAY)
    key = str(_contact(made)["customer_id"])
    (made / "forgotten.jsonl").mkdir()
    before = campaigns.bytes_of(made)
    for asked in (lambda: customer(made, customer=key), lambda: forget(made, customers=[key])):
        with pytest.raises(DataError, match=r"forgotten\.jsonl cannot be read"):
            asked()
    assert {p: b for p, b in campaigns.bytes_of(made).items() if p in before} == before
    (made / "forgotten.jsonl").rmdir()
    forget(made, customers=[key])
    lines = (made / "forgotten.jsonl").read_bytes()
    (made / "forgotten.jsonl").write_bytes(b'\xff\n[]\n{"on": 1}\n{"salt": 3}\n' + lines[:-1])
    assert customer(made, customer=key, at=MONDAY).forgotten
    (made / "forgotten.jsonl").write_bytes(lines[: len(lines) // 2])
    page = customer(made, customer=key, at=MONDAY)
    assert page.forgotten is None
    (told,) = [note for note in page.notes if "forgotten.jsonl" in note]
    assert "line 1 is not as forget writes them" in told
    with pytest.raises(DataError, match=r"hold anything of them; .*line 1 is not"):
        customer(made, customer="nobody", at=MONDAY)


@pytest.mark.parametrize("better", [0, 3, 8, 11, 20])
def test_no_contact_stands_where_it_belongs_among_offers(better: int) -> None:
    """Also where more offers are worth more than it than a terminal shows."""
    offers = [Open(f"o{i}", "email", 1.0, 1.0, 0.0, 0.0, float(20 - i)) for i in range(20)]
    page = CustomerPage(
        customer="1", campaign="c", unit="EUR", at="2026-11-02T00:00:00+00:00", words=[],
        consents={}, prefers=[], open=offers, peace=20.5 - better, shut={}, timeline=[], traits=[],
        segments=[], groups={},
    )  # fmt: skip
    text = io.StringIO()
    Console(width=200, file=text).print(customer_tables(page))
    lines = [x.split() for x in text.getvalue().splitlines() if x.strip()]
    rows = lines[1 + [x[0] for x in lines].index("offer") :]
    first = [int(x[1]) if x[0] == "and" else x[0] for x in rows]
    place, before, after = first.index("no"), 0, 0
    for i, row in enumerate(first):
        told = row if isinstance(row, int) else int(row != "no")
        before, after = before + told * (i < place), after + told * (i > place)
    assert (before, after) == (better, 20 - better)


@pytest.mark.parametrize("name", ["waves/w1/decisions-0000.parquet", "outcomes/*/events.parquet"])
@pytest.mark.parametrize("harm", [lambda raw: raw + bytes(100), lambda raw: bytes(len(raw))])
def test_a_damaged_file_that_is_only_looked_into_is_named(
    folder: Path, tmp_path: Path, name: str, harm: Callable[[bytes], bytes]
) -> None:
    """It is not held against its digest, unless it does not read."""
    copied = tmp_path / "copied"
    shutil.copytree(folder, copied)
    (path,) = copied.glob(name)
    path.write_bytes(harm(path.read_bytes()))
    with pytest.raises(DataError, match=rf"{path.parent.name}/{path.name} is damaged: its sha256"):
        customer(copied, customer=str(_contact(folder)["customer_id"]), at=MONDAY + 2 * WEEK)
