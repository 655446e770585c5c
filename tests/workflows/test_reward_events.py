"""Kinds of events: each worth its own money, by the record of its wave, everywhere alike."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from bandit.config import campaign_file
from bandit.core.errors import ConfigError, DataError
from bandit.core.types import SILENT
from bandit.models.kinds import Composed, split
from bandit.models.posterior import Posterior
from bandit.models.posterior_file import load_posterior
from bandit.record import waves as record
from bandit.runners import engine
from bandit.workflows.inspect.customer import customer
from bandit.workflows.inspect.explain import explain
from bandit.workflows.inspect.report import report
from bandit.workflows.inspect.roi import roi
from bandit.workflows.judge.bench import Bench
from bandit.workflows.judge.own_waves import read, usable
from bandit.workflows.judge.simulate import simulate
from bandit.workflows.learn.learn import learn
from bandit.workflows.live.frames import Outcome
from bandit.workflows.live.seal import seal
from bandit.workflows.privacy.export_customer import export_customer
from bandit.workflows.privacy.forget import forget
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns
from tests.campaigns import MONDAY
from tests.journeys import twin
from tests.lives import DAY, Live
from tests.runners.clusters import Twice

WEEK = dt.timedelta(days=7)
CANDIDATES = """
[[simulate.candidate]]
policy = "rules"
[[simulate.candidate]]
policy = "lin_ts"
[[simulate.candidate]]
policy = "snapshot"
version = "000002"
decides = "lin_ts"
"""
CENT = 0.005
EVENTS = """
no_contact_value = 15.0
[reward.events]
Sale = "value"
gift = "margin"
refusal = -8.0
click = 0
basket = "reward"
[model]
columns = ["margin"]
"""


def write(folder: Path, events: str = EVENTS, *, slots: int = 1) -> Path:
    """Three offers of a value and a margin each."""
    campaigns.write(folder, customers=200, pressure=f"slots = {slots}")
    text = (folder / "campaign.toml").read_text()
    text = text.replace('value = "1 + spend / 100"', "value = 20.0\nfeatures = { margin = 4 }")
    for name, value, margin in (("fibre", 30.0, 9.5), ("cable", 12.0, 2.25)):
        given = f'name = "{name}"\nvalue = {value}\nfeatures = {{ margin = {margin} }}\n'
        text = text.replace(f'name = "{name}"\n', given)
    (folder / "campaign.toml").write_text(text.replace("window_days = 7.0\n", _section(events)))
    return folder


def _section(events: str) -> str:
    return "window_days = 7.0\n" + events


def change(folder: Path, old: str, new: str) -> None:
    file = folder / "campaign.toml"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def events_of(folder: Path, wave: str, seed: int = 0) -> list[dict[str, Any]]:
    """Kinds in several spellings, some by decision and some by customer, some without a worth."""
    rng = np.random.default_rng(seed)
    kinds = ["sale", "SALE ", "refusal", "Refusal", "click", "gift", "basket", "opened", None]
    rows: list[dict[str, Any]] = []
    for i, row in enumerate(campaigns.decisions(folder, wave).iter_rows(named=True)):
        for j in range(int(rng.integers(0, 3)) if rng.random() < 0.4 else 0):
            named = "decision_id" if rng.random() < 0.7 else "customer_id"
            late = " 10:00:00" if rng.random() < 0.9 else " 23:00:00"
            day = "2026-11-04" if late == " 10:00:00" else "2027-03-04"
            rows.append({
                "event_id": f"{wave}-{i}-{j}", named: row[named],
                "event": kinds[int(rng.integers(len(kinds)))],
                "reward": float(rng.integers(0, 50)) / 4.0, "occurred_at": day + late,
            })  # fmt: skip
    return rows


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write(tmp_path_factory.mktemp("kinds") / "campaign", slots=2)
    serve_batch(folder, wave="w1", at=MONDAY)
    path = campaigns.outcomes(folder / "o.csv", events_of(folder, "w1"))
    learn(folder, outcomes=path, at=MONDAY + WEEK)
    serve_batch(folder, wave="w2", at=MONDAY + WEEK)
    return folder


def worth_of(event: dict[str, Any], row: dict[str, Any], about: dict[str, Any]) -> float:
    """An event's money after a decision, by the wave's manifest and nothing else."""
    offers = {o["name"]: o for o in about["offers"]}
    said = {k.strip().lower(): w for k, w in about["reward"]["events"].items()}
    worth = said.get(event["event"].strip().lower(), 0.0)
    if worth == "reward":
        return float(event["reward"])
    if not isinstance(worth, str):
        return float(worth)
    if row["action"] == 0 or row["withheld"]:
        return float(about["reward"]["no_contact_value"])
    offer = offers[row["offer"]]
    return float(offer["value"] if worth == "value" else offer["features"][worth])


def money_of(folder: Path, name: str) -> dict[str, float]:
    """Net money of each decision of a wave, again from the files."""
    wave = next(w for w in twin.waves(folder) if w.name == name)
    end = wave.at + WEEK
    rows = {row["decision_id"]: row for row in wave.rows.iter_rows(named=True)}
    first = {row["customer_id"]: row["decision_id"] for row in wave.first.iter_rows(named=True)}
    found = {i: 0.0 if row["withheld"] else -row["cost"] for i, row in rows.items()}
    for event in twin.events(folder):
        if not wave.at <= event["occurred_at"] < end:
            continue
        mine = event["decision_id"] or first.get(event["customer_id"])
        if mine in rows:
            found[mine] += worth_of(event, rows[mine], wave.manifest)
    return found


def test_the_money_of_a_wave_is_found_again_in_its_files(served: Path) -> None:
    """Report, page and export against a twin that knows only the record."""
    found = money_of(served, "w1")
    wave = next(w for w in twin.waves(served) if w.name == "w1")
    shown = report(served, wave="w1", at=MONDAY + 2 * WEEK)
    group = dict(wave.first.select("customer_id", "group").iter_rows())
    total: dict[str, float] = {}
    for row in wave.rows.iter_rows(named=True):
        name = group[row["customer_id"]]
        total[name] = total.get(name, 0.0) + found[row["decision_id"]]
    for earned in shown.earned:
        assert earned.realised * earned.customers == pytest.approx(total[earned.group], abs=CENT)
    told = 0
    people = {row["customer_id"] for row in wave.rows.iter_rows(named=True)}
    heard = {e["customer_id"] for e in twin.events(served) if e["customer_id"] is not None}
    for who in sorted(people & heard)[:8]:
        page = customer(served, customer=str(who), at=MONDAY + 2 * WEEK)
        exported = export_customer(served, customer=str(who))
        mine = wave.rows.filter(pl.col("customer_id") == who)
        net = sum(found[i] for i in mine["decision_id"])
        cost = mine.filter(~pl.col("withheld"))["cost"].sum()
        came = [m for m in page.timeline if m.reward is not None]
        assert sum(m.reward or 0.0 for m in came) == pytest.approx(net + cost, abs=CENT)
        assert sum(e["worth"] for e in exported.outcomes) == pytest.approx(net + cost, abs=CENT)
        told += len(came)
    assert told > 3


def test_returns_are_of_the_same_money(served: Path) -> None:
    """`roi` attributes what the twin finds, and derives the draw again without a doubt."""
    found, shown = money_of(served, "w1"), roi(served, waves=("w1",), at=MONDAY + 2 * WEEK)
    wave = next(w for w in twin.waves(served) if w.name == "w1")
    made = wave.made.filter(~pl.col("withheld"))
    gross = sum(found[i] for i in made["decision_id"]) + made["cost"].sum()
    assert shown.total is not None
    assert shown.total.attributed == pytest.approx(gross, abs=CENT)
    assert not [note for note in shown.notes if "rough" in note]


def test_candidates_are_fitted_on_kinds_of_other_folds(served: Path) -> None:
    """Each fold's learner is composed of kinds at today's worths; the log's rewards are money."""
    campaign = campaign_file.load(served)
    waves, notes = usable(campaign, MONDAY + WEEK)
    logged = read(campaign, waves, notes, SILENT)
    found, first = money_of(served, "w1"), twin.waves(served)[0].first
    mine = first.filter(~pl.col("withheld"))
    told = sum(found[i] for i in mine["decision_id"])
    # With one slot a customer and wave, what names a customer is the first slot's.
    assert logged.log.rewards.sum() == pytest.approx(told, abs=CENT)
    bench = Bench(logged, campaign, folds=3, seed=0)
    assert logged.waves is not None
    assert logged.waves.events is not None
    for f, money in enumerate(bench.posteriors(None)):
        assert isinstance(money, Composed)
        others = logged.waves.events[bench.fold != f]
        for e, part in enumerate(money.parts):
            assert getattr(part, "sums", part).reward_sum.sum() == pytest.approx(others[:, e].sum())
        worths = waves[0].worths
        assert worths is not None
        np.testing.assert_array_equal(money.weights, worths.weights)


