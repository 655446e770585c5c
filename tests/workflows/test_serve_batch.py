"""A wave: what is decided, that it is the same whatever the run looks like, whole or not at all."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from bandit.core import errors
from bandit.workflows.serve import publish
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns
from tests.campaigns import MONDAY, bytes_of


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = campaigns.write(tmp_path_factory.mktemp("served") / "campaign")
    serve_batch(folder, wave="w1", at=MONDAY)
    return folder


def test_every_customer_has_a_first_slot_and_a_propensity(served: Path) -> None:
    frame = campaigns.decisions(served, "w1")
    first = frame.filter((pl.col("slot") == 1) & (pl.col("placement") == "outbound"))
    assert first["customer_id"].to_list() == sorted(campaigns.people(300)["customer_id"])
    assert frame["propensity"].is_between(0, 1, closed="right").all()
    assert frame["decision_id"].n_unique() == frame.height


def test_nobody_gets_what_the_rules_forbid(served: Path) -> None:
    frame = campaigns.decisions(served, "w1").join(campaigns.people(300), on="customer_id")
    fibre = frame.filter(pl.col("offer") == "fibre")
    assert fibre.filter((pl.col("region") != "north") & ~(pl.col("age") > 40)).height == 0
    assert frame.filter((pl.col("channel") == "sms") & (pl.col("customer_id") % 3 == 0)).height == 0
    assert frame.filter((pl.col("offer") == "music") & (pl.col("channel") == "sms")).height == 0


def test_holdout_is_left_in_peace_everywhere(served: Path) -> None:
    frame = campaigns.decisions(served, "w1")
    assert frame.filter(pl.col("group") == "holdout")["action"].unique().to_list() == [0]


def test_slots_of_a_customer_exclude_one_another(served: Path) -> None:
    frame = campaigns.decisions(served, "w1").filter(
        (pl.col("placement") == "outbound") & (pl.col("action") > 0)
    )
    family = pl.col("offer").replace({"fibre": "net", "cable": "net"})
    two = frame.with_columns(family=family).group_by("customer_id").agg(
        pl.len(), pl.col("channel").n_unique().alias("channels"), pl.col("family").n_unique()
    ).filter(pl.col("len") == 2)  # fmt: skip
    assert two.height > 10
    assert (two["channels"] == 2).all()
    assert (two["family"] == 2).all()


def test_an_inbound_list_is_full_unless_held_out(served: Path) -> None:
    frame = campaigns.decisions(served, "w1").filter(pl.col("placement") == "home")
    shown = frame.filter(pl.col("group") != "holdout").group_by("customer_id").len()
    assert (shown["len"] == 2).all()
    assert (frame.filter(pl.col("group") != "holdout")["action"] > 0).all()


@pytest.mark.parametrize(("batch_size", "threads"), [(1, 1), (37, 2), (100_000, 2)])
def test_bytes_hang_on_neither_batch_size_nor_threads(
    served: Path, tmp_path: Path, batch_size: int, threads: int
) -> None:
    folder = campaigns.write(tmp_path / "campaign", customers=300)
    serve_batch(folder, wave="w1", at=MONDAY, batch_size=batch_size, threads=threads)
    for part in ("waves", "exports", "snapshots"):
        assert bytes_of(folder / part) == bytes_of(served / part)


def test_shuffled_rows_give_the_same_wave(served: Path, tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path / "campaign")
    frame = campaigns.people(300)
    campaigns.write_customers(folder, frame.sample(fraction=1.0, shuffle=True, seed=5))
    serve_batch(folder, wave="w1", at=MONDAY)
    assert bytes_of(folder / "waves") == bytes_of(served / "waves")


def test_dry_run_decides_the_same_and_writes_nothing(tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path / "campaign")
    before = bytes_of(folder)
    dry = serve_batch(folder, wave="w1", at=MONDAY, dry_run=True)
    assert bytes_of(folder) == before
    wet = serve_batch(folder, wave="w1", at=MONDAY)
    assert (dry.contacts, dry.expected_value) == (wet.contacts, wet.expected_value)


def test_a_wave_is_not_run_twice(served: Path) -> None:
    before = bytes_of(served)
    again = serve_batch(served, wave="w1", at=MONDAY)
    assert "published already" in again.notes[-1]
    assert bytes_of(served) == before
    with pytest.raises(errors.ConfigError, match="published already, with seed 11"):
        serve_batch(served, wave="w1", at=MONDAY, seed=12)


def test_lists_hold_the_contacts_and_no_one_else(served: Path) -> None:
    contacts = campaigns.decisions(served, "w1").filter(pl.col("action") > 0)
    for channel in ("email", "sms", "home"):
        listed = pl.read_csv(served / "exports" / "w1" / f"{channel}.csv")
        chosen = contacts.filter(pl.col("channel") == channel)
        assert set(listed["decision_id"]) == set(chosen["decision_id"])
        assert listed.columns == [
            "customer_id", "offer", "priority", "expected_value", "decision_id",
        ]  # fmt: skip


def test_contact_pressure_counts_earlier_waves(tmp_path: Path) -> None:
    folder = campaigns.write(
        tmp_path / "campaign",
        pressure="max_contacts = 1\nper_days = 30.0\nsame_offer_days = 60.0",
    )
    serve_batch(folder, wave="w1", at=MONDAY)
    serve_batch(folder, wave="w2", at=MONDAY + dt.timedelta(days=7))
    serve_batch(folder, wave="w3", at=MONDAY + dt.timedelta(days=35))
    outbound = [
        campaigns.decisions(folder, w).filter(
            (pl.col("placement") == "outbound") & (pl.col("action") > 0)
        )
        for w in ("w1", "w2", "w3")
    ]
    assert set(outbound[0]["customer_id"]).isdisjoint(outbound[1]["customer_id"])
    both = outbound[0].join(outbound[2], on=["customer_id", "offer"])
    assert outbound[2].height > 100
    assert both.height == 0


def test_groups_are_stable_over_waves(tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path / "campaign", pressure="slots = 1")
    for i in range(2):
        serve_batch(folder, wave=f"w{i}", at=MONDAY + dt.timedelta(days=7 * i), seed=100 + i)
    first, second = (
        campaigns.decisions(folder, f"w{i}").filter(pl.col("group") == "holdout") for i in range(2)
    )
    assert set(first["customer_id"]) == set(second["customer_id"])


def test_opt_out_between_scoring_and_export_is_honoured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = campaigns.write(tmp_path / "campaign")
    toml = (folder / "campaign.toml").read_text()
    consents = '[consents]\nsource = "customers.duckdb"\ntable = "consents"'
    (folder / "campaign.toml").write_text(
        toml.replace(consents, '[consents]\nsource = "consents.parquet"')
    )
    everyone = campaigns.people(300).select(
        "customer_id", channel=pl.lit("email"), granted=pl.lit(True)
    )
    everyone.write_parquet(folder / "consents.parquet")
    untouched = shutil.copytree(folder, tmp_path / "untouched")
    serve_batch(untouched, wave="w", at=MONDAY)
    mailed = pl.read_csv(untouched / "exports" / "w" / "email.csv")["customer_id"]
    export = publish._export

    def opt_out_first(*args: Any) -> Any:
        refused = pl.col("customer_id") == mailed[0]
        everyone.with_columns(granted=~refused).write_parquet(folder / "consents.parquet")
        return export(*args)

    monkeypatch.setattr(publish, "_export", opt_out_first)
    summary = serve_batch(folder, wave="w", at=MONDAY)
    left = pl.read_csv(folder / "exports" / "w" / "email.csv")["customer_id"]
    assert summary.withheld == 1
    assert left.to_list() == mailed[1:].to_list()


def test_mean_weight_of_the_own_policy_is_one(served: Path) -> None:
    """Σ 1/propensity over the holdout's rows estimates the number of customers."""
    first = campaigns.decisions(served, "w1").filter(
        (pl.col("slot") == 1) & (pl.col("placement") == "outbound")
    )
    n = first.height
    share = (1.0 / first["propensity"]).to_numpy() * (first["action"] == 0).to_numpy()
    assert abs(share.mean() - 1.0) < 4 * np.std(share) / np.sqrt(n)


