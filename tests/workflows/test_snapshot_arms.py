"""Arms that decide by a pinned snapshot: as it was, exact, told, refused where it is another."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from contextlib import ExitStack
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from bandit.core.errors import BanditError, ConfigError, DataError
from bandit.record import layers, manifest
from bandit.render.terminal import show
from bandit.runners import engine
from bandit.workflows.experiment.check_list import check_list
from bandit.workflows.experiment.design import design
from bandit.workflows.experiment.read import read
from bandit.workflows.experiment.send_test import send_test
from bandit.workflows.experiment.start import start, stop
from bandit.workflows.inspect.customer import customer
from bandit.workflows.inspect.explain import explain
from bandit.workflows.inspect.status import status
from bandit.workflows.judge.simulate import simulate
from bandit.workflows.learn.learn import learn
from bandit.workflows.live.seal import seal
from bandit.workflows.operate.rollback import rollback
from bandit.workflows.privacy.forget import forget
from bandit.workflows.serve import prepare, pricing
from bandit.workflows.serve.serve_batch import serve_batch
from bandit.workflows.serve.what_if import what_if
from bandit.workflows.start.check import check
from tests import campaigns
from tests.campaigns import bytes_of
from tests.lives import Live
from tests.runners.clusters import Twice
from tests.trials import LEARNED, PINNED, declared, written

SPRING = declared(
    {"champion": (0.5, PINNED), "learner": (0.5, LEARNED)}, start="2026-11-16", share=0.8
)
CAPS = "[limits]\nmax_contacts = 900\n"
LOOSE = "[limits]\nmax_contacts = 9000\n"
CUSTOMERS = 1500
EVENTS = 'window_days = 7.0\nno_contact_value = 0.0\n[reward.events]\nsale = "value"'
WHAT = (
    "customer_id", "placement", "slot", "action", "propensity", "expected_reward", "reason", "group"
)  # fmt: skip


def day(number: int) -> dt.datetime:
    return dt.datetime(2026, 11, number, tzinfo=dt.UTC)


def sales(folder: Path, wave: str, when: int, of: str) -> Path:
    """Those with the flag buy by one channel, the others by the other; which is which turns."""
    rng = np.random.default_rng(when)
    owner = campaigns.people(CUSTOMERS).select("customer_id", "owner")
    rows = campaigns.decisions(folder, wave).join(owner, on="customer_id")
    likes = (rows["channel"] == of).fill_null(False).to_numpy() == rows["owner"].to_numpy()
    worth = 3.0 * likes * (rows["action"] > 0).to_numpy() + rng.normal(0.0, 1.0, rows.height)
    told: list[dict[str, Any]] = [
        {"event_id": f"{wave}-{i}", "decision_id": d, "event": "sale", "reward": float(w),
         "occurred_at": f"2026-11-{when:02d}"}
        for i, (d, w) in enumerate(zip(rows["decision_id"], worth, strict=True))
    ]  # fmt: skip
    return campaigns.outcomes(folder / f"sales-{when}.csv", told)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two waves that taught other things, so that snapshots 000001 and 000002 differ."""
    folder = campaigns.write(tmp_path_factory.mktemp("x") / "c", customers=CUSTOMERS)
    for number, of in ((2, "email"), (9, "sms")):
        serve_batch(folder, at=day(number))
        wave = f"2026-11-{number:02d}"
        learn(folder, outcomes=sales(folder, wave, number + 1, of), at=day(number + 7))
    written(folder, SPRING)
    return folder