def test_live_decisions_are_the_days_wave(tmp_path: Path) -> None:
    """The same values, expectations and propensities as the wave of the day."""
    live, batch = write(tmp_path / "live"), write(tmp_path / "batch")
    with ExitStack() as stack:
        desk = Live(live, stack)
        for who in campaigns.people(200)["customer_id"].to_list():
            desk.ask(who, "outbound", "home")
        desk.write()
    seal(live)
    serve_batch(batch, wave=DAY, at=MONDAY)
    mine, theirs = campaigns.decisions(live, DAY), campaigns.decisions(batch, DAY)
    assert mine.drop("decided_at").equals(theirs.drop("decided_at"))
    assert mine["value"].unique().to_list() == [1.0]
    assert record.waves(live)[0].worths is not None


def test_workers_leave_the_bytes_of_one_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sums of kinds by row groups, and a wave that workers make again from what they are told."""
    found = []
    for asked in (None, "spark"):
        monkeypatch.setattr(engine, "Spark", lambda *_: Twice())
        folder = write(tmp_path / str(asked) / "campaign")
        serve_batch(folder, wave="w1", at=MONDAY, engine=asked)
        path = campaigns.outcomes(tmp_path / "o.csv", events_of(folder, "w1"))
        learn(folder, outcomes=path, at=MONDAY + WEEK, engine=asked)
        serve_batch(folder, wave="w2", at=MONDAY + WEEK, engine=asked)
        found.append({p: campaigns.bytes_of(folder / p) for p in ("waves", "snapshots")})
    assert found[0] == found[1]


def test_expected_money_is_the_sum_of_its_kinds(served: Path) -> None:
    """`explain` tells each kind's money and width; they add up to the worth and its width."""
    who = campaigns.decisions(served, "w2").filter(pl.col("action") > 0)["customer_id"][0]
    for slot in explain(served, customer=str(who), wave="w2").slots:
        for c in slot.contenders:
            assert [k.kind for k in c.kinds] == ["basket", "click", "gift", "refusal", "sale"]
            assert sum(k.money for k in c.kinds) == pytest.approx(c.value * c.mean, abs=1e-9)
            assert sum(k.width**2 for k in c.kinds) == pytest.approx(c.width**2, rel=1e-6)
            assert c.width > c.drawn_width > 0.0
    row = campaigns.decisions(served, "w2").row(0, named=True)
    assert row["value"] == 1.0
    assert row["expected_value"] == pytest.approx(row["expected_reward"] - row["cost"], abs=1e-6)


