from __future__ import annotations

import datetime as dt
import json
import shutil
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

import duckdb
import pyarrow.parquet as pq
import pytest

from bandit.core import files
from bandit.core.errors import ConfigError, DataError, LockedError, UsageError
from bandit.core.types import SILENT
from bandit.models.posterior_file import load_posterior
from bandit.record import erase, events, manifest, streams
from bandit.sources import refusals
from bandit.workflows.judge.simulate import simulate
from bandit.workflows.learn.learn import learn
from bandit.workflows.operate import recover
from bandit.workflows.privacy.export_customer import export_customer
from bandit.workflows.privacy.forget import forget
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns
from tests.faults import people, small

WAVES = ["2026-11-23", "2026-11-24"]
LATER = small.AT + 3 * small.DAY


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two waves with outcomes of every customer, learned."""
    folder = small.write(tmp_path_factory.mktemp("forget"), customers=40)
    for day in (0, 1):
        serve_batch(folder, at=small.AT + day * small.DAY)
    events = [e for name in WAVES for e in small.outcomes(folder, name)]
    (folder / "delivered.csv").write_text(small.as_csv(events), encoding="utf-8")
    learn(folder, outcomes=folder / "delivered.csv", at=LATER)
    return folder


@pytest.fixture
def campaign(learned: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(learned, tmp_path / "campaign"))


class _Meanwhile:
    """A progress that does something while the record is rewritten."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act = act

    def step(self, text: str, total: int | None = None) -> None:
        SILENT.step(text, total)
        if text == "rewriting the record":
            self._act()

    def advance(self, count: int) -> None:
        SILENT.advance(count)


def test_nobody_begins_to_decide_live_while_somebody_is_forgotten(campaign: Path) -> None:
    (campaign / streams.STREAMS).mkdir()
    tried = []

    def begin() -> None:
        with pytest.raises(LockedError, match="bandit forget"), streams.held(campaign, "serve"):
            pass
        tried.append(True)

    forget(campaign, customers=[_someone(campaign)], progress=_Meanwhile(begin))
    assert tried
    with streams.held(campaign, "serve"):
        pass