@pytest.fixture(scope="module")
def served(known: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two waves of the experiment, learned from."""
    folder = Path(shutil.copytree(known, tmp_path_factory.mktemp("y") / "c"))
    start(folder, name="spring", at=day(16))
    for number in (16, 23):
        serve_batch(folder, at=day(number))
        wave = f"2026-11-{number:02d}"
        learn(folder, outcomes=sales(folder, wave, number + 1, "sms"), at=day(number + 7))
    return folder


def copied(folder: Path, to: Path) -> Path:
    return Path(shutil.copytree(folder, to))


def record_of(folder: Path) -> dict[str, bytes]:
    """All files but the index, which is made anew by whoever reads."""
    return {name: content for name, content in bytes_of(folder).items() if "index" not in name}


def of_arms(folder: Path, wave: str, arm: str | None = None) -> pl.DataFrame:
    rows = campaigns.decisions(folder, wave).select(WHAT)
    mine = pl.col("group").str.starts_with("spring:") if arm is None else pl.col("group") == arm
    return rows.filter(mine)


def test_pinned_to_the_newest_snapshot_it_is_the_learner(known: Path, tmp_path: Path) -> None:
    """Each row of the wave, inside the experiment and outside."""
    found = []
    for name, champion in (("pinned", PINNED.replace("000001", "000002")), ("twin", LEARNED)):
        folder = copied(known, tmp_path / name)
        written(folder, SPRING.replace(PINNED, champion))
        start(folder, name="spring", at=day(16))
        serve_batch(folder, at=day(16))
        found.append(campaigns.decisions(folder, "2026-11-16").select(WHAT))
    assert found[0].equals(found[1])


def test_it_does_what_the_snapshot_would_do(known: Path, tmp_path: Path) -> None:
    """A whole wave served by the older snapshot does the same to the arm's people."""
    found = []
    for name, champion, by in (("pinned", PINNED, None), ("twin", LEARNED, "000001")):
        folder = copied(known, tmp_path / name)
        text = SPRING.replace(PINNED, champion)
        written(folder, text.replace("share = 0.5\n", 'share = 0.5\ncapacity = "proportional"\n'))
        start(folder, name="spring", at=day(16))
        serve_batch(folder, at=day(16), snapshot=by)
        found.append(of_arms(folder, "2026-11-16"))
    arms = [[rows.filter(pl.col("group") == f"spring:{arm}") for arm in ("champion", "learner")]
            for rows in found]  # fmt: skip
    assert arms[0][0].equals(arms[1][0])
    assert not arms[0][1].equals(arms[1][1])


def test_two_arms_keep_two_snapshots(known: Path, tmp_path: Path) -> None:
    """Each does what a whole wave by its snapshot does, both are told apart in the record."""
    both = SPRING.replace(LEARNED, PINNED.replace("000001", "000002"))
    both = both.replace("share = 0.5\n", 'share = 0.5\ncapacity = "proportional"\n')
    twin = both.replace(PINNED, LEARNED).replace(PINNED.replace("000001", "000002"), LEARNED)
    found = {}
    for name, text, by in (("both", both, None), ("1", twin, "000001"), ("2", twin, "000002")):
        folder = copied(known, tmp_path / name)
        written(folder, text)
        start(folder, name="spring", at=day(16))
        serve_batch(folder, at=day(16), snapshot=by)
        found[name] = folder
    for arm, twin_of in (("spring:champion", "1"), ("spring:learner", "2")):
        mine = of_arms(found["both"], "2026-11-16", arm)
        assert mine.equals(of_arms(found[twin_of], "2026-11-16", arm))
    about = json.loads((found["both"] / "waves" / "2026-11-16" / "manifest.json").read_text())
    assert set(about["pinned"]) == {"000001", "000002"}
    rows = campaigns.decisions(found["both"], "2026-11-16").select("group", "snapshot").unique()
    assert {("spring:champion", "000001"), ("spring:learner", "000002")} <= set(rows.rows())


def test_outside_of_the_experiment_nothing_changes(known: Path, tmp_path: Path) -> None:
    found = []
    for name in ("with", "without"):
        folder = copied(known, tmp_path / name)
        if name == "with":
            start(folder, name="spring", at=day(16))
        serve_batch(folder, at=day(16))
        found.append(campaigns.decisions(folder, "2026-11-16").select(WHAT))
    others = ~pl.col("group").str.contains(":") & (pl.col("group") != "holdout")
    here = found[0].filter(others)
    keys = ["customer_id", "placement", "slot"]
    assert here.equals(found[1].join(here.select(keys), on=keys, how="semi"))


def test_the_same_bytes_whatever_runs_it(
    known: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batch sizes, threads, and a cluster's workers, with parts of a limit and without a share."""
    found = []
    for batch, threads, cluster in ((None, None, None), (37, 1, None), (64, None, Twice())):
        folder = copied(known, tmp_path / f"{batch}")
        toml = folder / "campaign.toml"
        toml.write_text(toml.read_text() + CAPS)
        written(folder, SPRING.replace(PINNED, f'{PINNED}\ncapacity = "proportional"'))
        start(folder, name="spring", at=day(16))
        with monkeypatch.context() as patch:
            if cluster is not None:
                patch.setattr(engine, "cluster", lambda *_, made=cluster: made)
            serve_batch(folder, at=day(16), batch_size=batch, threads=threads)
        found.append(bytes_of(folder / "waves" / "2026-11-16"))
        about = json.loads(found[-1]["manifest.json"])
        assert list(about["pinned"]) == ["000001"]
        assert about["arm_prices"]["spring:champion"] != about["prices"]
    assert found[0] == found[1] == found[2]


@pytest.mark.long
def test_explain_and_the_page_speak_of_the_arms_snapshot(served: Path) -> None:
    found_by = {"2026-11-16": "000002", "2026-11-23": "000003"}
    for wave, newest in found_by.items():
        rows = campaigns.decisions(served, wave).filter(
            (pl.col("slot") == 1) & (pl.col("placement") == "outbound")
        )
        seen = {}
        for arm, pinned in (("champion", "000001"), ("learner", None)):
            mine = rows.filter((pl.col("group") == f"spring:{arm}") & (pl.col("action") > 0))
            of = rows.filter(pl.col("group") == f"spring:{arm}")["snapshot"]
            assert set(of) == {pinned or newest}
            for who in mine["customer_id"].head(3).to_list():
                found = explain(served, customer=str(who), wave=wave)
                assert found.pinned == pinned
                assert any("the same decisions" in note for note in found.notes)
                slot = found.slots[0]
                taken = next(
                    c for c in slot.contenders if (c.offer, c.channel) == (slot.offer, slot.channel)
                )
                assert taken.probability == pytest.approx(slot.propensity, abs=1e-6)
                own = mine.filter(pl.col("customer_id") == who)["expected_reward"][0]
                assert taken.mean == pytest.approx(own, rel=1e-4)
                seen[arm] = who
        out = StringIO()
        show(explain(served, customer=str(seen["champion"]), wave=wave), out, 160)
        assert "their arm decided by 000001" in out.getvalue()
    page = customer(served, customer=str(seen["champion"]), at=day(30))
    assert any("decides by snapshot 000001" in note for note in page.notes)
    other = customer(served, customer=str(seen["learner"]), at=day(30))
    assert not any("decides by snapshot" in note for note in other.notes)


def test_weights_have_mean_one_at_every_wave(served: Path) -> None:
    found = simulate(served, at=day(30))
    for row in found.candidates:
        assert abs(row.mean_weight - 1.0) <= 4.0 * row.mean_weight_error, row.name


@pytest.mark.long
def test_rollback_and_forget_leave_what_was_and_what_will_be_exact(
    served: Path, tmp_path: Path
) -> None:
    """The learner goes back, the champion stays; who is forgotten is in no weight any more."""
    folder = copied(served, tmp_path / "c")
    back = rollback(folder, version="000002").snapshot
    serve_batch(folder, at=day(30))
    wave = "2026-11-30"
    rows = campaigns.decisions(folder, wave).filter(
        (pl.col("placement") == "outbound") & (pl.col("slot") == 1)
    )
    by = rows.group_by("group").agg(pl.col("snapshot").unique())
    decided_by = dict(by.iter_rows())
    assert decided_by["spring:champion"] == ["000001"]
    assert decided_by["spring:learner"] == [back]
    closed, later = (dt.datetime(2026, 12, number, tzinfo=dt.UTC) for number in (7, 8))
    learn(folder, outcomes=sales(folder, wave, 30, "sms"), at=closed)
    before = simulate(folder, at=later)
    gone = [
        str(who)
        for arm in ("spring:champion", "spring:learner")
        for who in of_arms(folder, wave, arm)["customer_id"].unique().sort().head(25).to_list()
    ]
    forget(folder, customers=gone)
    after = simulate(folder, at=later)
    assert before.customers - after.customers == len(gone)
    for told in (before, after):
        for row in told.candidates:
            assert abs(row.mean_weight - 1.0) <= 4.0 * row.mean_weight_error, row.name
    for arm, pinned in (("champion", "000001"), ("learner", None)):
        mine = rows.filter(
            (pl.col("group") == f"spring:{arm}") & (pl.col("action") > 0)
            & ~pl.col("customer_id").cast(pl.String).is_in(gone)
        )  # fmt: skip
        for who, chance in mine.select("customer_id", "propensity").head(3).iter_rows():
            found = explain(folder, customer=str(who), wave=wave)
            assert found.pinned == pinned
            assert found.slots[0].propensity == chance
            assert any("the same decisions" in note for note in found.notes)


def test_it_is_read_designed_checked_and_tested(served: Path, known: Path, tmp_path: Path) -> None:
    found = read(served, name="spring", at=day(30))
    assert [a.policy for a in found.arms] == ["snapshot 000001", "learned"]
    assert found.verdict != "blocked"
    assert check_list(served, name="spring", at=day(23)).passed
    assert check(served, at=day(30)).campaign
    planned = design(known, name="spring", at=day(16))
    assert [a.policy for a in planned.arms] == ["snapshot 000001", "learned"]
    folder = copied(known, tmp_path / "c")
    toml = folder / "campaign.toml"
    toml.write_text(toml.read_text() + '[insiders]\ncustomers = ["3", "10", "17"]\n')
    for _ in range(2):
        assert send_test(folder, name="spring", at=day(16)).arms["champion"] > 0
        began = layers.read(folder).layers
        if not began:
            made = start(folder, name="spring", at=day(16))
            assert made.pinned == {"champion": "000001"}


@pytest.mark.long
def test_status_and_forget_name_what_is_pinned(served: Path, tmp_path: Path) -> None:
    folder = copied(served, tmp_path / "c")
    pinned = {s.version: s.pinned for s in status(folder, at=day(30)).snapshots}
    assert pinned["000001"] == ["spring:champion"]
    assert not any(pinned[v] for v in pinned if v != "000001")
    out = StringIO()
    show(status(folder, at=day(30)), out, 160)
    assert "pinned by" in out.getvalue()
    who = of_arms(folder, "2026-11-23", "spring:champion")["customer_id"][0]
    told = forget(folder, customers=[str(who)]).notes
    assert any("spring:champion (snapshot 000001)" in note for note in told)
    learn(folder, at=day(30))
    serve_batch(folder, at=day(30))
    stop(folder, name="spring", at=day(30))
    assert not any(s.pinned for s in status(folder, at=day(30)).snapshots)
    other = of_arms(folder, "2026-11-23", "spring:champion")["customer_id"][0]
    assert not any("champion" in note for note in forget(folder, customers=[str(other)]).notes)


def test_a_snapshot_that_is_gone_or_another_is_refused_and_nothing_written(
    served: Path, tmp_path: Path
) -> None:
    folder = copied(served, tmp_path / "c")
    who = str(of_arms(folder, "2026-11-23", "spring:champion")["customer_id"][0])
    kept = copied(folder / "snapshots" / "000001", tmp_path / "kept")
    shutil.rmtree(folder / "snapshots" / "000001")
    before = record_of(folder)
    asked = (
        lambda: serve_batch(folder, at=day(30)),
        lambda: explain(folder, customer=who),
        lambda: check(folder, at=day(30)),
    )
    for command in asked:
        with pytest.raises(BanditError, match=r"spring.toml: arm 'champion'.*'000001' is gone"):
            command()
    page = customer(folder, customer=who, at=day(30))
    assert any("'000001' is gone" in note for note in page.notes)
    assert page.timeline
    assert record_of(folder) == before
    learn(folder, at=day(30))
    assert read(folder, name="spring", at=day(30)).verdict != "blocked"
    shutil.copytree(folder / "snapshots" / "000002", folder / "snapshots" / "000001")
    with pytest.raises(DataError, match=r"000001 holds what was published as 000002"):
        serve_batch(folder, at=day(30))
    other = manifest.signed(path := folder / "snapshots" / "000001" / manifest.NAME)
    path.write_bytes(manifest.encoded({**other, manifest.FOLDER: "000001"}))
    for command in asked:
        with pytest.raises(DataError, match=r"another one than when the experiment started"):
            command()
    shutil.rmtree(folder / "snapshots" / "000001")
    shutil.copytree(kept, folder / "snapshots" / "000001")
    (folder / "snapshots" / "000001" / "posterior.safetensors").write_bytes(b"x")
    with pytest.raises(DataError, match=r"000001"):
        serve_batch(folder, at=day(30))
    shutil.rmtree(folder / "snapshots" / "000001")
    stop(folder, name="spring", at=day(30))
    serve_batch(folder, at=day(30))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"000001"', '"000009"', "arm 'champion': snapshot '000009' does not exist: name one of"),
        ('"000001"', '"000000"', "snapshot '000000' has learned nothing yet"),
        ('"000001"', '"1"', "'1' will not do: a snapshot is named by the digits"),
        ('"000001"', "1", "snapshot"),
        ('snapshot = "000001"\n', "", "policy = 'snapshot' needs snapshot"),
        (LEARNED, LEARNED + '\nsnapshot = "000001"', "is for policy = 'snapshot' alone"),
        ('policy = "snapshot"', 'policy = "snapshots"', "'snapshots' is no policy of an arm"),
        ('"000001"', '"2026-11-02"', "will not do"),
    ],
)
def test_what_is_wrong_in_the_file_is_told(
    known: Path, tmp_path: Path, old: str, new: str, told: str
) -> None:
    folder = copied(known, tmp_path / "c")
    written(folder, SPRING.replace(old, new, 1))
    for command in (start, design):
        with pytest.raises(ConfigError) as wrong:
            command(folder, name="spring", at=day(16))
        assert told in str(wrong.value)
        assert "spring.toml" in str(wrong.value)
    assert not layers.read(folder).layers


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('numeric = ["age", "spend"]', 'numeric = ["age"]', r"other \[features\]"),
        ("[policy]", '[model]\nlink = "logit"\n[policy]', r"another \[model\] \(link\)"),
        ("[policy]", "[model]\nshare = false\n[policy]", r"another \[model\] \(share\)"),
        ("window_days = 7.0", EVENTS, r"(other \[reward.events\]|has learned of)"),
    ],
)
def test_another_campaign_than_it_was_learned_in_is_refused(
    known: Path, tmp_path: Path, old: str, new: str, told: str
) -> None:
    """At the start, and where the campaign changes while the experiment runs."""
    folder = copied(known, tmp_path / "c")
    toml = folder / "campaign.toml"
    before = toml.read_text()
    toml.write_text(before.replace(old, new))
    with pytest.raises(ConfigError, match=told):
        start(folder, name="spring", at=day(16))
    toml.write_text(before)
    start(folder, name="spring", at=day(16))
    toml.write_text(before.replace(old, new))
    with pytest.raises(ConfigError, match=told):
        serve_batch(folder, at=day(16))
    assert not (folder / "waves" / "2026-11-16").exists()
    toml.write_text(before)
    serve_batch(folder, at=day(16))