def test_a_past_wave_keeps_its_worths(served: Path) -> None:
    """Another worth, a kind less and one more today: the past is as it was; w3 goes by them."""
    before = report(served, wave="w1", at=MONDAY + 2 * WEEK).earned
    again = json.loads(json.dumps(money_of(served, "w1")))
    text = (served / "campaign.toml").read_text()
    try:
        change(served, "refusal = -8.0\nclick = 0\n", "refusal = -100.0\nopened = 0.25\n")
        assert report(served, wave="w1", at=MONDAY + 2 * WEEK).earned == before
        assert money_of(served, "w1") == again
        with pytest.raises(ConfigError, match="run `bandit learn`"):
            serve_batch(served, wave="w3", at=MONDAY + 2 * WEEK)
        assert learn(served, no_events=True, at=MONDAY + 2 * WEEK).new
        serve_batch(served, wave="w3", at=MONDAY + 2 * WEEK)
        kept = record.waves(served)[-1]
        assert kept.worths is not None
        assert kept.worths.kinds == ("basket", "gift", "opened", "refusal", "sale")
        assert report(served, wave="w1", at=MONDAY + 2 * WEEK).earned == before
    finally:
        (served / "campaign.toml").write_text(text)


def test_a_new_worth_changes_no_sum_and_the_next_decisions(tmp_path: Path) -> None:
    folder = write(tmp_path / "campaign")
    serve_batch(folder, wave="w1", at=MONDAY)
    path = campaigns.outcomes(tmp_path / "o.csv", events_of(folder, "w1"))
    learn(folder, outcomes=path, at=MONDAY + WEEK)
    one = serve_batch(folder, wave="w2", at=MONDAY + WEEK, dry_run=True)
    change(folder, "refusal = -8.0", "refusal = -800.0")
    assert not learn(folder, at=MONDAY + WEEK).new
    two = serve_batch(folder, wave="w2", at=MONDAY + WEEK, dry_run=True)
    assert two.outbound.gross < one.outbound.gross
    assert two.contacted < one.contacted


