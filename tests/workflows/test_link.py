"""Counts through the logistic link: learned from rows, recorded, served, explained, judged."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from bandit.config import campaign_file
from bandit.core.errors import ConfigError
from bandit.models.curved import Curved
from bandit.models.hybrid import Strengths
from bandit.models.kinds import split
from bandit.models.odds import Seen
from bandit.record import snapshots
from bandit.record import waves as record
from bandit.record.decisions import Decisions
from bandit.runners import engine
from bandit.workflows.experiment.start import start
from bandit.workflows.inspect import as_served
from bandit.workflows.inspect.explain import explain
from bandit.workflows.judge.simulate import simulate
from bandit.workflows.learn.curves import Again
from bandit.workflows.learn.learn import learn
from bandit.workflows.operate.rollback import rollback
from bandit.workflows.serve.curves import between
from bandit.workflows.serve.serve_batch import serve_batch
from bandit.workflows.serve.serving_model import sums_of
from bandit.workflows.serve.what_if import what_if
from tests import campaigns
from tests.campaigns import MONDAY
from tests.runners.clusters import Twice
from tests.trials import LEARNED, PINNED, declared, written

WEEK = dt.timedelta(days=7)
LATER = MONDAY + WEEK
EVENTS = """window_days = 7.0
half_life_days = 30.0
no_contact_value = 0.0
[reward.events]
sale = 20.0
refusal = -8.0
basket = "reward"
[model]
link = "logit"
"""
CANDIDATES = """
[simulate]
folds = 2
[[simulate.candidate]]
policy = "rules"
[[simulate.candidate]]
policy = "greedy"
[[simulate.candidate]]
policy = "greedy"
link = "identity"
[[simulate.candidate]]
policy = "greedy"
link = "logit"
"""

GREEDY = """holdout = 0.0
exploration = 0.0
share = [{ policy = "greedy", share = 1.0 }]
"""


def _written(folder: Path, events: str = EVENTS) -> Path:
    campaigns.write(folder, customers=400, pressure="slots = 1", more=CANDIDATES)
    text = (folder / "campaign.toml").read_text().replace("window_days = 7.0\n", events)
    (folder / "campaign.toml").write_text(text.replace('value = "1 + spend / 100"', "value = 2.0"))
    return folder


def _outcomes(folder: Path, wave: str) -> Path:
    """Owners buy by e-mail, the others hardly ever; one in twenty refuses; some fill a basket."""
    rng = np.random.default_rng(len(wave))
    rows: list[dict[str, Any]] = []
    owners = dict(campaigns.people(400).select("customer_id", "owner").iter_rows())
    for row in campaigns.decisions(folder, wave).iter_rows(named=True):
        chance = 0.0 if row["action"] == 0 else 0.6 if owners[row["customer_id"]] else 0.03
        for event, often, reward in (
            ("sale", chance, 0.0),
            ("refusal", 0.05, 0.0),
            ("basket", 0.2, 3.5),
        ):
            if rng.random() < often:
                rows.append({
                    "event_id": f"{event}-{row['decision_id']}", "decision_id": row["decision_id"],
                    "event": event, "reward": reward, "occurred_at": "2026-11-03 10:00:00",
                })  # fmt: skip
    return campaigns.outcomes(folder / f"{wave}.csv", rows)


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = _written(tmp_path_factory.mktemp("link") / "campaign")
    serve_batch(folder, wave="w1", at=MONDAY)
    learn(folder, outcomes=_outcomes(folder, "w1"), at=LATER)
    return folder


@pytest.fixture(scope="module")
def served(learned: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served") / "campaign"
    shutil.copytree(learned, folder)
    serve_batch(folder, wave="w2", at=LATER)
    return folder


def _model(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_text())["model"]
    return found


def test_a_snapshot_holds_the_expansions_and_a_wave_its_model(served: Path) -> None:
    """Kinds that are counted have curves, what is an amount has none."""
    known = _model(served / "snapshots" / "000001")
    assert set(known["logit"]) == {"refusal", "sale"}
    assert set(known["events"]) == {"basket", "refusal", "sale"}
    assert (served / "snapshots" / "000001" / snapshots.ODDS).is_file()
    assert _model(served / "waves" / "w2")["logit"] == known["logit"]


def test_strengths_of_curves_are_the_likeliest_or_on_the_way_to_weaker_lines(served: Path) -> None:
    """The likeliest are of half decades, so what is left of the line's says that it took part."""
    known = _model(served / "snapshots" / "000001")
    newest = snapshots.latest(served, campaign_file.load(served).file)
    assert newest is not None
    kinds = newest.manifest.kinds or {}
    sums = dict(zip(kinds, split(sums_of(newest), len(kinds)), strict=True))
    for kind, curve in known["logit"].items():
        own, strength = sums[kind], curve["own"]
        line = float(own.reward_sum.sum() / own.count.sum()) * known["events"][kind]["own"]
        likeliest = strength if strength <= line else strength**2 / line
        assert 2.0 * np.log10(likeliest) == pytest.approx(round(2.0 * np.log10(likeliest)))