def test_pairs_that_came_later_are_told_and_decided_of(known: Path, tmp_path: Path) -> None:
    folder = copied(known, tmp_path / "c")
    toml = folder / "campaign.toml"
    toml.write_text(toml.read_text() + '[[offer]]\nname = "phone"\npriority = 0\n')
    told = [note for note in start(folder, name="spring", at=day(16)).notes if "came" in note]
    found = serve_batch(folder, at=day(16))
    assert [n for n in found.notes if "came after" in n] == told
    (note,) = told
    assert "spring:champion: 3 of 11 offers on channels came after snapshot 000001" in note
    assert "phone/email, phone/sms, phone/home" in note
    assert simulate(folder, at=day(24)).candidates


def test_a_snapshot_that_was_put_back_is_what_it_repeats(known: Path, tmp_path: Path) -> None:
    found = []
    for name in ("older", "again"):
        folder = copied(known, tmp_path / name)
        if name == "again":
            version = rollback(folder, version="000001").snapshot
            rollback(folder, version="000002")
            written(folder, SPRING.replace("000001", version))
        start(folder, name="spring", at=day(16))
        serve_batch(folder, at=day(16))
        found.append(campaigns.decisions(folder, "2026-11-16").select(WHAT))
    assert found[0].equals(found[1])