@pytest.mark.parametrize(
    ("regroup", "stay"), [(None, "holdout"), ("never", "all"), ("every_wave", "none")]
)
def test_who_stays_in_their_group(tmp_path: Path, regroup: str | None, stay: str) -> None:
    """Unless told otherwise the holdout stays, and the shares of the others are drawn anew."""
    folder = campaigns.write(tmp_path / "campaign", pressure="slots = 1")
    toml = folder / "campaign.toml"
    if regroup is not None:
        toml.write_text(toml.read_text().replace("[policy]", f'[policy]\nregroup = "{regroup}"'))
    for i in range(2):
        serve_batch(folder, wave=f"w{i}", at=MONDAY + dt.timedelta(days=7 * i))
    waves = [campaigns.decisions(folder, f"w{i}") for i in range(2)]
    same = {}
    for group in {"holdout", *waves[0]["group"]} - {"exploration"}:
        first, second = (
            set(wave.filter(pl.col("group") == group)["customer_id"]) for wave in waves
        )
        same[group] = len(first & second) / min(len(first), len(second))
    others = [share for group, share in same.items() if group != "holdout"]
    assert (same["holdout"] == 1.0) == (stay != "none")
    assert (min(others) > 0.8) == (stay == "all")


def test_a_list_may_show_nothing_rather_than_a_loss(tmp_path: Path) -> None:
    """Every offer costs and none has earned: expectation ends the list, exactly."""
    whole = campaigns.write(tmp_path / "all")
    worth = campaigns.write(tmp_path / "worth")
    config = worth / "campaign.toml"
    text = config.read_text().replace("ranks = 2", 'ranks = 2\ncost = 0.5\nfill = "only_worth"')
    config.write_text(text.replace("exploration = 0.05", "exploration = 0.0"))
    for folder in (whole, worth):
        serve_batch(folder, wave="w1", at=MONDAY)
    home = pl.col("placement") == "home"
    shown = campaigns.decisions(worth, "w1").filter(home & (pl.col("group") == "lin_ts"))
    filled = campaigns.decisions(whole, "w1").filter(home & (pl.col("group") == "lin_ts"))
    assert (filled.filter(pl.col("slot") == 1)["action"] > 0).mean() > 0.9
    nothing = shown.filter((pl.col("slot") == 1) & (pl.col("action") == 0))
    assert nothing.height > 0
    assert nothing["propensity"].is_between(0.0, 1.0, closed="none").all()
    assert not set(nothing["customer_id"]) & set(shown.filter(pl.col("slot") == 2)["customer_id"])