def test_late_and_repeated_events_count_once_by_id(tmp_path: Path) -> None:
    """In one delivery, in two, shuffled, or corrected from another kind: the same snapshot."""
    sums = []
    for number, parts in enumerate((1, 2)):
        folder = write(tmp_path / f"campaign{number}")
        serve_batch(folder, wave="w1", at=MONDAY)
        rows = events_of(folder, "w1")
        if number:
            wrong = [{**row, "event": "sale"} for row in rows]
            learn(folder, outcomes=campaigns.outcomes(folder / "a.csv", wrong), at=MONDAY + WEEK)
            rows = rows[::-1] + rows[:5]
        for part in range(parts):
            some = campaigns.outcomes(folder / f"o{part}.csv", rows[part::parts])
            learn(folder, outcomes=some, at=MONDAY + WEEK)
        newest = sorted((folder / "snapshots").iterdir())[-1]
        sums.append((newest / "posterior.safetensors").read_bytes())
    assert sums[0] == sums[1]


def test_without_worths_the_record_is_as_before(tmp_path: Path) -> None:
    """No key of it stands in manifests or in the digest."""
    folder = campaigns.write(tmp_path / "campaign", customers=60)
    serve_batch(folder, wave="w1", at=MONDAY)
    learn(folder, no_events=True, at=MONDAY + WEEK)
    found = [p for p in folder.rglob("manifest.json") if b'"events":' in p.read_bytes()]
    assert [p for p in found if "waves" in p.parts or "snapshots" in p.parts] == []
    assert all(b'"kinds"' not in p.read_bytes() for p in folder.rglob("manifest.json"))
    assert "events" not in campaign_file.load(folder).model_dump(mode="json")["reward"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("sale = nan", "reward.events.sale"),
        ("sale = inf", "reward.events.sale"),
        ("sale = 1e400", "reward.events.sale"),
        ("sale = 1e13", "reward.events.sale"),
        ("sale = true", "reward.events.sale"),
        ("sale = [1]", "reward.events.sale"),
        ("sale = 'margn'", "a column of the offers"),
        ("sale = 1\nSALE = 2", "are one kind"),
        ("'Sale ' = 1\nsale = 2", "are one kind"),
        ("'' = 1", "reward.events"),
        ("'  ' = 1", "no kind of event"),
        ("refusal = 8.0", "nothing is to be gained by a refusal"),
        ("Unsubscribe = 'value'", "nothing is to be gained by a refusal"),
        ("a.b = 1", "reward.events.a"),
    ],
)
def test_a_worth_that_is_none_is_told(line: str, said: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "campaign", f"no_contact_value = 1.0\n[reward.events]\n{line}\n")
    with pytest.raises(ConfigError, match=said):
        campaign_file.load(folder)