def test_live_members_are_decided_by_the_pinned_snapshot(served: Path, tmp_path: Path) -> None:
    folder = copied(served, tmp_path / "c")
    people = campaigns.people(CUSTOMERS)["customer_id"].to_list()[:80]
    with ExitStack() as stack:
        live = Live(folder, stack, at=day(30), now=lambda: day(30) + dt.timedelta(hours=12))
        told = {
            pick.decision_id: (pick.group, pick.propensity)
            for one in people
            for placed in live.ask(one, "outbound").placements
            for pick in placed.picks
        }
        live.write()
    (made,) = seal(folder).waves
    rows = campaigns.decisions(folder, made.wave)
    known = {row[0]: row[1:] for row in rows.select("decision_id", "group", "propensity").rows()}
    assert {d: known[d] for d in told} == told
    mine = rows.filter(pl.col("group") == "spring:champion")
    assert mine.height > 10
    for who in mine["customer_id"].head(3).to_list():
        found = explain(folder, customer=str(who), wave=made.wave)
        assert found.pinned == "000001"
        assert any("the same decisions" in note for note in found.notes)
    with ExitStack() as stack:
        live = Live(folder, stack, at=day(30), now=lambda: day(30) + dt.timedelta(hours=12))
        live.ask(people[-1] + 700, "outbound")
        live.write()
    shutil.rmtree(folder / "snapshots" / "000001")
    with pytest.raises(DataError, match=r"'000001' is gone"):
        seal(folder)
    with ExitStack() as stack, pytest.raises(DataError, match=r"'000001' is gone"):
        Live(folder, stack, at=day(30))