def test_only_a_weaker_line_moves_the_strengths_of_a_curve() -> None:
    """A line that finds nothing has the bound of its search, which says nothing of a curve."""
    likeliest = Strengths(np.array([100.0, 1_000.0]), 1_000.0, 10.0, 1.0)
    for none in (1e5, 1e7):
        found = between(Strengths(np.array([none, 10.0]), none, 3.0, 1.0), likeliest)
        np.testing.assert_allclose(found.shared, [100.0, 100.0])
        assert found[1:] == (1_000.0, 10.0, 1.0)
    assert between(Strengths(likeliest.shared, 10.0, 3.0), likeliest).own == pytest.approx(100.0)


def test_a_chance_is_one_whoever_it_is_of(served: Path) -> None:
    """A line says of some that they sell back what they never bought; a curve cannot."""
    decisions = Decisions(served, next(w for w in record.waves(served) if w.name == "w2"))
    posterior = as_served.wave(campaign_file.load(served), decisions).posterior
    assert isinstance(posterior, Curved)
    contexts = np.concatenate([r.contexts for r in decisions.rows("action", "features")])
    contexts = contexts.astype(np.float64)
    sale = posterior.curves["sale"]
    score, line = contexts @ sale.theta[1:].T, contexts @ sale.mean[1:].T
    chance = 1.0 / (1.0 + np.exp(-score))
    assert line.min() < 0.0 < chance.min()
    assert chance.max() < 1.0


def test_a_wave_is_explained_by_its_record_and_adds_up(served: Path) -> None:
    who = campaigns.decisions(served, "w2").filter(pl.col("action") > 0)["customer_id"][0]
    told = explain(served, customer=str(who), wave="w2")
    assert any("the same decisions" in note for note in told.notes)
    for slot in told.slots:
        taken = next(
            c for c in slot.contenders if (c.offer, c.channel) == (slot.offer, slot.channel)
        )
        assert taken.probability == pytest.approx(slot.propensity, abs=2e-6)
        assert {"shared", "own", "link"} <= set(slot.parts)
        assert sum(slot.parts.values()) == pytest.approx(taken.mean, abs=1e-9)
        for c in slot.contenders:
            assert sum(k.money for k in c.kinds) == pytest.approx(c.value * c.mean, abs=1e-9)
            assert all(k.events > 0.0 for k in c.kinds if k.kind != "basket")


@pytest.mark.parametrize("how", [{"batch_size": 17, "threads": 1}, {"engine": "spark"}])
def test_the_same_bytes_for_any_batches_and_workers(
    learned: Path,
    served: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    how: dict[str, Any],
) -> None:
    monkeypatch.setattr(engine, "Spark", lambda *_: Twice())
    folder = tmp_path / "campaign"
    shutil.copytree(learned, folder)
    serve_batch(folder, wave="w2", at=LATER, **how)
    assert campaigns.bytes_of(folder / "waves") == campaigns.bytes_of(served / "waves")


def test_what_if_goes_by_curves(learned: Path, tmp_path: Path) -> None:
    """Where nothing binds the best allocation is what `greedy` takes; the lines' is another."""
    folder = tmp_path / "campaign"
    shutil.copytree(learned, folder)
    text = (folder / "campaign.toml").read_text()
    text = re.sub("(?s)holdout = 0.1.*?\n]\n", GREEDY, text)
    (folder / "campaign.toml").write_text(text)
    wave = serve_batch(folder, wave="w2", at=LATER, dry_run=True)
    told = what_if(folder, limit="email.capacity", low=0, high=10_000, points=2, at=LATER)
    assert wave.outbound is not None
    assert told.points[1].value == pytest.approx(wave.outbound.expected_value, rel=1e-5)
    assert told.points[1].used == wave.contacts["email"]