def test_a_server_that_begins_just_before_is_to_be_stopped(
    campaign: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (campaign / streams.STREAMS).mkdir()
    with ExitStack() as stack:

        def recovered(_: object) -> list[str]:
            stack.enter_context(streams.held(campaign, "serve"))
            return []

        monkeypatch.setattr(recover, "recover", recovered)
        with pytest.raises(LockedError, match="stop it first"):
            forget(campaign, customers=[_someone(campaign)])


def test_what_a_dead_run_left_among_the_streams_goes(campaign: Path) -> None:
    folder = campaign / events.FOLDER
    folder.mkdir(parents=True)
    (folder / f".000002.log{files.PARTIAL}").write_text(_someone(campaign))
    found = forget(campaign, customers=[_someone(campaign)])
    assert not list(folder.iterdir())
    assert any("left by a run that died" in note for note in found.notes)


def _someone(folder: Path) -> str:
    """A customer with an outcome of their own."""
    paths = folder.glob("outcomes/*/events.parquet")
    keys = [k for p in paths for k in pq.read_table(p)["customer_id"].to_pylist() if k]
    return str(min(keys))


def test_everything_about_the_person_goes_and_nothing_else(campaign: Path) -> None:
    key = _someone(campaign)
    before = {w: people.decisions(campaign, w) for w in WAVES}
    snapshots = {n: d for n, d in small.tree(campaign).items() if n.startswith("snapshots")}
    found = forget(campaign, customers=[key])
    assert people.traces(campaign, key) == []
    for wave in WAVES:
        rest = [row for row in before[wave] if row["customer_id"] != key]
        assert people.decisions(campaign, wave) == rest
        content = manifest.read(campaign / "waves" / wave)
        assert content["decisions"] == len(before[wave])
        assert content["forgotten"] == len(before[wave]) - len(rest)
        manifest.verified(campaign / "waves" / wave, content)
        lists = manifest.read(campaign / "exports" / wave)
        manifest.verified(campaign / "exports" / wave, lists)
        assert people.lists(campaign, wave) <= {row["decision_id"] for row in rest}
    assert found.decisions == sum(
        row["customer_id"] == key for rows in before.values() for row in rows
    )
    assert found.outcomes > 0
    assert found.waves == WAVES
    after = {n: d for n, d in small.tree(campaign).items() if n.startswith("snapshots")}
    assert after == snapshots
    assert any("posteriors in snapshots/ are kept" in note for note in found.notes)
    assert [Path(text.split(" (")[0]).name for text in found.still_in] == [
        "customers.csv",
        "consents.csv",
    ]


def test_the_next_learn_is_without_them(campaign: Path) -> None:
    key = _someone(campaign)
    gone = forget(campaign, customers=[key])
    kept = load_posterior(campaign / "snapshots" / "000001" / "posterior.safetensors")
    found = learn(campaign, at=LATER)
    assert found.new
    without = load_posterior(campaign / "snapshots" / "000002" / "posterior.safetensors")
    lost = kept.count.sum() - without.count.sum()
    assert 0 < lost <= gone.decisions
    # Each other decision keeps its own reward, though row numbers have gaps now.
    assert (without.reward_sum <= kept.reward_sum + 1e-9).all()
    again = learn(campaign, at=LATER)
    assert not again.new


def test_forgetting_twice_finds_nothing(campaign: Path) -> None:
    key = _someone(campaign)
    forget(campaign, customers=[key])
    before = small.tree(campaign)
    with pytest.raises(DataError, match=r"nothing of .*; your own files hold them"):
        forget(campaign, customers=[key])
    assert small.tree(campaign) == before


def test_who_had_refused_by_an_event_stays_refused(campaign: Path) -> None:
    key = _someone(campaign)
    said = f"event_id,customer_id,event,occurred_at\nno,{key},Unsubscribe,{LATER.date()}\n"
    (campaign / "said.csv").write_text(said, encoding="utf-8")
    learn(campaign, outcomes=campaign / "said.csv", at=LATER)
    found = forget(campaign, customers=[key])
    assert any("that they refused, live or by an event, is kept" in note for note in found.notes)
    assert [(str(r.customer), r.channel) for r in refusals.read(campaign)] == [(key, None)]
    again = export_customer(campaign, customer=key)
    assert not again.outcomes
    assert len(again.refusals) == 1
    serve_batch(campaign, wave="after", at=LATER + dt.timedelta(days=400))
    rows = [r for r in people.decisions(campaign, "after") if str(r["customer_id"]) == key]
    assert rows
    assert not any(row["channel"] in {"email", "sms", "call"} for row in rows)


def test_a_wave_whose_customers_are_all_forgotten_stops_nothing(campaign: Path) -> None:
    everybody = sorted({row["customer_id"] for w in WAVES for row in people.decisions(campaign, w)})
    forget(campaign, customers=everybody)
    assert not export_customer(campaign, customer=everybody[0]).decisions
    with pytest.raises(DataError, match="nothing of"):
        forget(campaign, customers=[everybody[0]])
    with pytest.raises(ConfigError, match="everybody in them was forgotten"):
        simulate(campaign, at=LATER)


def test_a_slip_in_one_key_forgets_nobody(campaign: Path) -> None:
    key = _someone(campaign)
    before = small.tree(campaign)
    with pytest.raises(DataError, match=r"nothing of 'Kunde-0O001'; nobody was forgotten") as told:
        forget(campaign, customers=[key, "Kunde-0O001"])
    assert told.value.exit_code == 4
    assert small.tree(campaign) == before


@pytest.mark.parametrize("form", ["NFD", "NFC"])
def test_a_key_is_forgotten_in_any_spelling(campaign: Path, form: Literal["NFD", "NFC"]) -> None:
    key = _someone(campaign)
    found = forget(campaign, customers=[f" {unicodedata.normalize(form, key)}\u200b"])
    assert found.decisions > 0
    assert people.traces(campaign, key) == []
    second = export_customer(campaign, customer=key)
    assert [second.decisions, second.outcomes, second.rejects, second.lists] == [[]] * 4
    assert [Path(text.split(" (")[0]).name for text in found.still_in] == [
        "customers.csv",
        "consents.csv",
    ]


@pytest.mark.parametrize("key", ["A[/b]3", "[bold]x", "=1+1+1", "-771203"])
def test_a_key_of_markup_is_forgotten_like_any_other(key: str, tmp_path: Path) -> None:
    folder = small.write(tmp_path, customers=20)
    for name in ("customers.csv", "consents.csv"):
        text = (folder / name).read_text(encoding="utf-8")
        (folder / name).write_text(text.replace(small.key(3), key), encoding="utf-8")
    serve_batch(folder, at=small.AT)
    assert export_customer(folder, customer=key).decisions
    assert forget(folder, customers=[key]).decisions
    assert people.traces(folder, key) == []


def test_a_whole_number_with_zeros_takes_its_rejects_along(tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path, customers=60, more="[limits]\nreject_share = 0.5")
    with duckdb.connect(folder / "customers.duckdb") as connection:
        connection.execute("INSERT INTO customers SELECT * FROM customers WHERE customer_id = 10")
        connection.execute("INSERT INTO consents VALUES (17, 'email', NULL)")
    serve_batch(folder, at=campaigns.MONDAY)
    assert export_customer(folder, customer="10").rejects
    for key in ("0017", "010"):
        found = forget(folder, customers=[key])
        assert found.rejects
        assert any("customers.duckdb, table 'customers'" in text for text in found.still_in)
        left = export_customer(folder, customer=key.lstrip("0"))
        assert [left.decisions, left.rejects, left.lists] == [[]] * 3


def test_a_damaged_file_gets_no_new_digest(campaign: Path) -> None:
    part = campaign / "waves" / WAVES[1] / "decisions-0000.parquet"
    content = part.read_bytes()
    part.write_bytes(content[:100] + bytes([content[100] ^ 1]) + content[101:])
    before = small.tree(campaign)
    with pytest.raises(DataError, match=rf"{WAVES[1]}/decisions-0000\.parquet is damaged"):
        forget(campaign, customers=[_someone(campaign)])
    assert small.tree(campaign) == before


def test_a_committed_erasure_is_finished_by_any_command(
    campaign: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = _someone(campaign)

    def die(*committed: object) -> Iterator[Path]:
        raise KeyboardInterrupt(*committed)

    with monkeypatch.context() as patch:
        patch.setattr(erase, "_apply", die)
        with pytest.raises(KeyboardInterrupt):
            forget(campaign, customers=[key])
    assert (campaign / erase.COMMITTED).is_dir()
    assert people.traces(campaign, key)
    found = learn(campaign, at=LATER)
    assert found.notes[0] == "finished a `forget` that a run that died had begun"
    assert people.traces(campaign, key) == []
    assert not (campaign / erase.COMMITTED).exists()


def test_lists_that_were_taken_away_stay_away(campaign: Path) -> None:
    (campaign / "exports" / WAVES[0] / "email.csv").unlink()
    shutil.rmtree(campaign / "exports" / WAVES[1])
    key = _someone(campaign)
    forget(campaign, customers=[key])
    assert people.traces(campaign, key) == []
    assert not (campaign / "exports" / WAVES[0] / "email.csv").exists()
    assert not (campaign / "exports" / WAVES[1]).exists()
    learn(campaign, at=LATER)


def test_copies_beside_the_lists_are_named(campaign: Path) -> None:
    copy = campaign / "exports" / WAVES[0] / "sent.csv"
    shutil.copyfile(copy.with_name("email.csv"), copy)
    found = forget(campaign, customers=[_someone(campaign)])
    assert f"{copy} (not looked into)" in found.still_in
    assert str(copy) in found.notes[-1]


def test_a_list_that_somebody_saved_anew_is_told_and_nothing_goes(campaign: Path) -> None:
    path = campaign / "exports" / WAVES[0] / "shop.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(",", ";"), encoding="utf-8")
    before = small.tree(campaign)
    with pytest.raises(DataError, match=r"shop\.csv is not the list"):
        forget(campaign, customers=[_someone(campaign)])
    assert small.tree(campaign) == before


def test_an_empty_key_is_refused(campaign: Path) -> None:
    with pytest.raises(UsageError, match="a key that is not empty"):
        forget(campaign, customers=[""])


def test_a_person_gets_everything_with_reasons(campaign: Path, tmp_path: Path) -> None:
    key = _someone(campaign)
    out = tmp_path / "person.json"
    found = export_customer(campaign, customer=key, out=out)
    rows = [r for w in WAVES for r in people.decisions(campaign, w) if r["customer_id"] == key]
    assert [d["decision_id"] for d in found.decisions] == [r["decision_id"] for r in rows]
    assert set(found.decisions[0]["features"]) >= {"intercept", "age", "city=Bern"}
    assert all(d["reason"] for d in found.decisions)
    assert found.outcomes
    listed = set.union(*(people.lists(campaign, w) for w in WAVES))
    assert {row["decision_id"] for row in found.lists} == listed & {r["decision_id"] for r in rows}
    written = json.loads(out.read_text(encoding="utf-8"))
    assert len(written["decisions"]) == len(rows)
    assert key in str(found.customer)


def test_a_stranger_gets_an_empty_export(campaign: Path) -> None:
    found = export_customer(campaign, customer="nobody")
    assert (found.decisions, found.outcomes, found.lists) == ([], [], [])
    assert found.notes == ["the record holds no decision about them"]


def test_each_group_has_its_reason(campaign: Path) -> None:
    reasons = {}
    for number in range(40):
        for decision in export_customer(campaign, customer=small.key(number)).decisions:
            reasons[decision["group"]] = decision["reason"]
    assert reasons["holdout"].startswith("left in peace: held out at random")
    assert "drawn at random among" in reasons["exploration"]
    assert "chosen by the policy 'lin_ts' of snapshot" in reasons["lin_ts"]


def test_an_export_is_whole_or_not_there(campaign: Path, tmp_path: Path) -> None:
    out = tmp_path / "no such folder" / "person.json"
    with pytest.raises(DataError, match=r"person\.json could not be written"):
        export_customer(campaign, customer=_someone(campaign), out=out)
    assert not files.beside(out).exists()