def test_what_hangs_on_the_offer_wants_a_worth_in_peace(tmp_path: Path) -> None:
    folder = write(tmp_path / "campaign", '[reward.events]\nsale = "value"\n')
    with pytest.raises(ConfigError, match="no_contact_value"):
        campaign_file.load(folder)


def test_other_money_beside_a_value_of_the_customer_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "campaign")
    change(folder, "value = 20.0", 'value = "1 + spend / 100"')
    with pytest.raises(ConfigError, match=r"refusal = -8\.0: offer .music. has a value that hangs"):
        serve_batch(folder, wave="w1", at=MONDAY)


def test_values_of_the_customer_are_worth_themselves(tmp_path: Path) -> None:
    """With "value" and 0 alone: money is the row's value for each sale."""
    said = 'no_contact_value = 2.0\n[reward.events]\nsale = "value"\nclick = 0\n'
    folder = write(tmp_path / "campaign", said)
    change(folder, "value = 20.0", 'value = "1 + spend / 100"')
    serve_batch(folder, wave="w1", at=MONDAY)
    rows = campaigns.decisions(folder, "w1")
    one = rows.filter((pl.col("offer") == "music") & (pl.col("placement") == "outbound")).row(
        0, named=True
    )
    event = {"event_id": "a", "decision_id": one["decision_id"], "event": "sale", "reward": 7.0}
    told = [event | {"occurred_at": "2026-11-04 10:00:00"}]
    learn(folder, outcomes=campaigns.outcomes(tmp_path / "o.csv", told), at=MONDAY + WEEK)
    assert one["value"] > 1.0
    page = customer(folder, customer=str(one["customer_id"]), at=MONDAY + WEEK)
    assert [m.reward for m in page.timeline if m.what == "sale"] == [
        pytest.approx(one["value"], rel=1e-6)
    ]
    earned = {e.group: e for e in report(folder, wave="w1", at=MONDAY + 2 * WEEK).earned}
    costs = rows.filter(pl.col("customer_id") == one["customer_id"])["cost"].sum()
    assert costs >= 0.0
    total = sum(e.realised * e.customers for e in earned.values())
    spent = rows["cost"].sum()
    assert total == pytest.approx(one["value"] - spent, abs=CENT)


def test_kinds_are_words_and_never_paths(tmp_path: Path) -> None:
    said = "[reward.events]\n'../../gone' = 5.0\n'x; DROP TABLE events' = 1\n\"it's\" = 2\n"
    folder = write(tmp_path / "campaign", said)
    serve_batch(folder, wave="w1", at=MONDAY)
    first = campaigns.decisions(folder, "w1").filter(pl.col("action") > 0)["decision_id"][:3]
    rows = [
        {"event_id": k, "decision_id": d, "event": k, "occurred_at": "2026-11-04 10:00:00"}
        for d, k in zip(first, ("../../GONE", "x; drop table events", "it's"), strict=True)
    ]
    path = campaigns.outcomes(tmp_path / "o.csv", rows)
    learn(folder, outcomes=path, at=MONDAY + WEEK)
    serve_batch(folder, wave="w2", at=MONDAY + WEEK)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["campaign", "o.csv"]
    found = money_of(folder, "w1")
    costs = campaigns.decisions(folder, "w1")["cost"].sum()
    assert sum(found.values()) == pytest.approx(8.0 - costs, abs=CENT)
    total = sum(
        e.realised * e.customers for e in report(folder, wave="w1", at=MONDAY + WEEK).earned
    )
    assert total == pytest.approx(8.0 - costs, abs=CENT)