def test_the_best_allocation_goes_by_what_each_member_is_decided_by(
    known: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing binds it is everybody's best of each channel, in a pinned arm by its own."""
    folder = copied(known, tmp_path / "c")
    toml = folder / "campaign.toml"
    toml.write_text(toml.read_text().replace("holdout = 0.1", "holdout = 0.0") + LOOSE)
    start(folder, name="spring", at=day(16))
    kept: list[tuple[Any, Any]] = []
    find = pricing.each

    def spied(wave: Any, parts: Any, spool: Any, *rest: Any) -> Any:
        kept.append((wave, prepare.joined(list(spool))))
        return find(wave, parts, spool, *rest)

    monkeypatch.setattr(pricing, "each", spied)
    told = what_if(folder, limit="limits.max_contacts", low=9000, high=9000, points=1, at=day(16))
    summary = serve_batch(folder, at=day(16))
    (wave, batch), arm = kept[0], "spring:champion"
    mine = np.isin(batch.ids.to_numpy(), of_arms(folder, "2026-11-16", arm)["customer_id"])
    best = np.zeros(len(mine))
    for rows, posterior in ((mine, wave.decides(arm)), (~mine, wave.posterior)):
        worth = batch.values * (batch.contexts.astype(np.float64) @ posterior.mean.T)
        worth -= wave.plan.costs + worth[:, :1]
        worth[~(batch.mask & wave.plan.actions.outbound)] = 0.0
        for channel in (0, 1):
            here = worth[:, wave.plan.actions.channel == channel].max(axis=1)
            best[rows] += np.maximum(here, 0.0)[rows]
    assert mine.sum() > 300
    assert summary.dual_value == pytest.approx(best.sum(), rel=1e-5)
    assert summary.primal_value == pytest.approx(best.sum(), rel=1e-5)
    assert told.points[0].value == pytest.approx(summary.dual_value, rel=1e-9)
