"""Learning: which outcome belongs where, once, and the same bytes in whatever order they come."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import bandit
from bandit.core import errors
from bandit.workflows.learn.learn import learn
from bandit.workflows.operate.rollback import rollback
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns
from tests.campaigns import MONDAY

CLOSED = MONDAY + dt.timedelta(days=7)


@pytest.fixture
def served(tmp_path: Path) -> Path:
    folder = campaigns.write(tmp_path / "campaign", pressure="slots = 1")
    serve_batch(folder, wave="w1", at=MONDAY)
    return folder


def _events(folder: Path, wave: str = "w1") -> list[dict[str, object]]:
    """Rewards for some contacts by decision, and for some held-out customers by name."""
    frame = campaigns.decisions(folder, wave).filter(pl.col("placement") == "outbound")
    contacts = frame.filter(pl.col("action") > 0)[::3]
    held = frame.filter(pl.col("group") == "holdout")[::2]
    by_decision = [
        {
            "event_id": f"{wave}-{i}",
            "decision_id": d,
            "reward": 10.0 + i / 7,
            "occurred_at": "2026-11-04 10:00:00",
        }
        for i, d in enumerate(contacts["decision_id"])
    ]
    by_name = [
        {
            "event_id": f"{wave}-h{i}",
            "customer_id": c,
            "reward": 3.0 + i,
            "occurred_at": "2026-11-05 12:00:00",
        }
        for i, c in enumerate(held["customer_id"])
    ]
    return by_decision + by_name


def _posterior(folder: Path) -> bytes:
    newest = sorted((folder / "snapshots").iterdir())[-1]
    return (newest / "posterior.safetensors").read_bytes()


ORGANIC = """
seed = 1
[customers]
source = "customers.parquet"
[features]
numeric = ["x"]
[reward]
window_days = 7.0
ridge = 100.0
[policy]
holdout = 0.05
[[policy.share]]
policy = "lin_ts"
share = 1.0
[[channel]]
name = "email"
cost = 1.0
consent = false
[[offer]]
name = "one"
[[offer]]
name = "two"
"""


def _contacted(folder: Path, organic: float) -> list[int]:
    """Who is contacted after a wave of offers worth +10, where everybody spends ``organic``."""
    n, rng = 3_000, np.random.default_rng(3)
    folder.mkdir()
    (folder / "campaign.toml").write_text(ORGANIC)
    ids = pl.DataFrame({"customer_id": np.arange(n), "x": rng.normal(size=n)})
    ids.write_parquet(folder / "customers.parquet")
    serve_batch(folder, wave="w1", at=MONDAY)
    frame = campaigns.decisions(folder, "w1").sort("customer_id")
    reward = organic + 30.0 * rng.normal(size=n) + 10.0 * (frame["action"].to_numpy() > 0)
    frame.select(
        pl.col("decision_id").alias("event_id"),
        "decision_id",
        pl.lit("2026-11-04 10:00:00").alias("occurred_at"),
        pl.Series("reward", reward.round(2)),
    ).write_parquet(folder / "outcomes.parquet")
    learn(folder, outcomes=folder / "outcomes.parquet", at=CLOSED)
    posterior = bandit.load_posterior(folder / "snapshots" / "000001" / "posterior.safetensors")
    assert abs(posterior.noise_scale - 30.0) < 0.1 * 30.0
    serve_batch(folder, wave="w2", at=CLOSED)
    frame = campaigns.decisions(folder, "w2").filter(pl.col("action") > 0)
    return sorted(frame["customer_id"].to_list())


def test_what_people_spend_anyway_decides_nothing(tmp_path: Path) -> None:
    levels = [_contacted(tmp_path / str(level), level) for level in (0.0, 40.0, 1000.0)]
    assert levels[0] == levels[1] == levels[2]
    assert len(levels[0]) > 2_500


def test_posterior_is_the_ridge_regression_on_decisions_and_rewards(served: Path) -> None:
    events = _events(served)
    learn(served, outcomes=campaigns.outcomes(served / "o.csv", events), at=CLOSED)
    posterior = bandit.load_posterior(
        sorted((served / "snapshots").iterdir())[-1] / "posterior.safetensors"
    )
    frame = campaigns.decisions(served, "w1")
    reward = {e["decision_id"]: e["reward"] for e in events if e.get("decision_id")}
    named = {e["customer_id"]: e["reward"] for e in events if e.get("customer_id")}
    first = (pl.col("placement") == "outbound") & (pl.col("slot") == 1)
    for action in range(posterior.n_actions):
        rows = frame.filter((pl.col("action") == action) & (first | (pl.lit(action) > 0)))
        x = rows["features"].to_numpy().astype(float).reshape(rows.height, -1)
        y = np.array([
            reward.get(d, named.get(c, 0.0) if f else 0.0)
            for d, c, f in rows.select("decision_id", "customer_id", first).iter_rows()
        ])  # fmt: skip
        unit = np.eye(x.shape[1])[0]
        prior = np.linalg.inv(np.eye(x.shape[1]) + np.outer(unit, unit) / 10.0)
        base = posterior.reward_sum.sum() / posterior.count.sum()
        solution = base * unit + np.linalg.solve(x.T @ x + prior, x.T @ (y - base * x @ unit))
        np.testing.assert_allclose(posterior.mean[action], solution, rtol=1e-8, atol=1e-10)


def test_a_wave_waits_until_its_window_has_closed(served: Path) -> None:
    early = learn(served, at=CLOSED - dt.timedelta(seconds=1))
    assert (early.waves, early.waiting, early.new) == ([], ["w1"], False)
    assert learn(served, no_events=True, at=CLOSED).waves == ["w1"]


def test_each_wave_is_learned_from_once(served: Path) -> None:
    learn(served, no_events=True, at=CLOSED)
    before = _posterior(served)
    again = learn(served, at=CLOSED + dt.timedelta(days=30))
    assert not again.new
    assert _posterior(served) == before


def test_late_shuffled_and_repeated_outcomes_give_the_same_bytes(
    served: Path, tmp_path: Path
) -> None:
    import shutil

    other = shutil.copytree(served, tmp_path / "other")
    events = _events(served)
    learn(served, outcomes=campaigns.outcomes(tmp_path / "all.csv", events), at=CLOSED)
    rng = np.random.default_rng(1)
    learn(other, no_events=True, at=CLOSED)
    silent = _posterior(other)
    for i in range(5):
        part = [events[j] for j in rng.permutation(len(events))[: len(events) // 2 + i]]
        learn(other, outcomes=campaigns.outcomes(tmp_path / f"{i}.csv", part + part[:3]), at=CLOSED)
    shuffled = [events[j] for j in rng.permutation(len(events))]
    learn(other, outcomes=campaigns.outcomes(tmp_path / "last.csv", shuffled), at=CLOSED)
    assert _posterior(other) == _posterior(served) != silent


def test_an_outcome_by_name_belongs_to_the_latest_wave(served: Path) -> None:
    serve_batch(served, wave="w2", at=MONDAY + dt.timedelta(days=3))
    held = campaigns.decisions(served, "w1").filter(
        (pl.col("group") == "holdout") & (pl.col("placement") == "outbound")
    )["customer_id"][0]
    events = [
        {"event_id": "a", "customer_id": held, "reward": 1.0, "occurred_at": "2026-11-04 00:00:00"},
        {"event_id": "b", "customer_id": held, "reward": 8.0, "occurred_at": "2026-11-06 00:00:00"},
        {
            "event_id": "c",
            "customer_id": held,
            "reward": 64.0,
            "occurred_at": "2026-12-06 00:00:00",
        },
    ]
    learned = learn(
        served,
        outcomes=campaigns.outcomes(served / "o.csv", events),
        at=MONDAY + dt.timedelta(days=10),
    )
    assert (learned.waves, learned.events) == (["w1", "w2"], 2)
    posteriors = [
        bandit.load_posterior(p / "statistics.safetensors")
        for p in sorted((served / "statistics").iterdir())
    ]
    assert [p.reward_sum[0] for p in posteriors] == [1.0, 8.0]


def test_bad_outcomes_are_refused_by_name_and_nothing_is_stored(served: Path) -> None:
    rows = [
        {"event_id": "a", "decision_id": "w1.999999", "reward": 1.0, "occurred_at": "2026-11-04"},
        {"event_id": "b", "decision_id": "w1.1", "reward": 1.0, "occurred_at": "soon"},
        {"event_id": None, "decision_id": "w1.1", "reward": 1.0, "occurred_at": "2026-11-04"},
        {"event_id": "d", "reward": 1.0, "occurred_at": "2026-11-04"},
        {
            "event_id": "e",
            "decision_id": "w1.1",
            "reward": float("nan"),
            "occurred_at": "2026-11-04",
        },
    ]
    reasons = [
        "decision_id = 'w1.999999': no such decision in this campaign",
        "occurred_at = 'soon': no date or time",
        "event_id = 'NULL': no event id",
        "customer_id = 'NULL': names neither a decision nor a customer",
        "reward = 'NaN': not a finite number",
    ]
    for row, reason in zip(rows, reasons, strict=True):
        with pytest.raises(errors.DataError, match=reason):
            learn(served, outcomes=campaigns.outcomes(served / "o.csv", [row]), at=CLOSED)
    assert not any((served / "outcomes").glob("[!.]*"))


def test_rejects_below_the_share_are_kept_apart(served: Path) -> None:
    events = _events(served)
    bad = {"event_id": "x", "decision_id": "nowhere.1", "reward": 1.0, "occurred_at": "2026-11-04"}
    toml = served / "campaign.toml"
    toml.write_text(toml.read_text() + "[limits]\nreject_share = 0.1\n")
    path = campaigns.outcomes(served / "o.csv", [*events, bad])
    assert learn(served, outcomes=path, at=CLOSED).rejected == 1
    rejects = pl.read_parquet(served / "outcomes" / "*" / "rejects.parquet")
    assert rejects.row(0)[:4] == ("outcomes", "x", "decision_id", "nowhere.1")


def test_half_life_forgets_by_the_waves_age(tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path / "campaign")
    toml = folder / "campaign.toml"
    toml.write_text(
        toml.read_text().replace("window_days = 7.0", "window_days = 7.0\nhalf_life_days = 14.0")
    )
    serve_batch(folder, wave="w1", at=MONDAY)
    serve_batch(folder, wave="w2", at=MONDAY + dt.timedelta(days=14))
    learn(folder, no_events=True, at=MONDAY + dt.timedelta(days=21))
    parts = [
        bandit.load_posterior(p / "statistics.safetensors")
        for p in sorted((folder / "statistics").iterdir())
    ]
    newest = bandit.load_posterior(
        sorted((folder / "snapshots").iterdir())[-1] / "posterior.safetensors"
    )
    np.testing.assert_allclose(newest.count, parts[0].count / 2 + parts[1].count, rtol=1e-12)


def test_new_offers_get_new_actions_and_removed_ones_are_never_served(served: Path) -> None:
    learn(served, no_events=True, at=CLOSED)
    toml = served / "campaign.toml"
    text = toml.read_text().replace('name = "cable"', 'name = "satellite"')
    toml.write_text(text)
    serve_batch(served, wave="w2", at=MONDAY + dt.timedelta(days=10))
    frame = campaigns.decisions(served, "w2")
    assert "satellite" in frame["offer"].unique()
    assert "cable" not in frame["offer"].unique()
    learned = learn(served, no_events=True, at=MONDAY + dt.timedelta(days=17))
    assert learned.waves == ["w1", "w2"]


def test_rollback_serves_the_older_snapshot(served: Path) -> None:
    learn(served, no_events=True, at=CLOSED)
    result = rollback(served, version="000000")
    assert (result.snapshot, result.parent) == ("000002", "000001")
    assert _posterior(served) == (served / "snapshots/000000/posterior.safetensors").read_bytes()
    with pytest.raises(errors.UsageError, match="has no snapshot '000009'; it has 000000"):
        rollback(served, version="000009")


@pytest.mark.parametrize("slots", [1, 2])
def test_slots_teach_what_an_offer_adds_and_not_which_slot_it_had(
    tmp_path: Path, slots: int
) -> None:
    """Everybody spends 10 unprompted, each contact and each rank adds 3: 13 and 10, in any slot."""
    folder = campaigns.write(tmp_path / "campaign", customers=900, pressure=f"slots = {slots}")
    serve_batch(folder, wave="w1", at=MONDAY)
    frame = campaigns.decisions(folder, "w1")
    when = {"occurred_at": "2026-11-04 10:00:00"}
    named = [
        {"event_id": f"c{c}", "customer_id": c, "reward": 10.0, **when}
        for c in frame["customer_id"].unique(maintain_order=True)
    ]
    own = [
        {"event_id": f"d{d}", "decision_id": d, "reward": 3.0, **when}
        for d in frame.filter(pl.col("action") > 0)["decision_id"]
    ]
    result = learn(folder, outcomes=campaigns.outcomes(folder / "o.csv", named + own), at=CLOSED)
    assert result.new
    posterior = bandit.load_posterior(
        sorted((folder / "snapshots").iterdir())[-1] / "posterior.safetensors"
    )
    x = np.stack(frame["features"].to_numpy()).astype(float).mean(axis=0)
    worth = posterior.mean @ x
    seen = np.asarray(posterior.count) >= 30
    assert worth[0] == pytest.approx(10.0, abs=0.3)
    assert worth[1:][seen[1:]] == pytest.approx(13.0, abs=0.3)
    assert seen.sum() >= 5