def test_a_delivery_of_unknown_kinds_is_refused_and_some_are_told(tmp_path: Path) -> None:
    folder = write(tmp_path / "campaign")
    serve_batch(folder, wave="w1", at=MONDAY)
    first = campaigns.decisions(folder, "w1").filter(pl.col("action") > 0)["decision_id"][:4]
    rows = [
        {"event_id": f"{i}", "decision_id": d, "event": "purchase", "reward": 3.0,
         "occurred_at": "2026-11-04 10:00:00"}
        for i, d in enumerate(first)
    ]  # fmt: skip
    path = campaigns.outcomes(tmp_path / "o.csv", rows)
    with pytest.raises(DataError, match="'purchase', and none of them a worth"):
        learn(folder, outcomes=path, at=MONDAY + WEEK)
    assert not (folder / "outcomes").exists() or not list((folder / "outcomes").glob("[!.]*"))
    rows[0]["event"], rows[1]["event"] = "sale", "sales"
    notes = " ".join(
        learn(folder, outcomes=campaigns.outcomes(tmp_path / "o.csv", rows), at=MONDAY + WEEK).notes
    )
    assert "1 event 'sales' has no worth" in notes
    assert "if they mean 'sale'" in notes
    assert "'purchase' (2)" in notes
    assert "1 event 'sale' says a reward that counts for nothing" in notes


def test_a_kind_that_was_renamed_is_told_where_nothing_else_was_heard(tmp_path: Path) -> None:
    folder = write(tmp_path / "campaign")
    for number in (1, 2):
        serve_batch(folder, wave=f"w{number}", at=MONDAY + (number - 1) * WEEK)
    first = campaigns.decisions(folder, "w1").filter(pl.col("action") > 0)["decision_id"][:4]
    rows = [
        {"event_id": f"{i}", "decision_id": d, "event": "click",
         "occurred_at": "2026-11-04 10:00:00"}
        for i, d in enumerate(first)
    ]  # fmt: skip
    path = campaigns.outcomes(tmp_path / "o.csv", rows)
    learn(folder, outcomes=path, at=MONDAY + WEEK)
    change(folder, "click = 0\n", "visit = 0\n")
    with pytest.raises(DataError, match=r"no event fell[^$]*without a worth.*'click' \(4\)"):
        learn(folder, at=MONDAY + 3 * WEEK)


def test_what_is_long_is_told_in_short(tmp_path: Path) -> None:
    folder = write(tmp_path / "campaign")
    serve_batch(folder, wave="w1", at=MONDAY)
    one, two = campaigns.decisions(folder, "w1")["decision_id"][:2]
    path, long = tmp_path / "o.csv", "s" * 200_000
    head = "event_id,decision_id,event,reward,occurred_at\n"
    for kind, reward in ((long, "1"), ("sale", long)):
        path.write_text(f"{head}a,{one},{kind},{reward},2026-11-04 10:00:00\n")
        with pytest.raises(DataError, match=r"'ssss.*[.]{3}") as caught:
            learn(folder, outcomes=path, at=MONDAY + WEEK)
        assert len(str(caught.value)) < 1000
    path.write_text(
        f"{head}a,{one},{long},1,2026-11-04 10:00:00\nb,{two},sale,1,2026-11-04 10:00:00\n"
    )
    assert max(map(len, learn(folder, outcomes=path, at=MONDAY + WEEK).notes)) < 1000