def test_learned_again_it_is_the_same_and_without_the_key_a_line(
    served: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "campaign"
    shutil.copytree(served, folder)
    assert not learn(folder, at=LATER).new
    shutil.rmtree(folder / "snapshots" / "000001")
    shutil.rmtree(folder / "statistics")
    assert learn(folder, at=LATER).snapshot == "000001"
    same = [campaigns.bytes_of(f / "snapshots" / "000001") for f in (folder, served)]
    assert same[0] == same[1]
    assert rollback(folder, version="000001").snapshot == "000002"
    assert (folder / "snapshots" / "000002" / snapshots.ODDS).is_file()
    text = (folder / "campaign.toml").read_text()
    (folder / "campaign.toml").write_text(text.replace('[model]\nlink = "logit"\n', ""))
    serve_batch(folder, wave="w3", at=LATER)
    assert "logit" not in _model(folder / "waves" / "w3")
    assert learn(folder, at=LATER).snapshot == "000003"
    assert not (folder / "snapshots" / "000003" / snapshots.ODDS).exists()


def test_candidates_are_judged_through_the_link_they_name(served: Path) -> None:
    judged = {row.name: row for row in simulate(served, at=LATER + WEEK).candidates}
    assert {"greedy", "greedy identity", "greedy logit"} <= set(judged)
    assert judged["greedy"].value == judged["greedy logit"].value
    assert judged["greedy"].shares != judged["greedy identity"].shares


SPRING = declared(
    {"champion": (0.5, PINNED), "learner": (0.5, LEARNED)},
    start="2026-11-16",
    share=1.0,
    waves=2,
)


@pytest.mark.long
def test_an_arm_keeps_the_curves_of_its_snapshot(
    served: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = LATER + WEEK
    found = {}
    for name, text, how in (
        ("here", SPRING, {}),
        ("in parts", SPRING, {"batch_size": 17, "threads": 1}),
        ("on a cluster", SPRING, {"engine": "spark"}),
        ("newest", SPRING.replace("000001", "000002"), {}),
        ("learned", SPRING.replace(PINNED, LEARNED), {}),
    ):
        folder = tmp_path / name
        shutil.copytree(served, folder)
        learn(folder, outcomes=_outcomes(folder, "w2"), at=at)
        written(folder, text)
        start(folder, name="spring", at=at)
        with monkeypatch.context() as patch:
            patch.setattr(engine, "Spark", lambda *_: Twice())
            serve_batch(folder, wave="w3", at=at, **how)
        found[name] = folder / "waves" / "w3"
    same = [campaigns.bytes_of(found[name]) for name in ("here", "in parts", "on a cluster")]
    assert same[0] == same[1] == same[2]
    about = json.loads((found["here"] / "manifest.json").read_text())
    assert set(about["pinned"]["000001"]["logit"]) == {"refusal", "sale"}
    newest, learned = (
        campaigns.decisions(tmp_path / name, "w3").drop("decision_id", "snapshot")
        for name in ("newest", "learned")
    )
    assert newest.equals(learned)
    rows = campaigns.decisions(tmp_path / "here", "w3")
    mine = rows.filter((pl.col("group") == "spring:champion") & (pl.col("action") > 0))
    assert not mine.equals(newest.filter(pl.col("group") == "spring:champion"))
    for who in mine["customer_id"].head(5).to_list():
        told = explain(tmp_path / "here", customer=str(who), wave="w3")
        assert told.pinned == "000001"
        assert any("the same decisions" in note for note in told.notes)
        slot = told.slots[0]
        taken = next(
            c for c in slot.contenders if (c.offer, c.channel) == (slot.offer, slot.channel)
        )
        assert taken.probability == pytest.approx(slot.propensity, abs=2e-6)
        assert sum(slot.parts.values()) == pytest.approx(taken.mean, abs=1e-9)
        row = mine.filter((pl.col("customer_id") == who) & (pl.col("slot") == 1))
        assert taken.mean == pytest.approx(row["expected_reward"][0], rel=1e-4)
        for c in slot.contenders:
            assert sum(k.money for k in c.kinds) == pytest.approx(c.value * c.mean, abs=1e-9)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('link = "logit"\n', 'link = "logit"\nshare = false\n', "drop share = false"),
        ('link = "logit"\n', 'link = "probit"\n', "model.link"),
        ('link = "identity"\n', 'link = "logit"\nridge = 3.0\n', "learn alone"),
        ('policy = "rules"\n[[sim', 'policy = "rules"\nlink = "logit"\n[[sim', "no option 'link'"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, old: str, new: str, told: str) -> None:
    folder = _written(tmp_path / "campaign")
    file = folder / "campaign.toml"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new, 1))
    with pytest.raises(ConfigError, match=told):
        campaign_file.load(folder)


def test_a_reward_that_is_an_amount_stays_a_line(tmp_path: Path) -> None:
    """Without [reward.events] a reward of 0 or 1 is a count, money is none."""
    for reward, through in ((1.0, True), (12.5, False)):
        folder = _written(tmp_path / str(reward), 'window_days = 7.0\n[model]\nlink = "logit"\n')
        serve_batch(folder, wave="w1", at=MONDAY)
        some = campaigns.decisions(folder, "w1").filter(pl.col("channel") == "email")
        rows = [
            {"event_id": d, "decision_id": d, "reward": reward, "occurred_at": "2026-11-03"}
            for d in some["decision_id"][::3]
        ]
        done = learn(folder, outcomes=campaigns.outcomes(folder / "o.csv", rows), at=LATER)
        assert ("logit" in _model(folder / "snapshots" / "000001")) == through
        assert any("reward stays a straight line" in note for note in done.notes) != through
        serve_batch(folder, wave="w2", at=LATER)


@pytest.mark.parametrize("memory_mb", [0, 1, 100])
def test_rows_are_the_same_from_memory_and_read_again(memory_mb: int) -> None:
    """They are read once where they fit, as often as asked for where they do not."""
    asked = 0

    def read() -> Iterator[Seen]:
        nonlocal asked
        asked += 1
        for number in range(3):
            x = np.full((20_000, 4), number, np.float32)
            yield Seen(x, np.zeros(20_000, np.int32), np.ones((2, 20_000)), np.ones(20_000))

    again = Again(read, memory_mb)
    told = [[seen.contexts[0, 0] for seen in again.read()] for _ in range(3)]
    assert told == [[0.0, 1.0, 2.0]] * 3
    assert asked == (1 if memory_mb == 100 else 3)
