"""What pairs have in common: learned by default, recorded with the wave, explained, turned off."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import bandit
from bandit.config import campaign_file
from bandit.core.errors import ConfigError
from bandit.workflows.inspect.explain import explain
from bandit.workflows.learn.learn import learn
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns
from tests.campaigns import MONDAY

LATER = MONDAY + dt.timedelta(days=7)
NEW = """
[[offer]]
name = "tv"
family = "net"
"""


def _manifest(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    return found


def _learned(folder: Path, more: str = "", customers: int = 600) -> Path:
    """A wave in which e-mail sells and the rest does not, and what was learned of it."""
    campaigns.write(folder, pressure="slots = 1", customers=customers, more=more)
    serve_batch(folder, wave="w1", at=MONDAY)
    sold = campaigns.decisions(folder, "w1").filter(pl.col("channel") == "email")
    rows = [
        {
            "event_id": d,
            "decision_id": d,
            "reward": 20.0 + (i % 5),
            "occurred_at": "2026-11-04 10:00:00",
        }
        for i, d in enumerate(sold["decision_id"])
    ]
    learn(folder, outcomes=campaigns.outcomes(folder / "o.csv", rows), at=LATER)
    return folder


def test_a_snapshot_holds_sums_and_strengths_and_a_wave_its_model(tmp_path: Path) -> None:
    folder = _learned(tmp_path / "campaign")
    content = _manifest(folder / "snapshots" / "000001")
    model = content["model"]
    assert model["kind"] == "hybrid"
    assert set(model["shared"]) == {"common", "family", "offer", "channel"}
    sums = bandit.load_posterior(folder / "snapshots" / "000001" / "posterior.safetensors")
    assert isinstance(sums, bandit.Posterior)
    serve_batch(folder, wave="w2", at=LATER)
    served = _manifest(folder / "waves" / "w2")["model"]
    assert {key: served[key] for key in model} == model
    assert len(served["features"]["rows"]) == sums.n_actions


def test_a_served_wave_is_explained_by_its_own_model_whatever_has_changed(tmp_path: Path) -> None:
    folder = _learned(tmp_path / "campaign")
    serve_batch(folder, wave="w2", at=LATER)
    text = (folder / "campaign.toml").read_text()
    (folder / "campaign.toml").write_text(text.replace('family = "net"', 'family = "other"'))
    told = explain(folder, customer="3", wave="w2")
    for slot in told.slots:
        taken = next(
            c for c in slot.contenders if (c.offer, c.channel) == (slot.offer, slot.channel)
        )
        assert taken.probability == pytest.approx(slot.propensity, abs=2e-6)
        assert set(slot.parts) == {"shared", "own"}
        assert sum(slot.parts.values()) == pytest.approx(taken.mean, abs=1e-9)
    assert any("the same decisions" in note for note in told.notes)
    assert not explain(folder, customer="3", wave="w1").slots[0].parts


def test_a_new_offer_starts_from_its_channel_and_family(tmp_path: Path) -> None:
    folder = _learned(tmp_path / "campaign")
    (folder / "campaign.toml").write_text((folder / "campaign.toml").read_text() + NEW)
    serve_batch(folder, wave="w2", at=LATER)
    frame = campaigns.decisions(folder, "w2").filter(pl.col("offer") == "tv")
    rates = frame.group_by("channel").agg(pl.col("expected_value").mean())
    worth = dict(rates.iter_rows())
    assert worth["email"] > 10.0
    assert worth["email"] > 2.0 * max(worth.get("sms", 0.0), worth.get("home", 0.0))


def test_each_pair_alone_if_the_campaign_says_so(tmp_path: Path) -> None:
    folder = _learned(tmp_path / "campaign", more="[model]\nshare = false")
    assert _manifest(folder / "snapshots" / "000001")["model"] is None
    serve_batch(folder, wave="w2", at=LATER)
    assert "model" not in _manifest(folder / "waves" / "w2")
    text = (folder / "campaign.toml").read_text()
    (folder / "campaign.toml").write_text(text.replace("share = false", "share = true"))
    # The snapshot was learned alone and is served so; the next `learn` makes it anew of its sums.
    assert learn(folder, at=LATER).snapshot == "000002"
    assert _manifest(folder / "snapshots" / "000002")["model"]["kind"] == "hybrid"
    one, other = (
        bandit.load_posterior(folder / "snapshots" / version / "posterior.safetensors")
        for version in ("000001", "000002")
    )
    np.testing.assert_array_equal(one.mean, other.mean)
    assert explain(folder, customer="3", wave="w2").slots


def test_declared_columns_are_learned_and_missing_ones_refused(tmp_path: Path) -> None:
    folder = tmp_path / "campaign"
    priced = 'name = "music"\nfeatures = { price = 9.9, brand = "b" }'
    campaigns.write(folder, more='[model]\ncolumns = ["price"]')
    text = (folder / "campaign.toml").read_text()
    with pytest.raises(ConfigError, match="no offer has a value for 'price'"):
        serve_batch(folder, wave="w1", at=MONDAY)
    text = text.replace('name = "music"', priced)
    text = text.replace('name = "cable"', 'name = "cable"\nfeatures = { price = 20 }')
    (folder / "campaign.toml").write_text(text)
    serve_batch(folder, wave="w1", at=MONDAY)
    learn(folder, no_events=True, at=LATER)
    assert "price" in _manifest(folder / "snapshots" / "000001")["model"]["shared"]


def test_declared_columns_come_from_a_table_of_offers_too(tmp_path: Path) -> None:
    folder = tmp_path / "campaign"
    campaigns.write(folder)
    text = (folder / "campaign.toml").read_text()
    text = text[: text.index("[[offer]]")] + '[offers]\nsource = "offers.csv"\n'
    (folder / "campaign.toml").write_text(text + '[model]\ncolumns = ["price", "brand"]\n')
    (folder / "offers.csv").write_text("name,price,brand\none,9.9,x\ntwo,19.9,\n")
    serve_batch(folder, wave="w1", at=MONDAY)
    learn(folder, no_events=True, at=LATER)
    shared = _manifest(folder / "snapshots" / "000001")["model"]["shared"]
    assert {"price", "brand"} <= set(shared)
    (folder / "offers.csv").write_text("name,price,brand,colour\none,9.9,x,red\n")
    with pytest.raises(ConfigError, match="unknown column 'colour'"):
        serve_batch(folder, wave="w2", at=LATER)


def test_configurations_without_the_new_keys_keep_their_digest(tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path / "campaign")
    digest = campaign_file.load(folder).digest
    text = (folder / "campaign.toml").read_text()
    (folder / "campaign.toml").write_text(text + "[model]\nshare = true\n")
    assert campaign_file.load(folder).digest == digest
    (folder / "campaign.toml").write_text(text + "[model]\nshare = false\n")
    assert campaign_file.load(folder).digest != digest