def test_a_file_of_before_has_no_kinds(tmp_path: Path) -> None:
    """Without the column every event is an 'outcome': named, it counts; else the file is told."""
    folder = write(tmp_path / "campaign")
    serve_batch(folder, wave="w1", at=MONDAY)
    one = campaigns.decisions(folder, "w1").filter(pl.col("action") > 0).row(0, named=True)
    path = tmp_path / "old.csv"
    path.write_text(
        f"event_id,decision_id,reward,occurred_at\na,{one['decision_id']},3.5,2026-11-04 10:00:00\n"
    )
    with pytest.raises(ConfigError, match="no column 'event' says what happened"):
        learn(folder, outcomes=path, at=MONDAY + WEEK)
    change(folder, "click = 0\n", 'click = 0\noutcome = "reward"\n')
    learn(folder, outcomes=path, at=MONDAY + WEEK)
    page = customer(folder, customer=str(one["customer_id"]), at=MONDAY + WEEK)
    # The wave was served before the kind had a worth.
    assert [m.reward for m in page.timeline if m.what == "outcome"] == [0.0]


def test_waves_of_before_are_judged_and_learned_beside_later_ones(tmp_path: Path) -> None:
    """Their money stays reward times value; their events teach kinds all the same."""
    folder = write(tmp_path / "campaign", "")
    change(folder, "[features]", '[model]\ncolumns = ["margin"]\n[features]')
    serve_batch(folder, wave="w1", at=MONDAY)
    told = campaigns.outcomes(tmp_path / "o.csv", events_of(folder, "w1"))
    learn(folder, outcomes=told, at=MONDAY + WEEK)
    before = report(folder, wave="w1", at=MONDAY + WEEK).earned
    change(folder, '[model]\ncolumns = ["margin"]\n', "")
    change(folder, _section(""), _section(EVENTS))
    with pytest.raises(ConfigError, match="has learned of no kinds of events"):
        serve_batch(folder, wave="w2", at=MONDAY + WEEK)
    assert learn(folder, at=MONDAY + WEEK).waves == ["w1"]
    serve_batch(folder, wave="w2", at=MONDAY + WEEK)
    assert report(folder, wave="w1", at=MONDAY + WEEK).earned == before
    rows = [
        {**row, "occurred_at": "2026-11-11 10:00:00"} for row in events_of(folder, "w2", seed=1)
    ]
    learn(folder, outcomes=campaigns.outcomes(tmp_path / "p.csv", rows), at=MONDAY + 2 * WEEK)
    with (folder / "campaign.toml").open("a") as file:
        file.write(CANDIDATES)
    judged = simulate(folder, at=MONDAY + 2 * WEEK)
    assert {row.policy for row in judged.candidates} >= {"snapshot", "lin_ts", "rules"}
    rows_ = twin.waves(folder)
    logged = [
        row for wave in rows_ for row in wave.first.iter_rows(named=True) if not row["withheld"]
    ]
    assert judged.rows == len([r for r in logged if r["group"] != "holdout"])


def test_what_was_heard_live_is_sealed_whatever_its_kind(tmp_path: Path) -> None:
    """A day of events that nobody named still becomes a wave, and is told."""
    folder = write(tmp_path / "campaign")
    with ExitStack() as stack:
        desk = Live(folder, stack)
        who = int(campaigns.people(200)["customer_id"][0])
        desk.ask(who, "home")
        at = int((MONDAY + dt.timedelta(hours=13)).timestamp() * 1e6)
        desk.desk.hear(Outcome("a", None, who, "opened", 0.0, at, at))
        desk.write()
    seal(folder)
    assert [wave.name for wave in record.waves(folder)] == [DAY]
    assert len(twin.events(folder)) == 1


def test_worths_at_their_bounds_are_served(tmp_path: Path) -> None:
    """A million million either way: finite probabilities, and money to the unit."""
    said = "[reward.events]\nsale = 1e12\nrefusal = -1e12\ndust = 1e-300\n"
    folder = write(tmp_path / "campaign", said)
    serve_batch(folder, wave="w1", at=MONDAY)
    rows = [row for row in events_of(folder, "w1") if "decision_id" in row]
    learn(folder, outcomes=campaigns.outcomes(tmp_path / "o.csv", rows), at=MONDAY + WEEK)
    serve_batch(folder, wave="w2", at=MONDAY + WEEK)
    decided = campaigns.decisions(folder, "w2")
    for column in ("propensity", "expected_reward", "expected_value", "expected_no_contact"):
        assert decided[column].is_finite().all()
    assert decided["propensity"].is_between(0.0, 1.0, closed="right").all()
    found = sum(money_of(folder, "w1").values())
    shown = report(folder, wave="w1", at=MONDAY + WEEK).earned
    assert sum(e.realised * e.customers for e in shown) == pytest.approx(found, rel=1e-9)


def test_forgetting_takes_a_person_out_of_every_kind(tmp_path: Path) -> None:
    """The next sums are those of a record that never had them."""
    folder = write(tmp_path / "campaign")
    serve_batch(folder, wave="w1", at=MONDAY)
    rows = events_of(folder, "w1")
    learn(folder, outcomes=campaigns.outcomes(tmp_path / "o.csv", rows), at=MONDAY + WEEK)
    decided = campaigns.decisions(folder, "w1")
    whose = dict(decided.select("decision_id", "customer_id").iter_rows())
    inside = [row for row in rows if row["occurred_at"].startswith("2026-11-04")]
    theirs = Counter(whose.get(row.get("decision_id"), row.get("customer_id")) for row in inside)
    key = max(theirs, key=lambda who: (theirs[who], who))
    before = _sums(folder)
    forget(folder, customers=[str(key)])
    assert learn(folder, at=MONDAY + WEEK).new
    after = _sums(folder)
    lost = decided.filter(pl.col("customer_id") == key)
    for one, other in zip(split(before, 5), split(after, 5), strict=True):
        assert (other.reward_sum <= one.reward_sum + 1e-9).all()
        assert 0 < one.count.sum() - other.count.sum() <= len(lost)
    assert after.reward_sum.sum() <= before.reward_sum.sum()


def _sums(folder: Path) -> Posterior:
    newest = sorted((folder / "snapshots").iterdir())[-1]
    found = load_posterior(newest / "posterior.safetensors")
    assert isinstance(found, Posterior)
    return found


def test_a_wave_of_refusals_alone_is_understood(tmp_path: Path) -> None:
    """They need no worth to be known, and the wave teaches that nobody bought."""
    folder = write(tmp_path / "campaign", "[reward.events]\nsale = 5\n")
    serve_batch(folder, wave="w1", at=MONDAY)
    first = campaigns.decisions(folder, "w1").filter(pl.col("action") > 0)["decision_id"][0]
    row = {"event_id": "a", "decision_id": first, "event": "Unsubscribe"}
    told = [row | {"occurred_at": "2026-11-04 10:00:00"}]
    path = campaigns.outcomes(tmp_path / "o.csv", told)
    found = learn(folder, outcomes=path, at=MONDAY + WEEK)
    assert found.waves == ["w1"]
    assert "stored, but counting for nothing, and hold as refusals" in " ".join(found.notes)


def test_a_log_of_rewards_teaches_no_kinds(tmp_path: Path) -> None:
    folder = write(tmp_path / "campaign")
    with pytest.raises(ConfigError, match=r"leave \[reward.events\] out to learn from the log"):
        learn(folder, log=True, at=MONDAY)


def test_amounts_want_their_column(tmp_path: Path) -> None:
    folder = write(tmp_path / "campaign")
    serve_batch(folder, wave="w1", at=MONDAY)
    path = tmp_path / "o.csv"
    path.write_text("event_id,customer_id,event,occurred_at\na,3,basket,2026-11-04 10:00:00\n")
    with pytest.raises(ConfigError, match=r"no column 'reward' says how much, .*events\.basket"):
        learn(folder, outcomes=path, at=MONDAY + WEEK)
