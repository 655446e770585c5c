"""Depths as they are served: one of an offer in a wave, deep ones seldom, their margin as value."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from bandit.config import campaign_file
from bandit.core.errors import ConfigError
from bandit.models.rising import Rising
from bandit.record import waves as record
from bandit.record.decisions import Decisions
from bandit.workflows.inspect import as_served
from bandit.workflows.learn.learn import learn
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns
from tests.campaigns import MONDAY
from tests.config.test_discount import TV

NET = TV.replace('name = "tv"', 'name = "net_plus"').replace("depths = [0.0, 0.1, 0.125, 0.3]",
                                                            "depths = [0.0, 0.25]")  # fmt: skip
MARGIN = {"tv-0": 12.0, "tv-10": 8.5, "tv-12.5": 7.75, "tv-30": 2.5, "net_plus-0": 12.0,
          "net_plus-25": 4.0}  # fmt: skip
DEEP = ("tv-30", "net_plus-25")
DAY = dt.timedelta(days=1)


def _sent(folder: Path, wave: str) -> pl.DataFrame:
    frame = campaigns.decisions(folder, wave)
    return frame.filter((pl.col("placement") == "outbound") & (pl.col("action") > 0))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three waves, ten days apart; deep ones are kept apart for fifteen."""
    folder = campaigns.write(
        tmp_path_factory.mktemp("depths") / "campaign",
        pressure="slots = 1\nsame_offer_days = 12\ndeep = { depth = 0.25, days = 15 }",
        customers=600,
        more=TV + NET,
    )
    for i in range(3):
        at = MONDAY + 10 * i * DAY
        serve_batch(folder, wave=f"w{i}", at=at)
        if i == 0:
            rows = [
                {"event_id": d, "decision_id": d, "reward": 1.0, "occurred_at": "2026-11-04"}
                for d in _sent(folder, "w0")["decision_id"][::3]
            ]
            learn(folder, outcomes=campaigns.outcomes(folder / "o.csv", rows), at=at + 9 * DAY)
    return folder


def test_values_are_margins_and_a_customer_gets_one_depth(served: Path) -> None:
    for wave in ("w0", "w1", "w2"):
        sent = _sent(served, wave).filter(pl.col("offer").is_in([*MARGIN]))
        assert len(sent) > 20
        for offer, value in sent.select("offer", "value").unique().rows():
            assert value == pytest.approx(MARGIN[offer])


def test_deep_ones_are_kept_apart_whatever_the_offer(served: Path) -> None:
    waves = [_sent(served, f"w{i}") for i in range(3)]
    deep = [set(w.filter(pl.col("offer").is_in(DEEP))["customer_id"].to_list()) for w in waves]
    assert all(deep)
    assert not deep[0] & deep[1]
    assert not deep[1] & deep[2]


def test_another_depth_is_the_same_offer_again(served: Path) -> None:
    """Ten days after one depth of tv no other comes, which by its own name would be new."""
    waves = [
        _sent(served, f"w{i}").filter(pl.col("offer").str.starts_with("tv-")) for i in range(3)
    ]
    who = [set(w["customer_id"].to_list()) for w in waves]
    assert all(who)
    assert not who[0] & who[1]
    assert not who[1] & who[2]


def test_responses_rise_with_the_depth_for_every_customer(served: Path) -> None:
    """What the record expects of a contact is the nearest rise of what was learned of depths."""
    campaign = campaign_file.load(served)
    (decisions,) = (
        Decisions(served, wave) for wave in record.waves(campaign.folder) if wave.name == "w1"
    )
    again = as_served.wave(campaign, decisions)
    assert isinstance(again.posterior, Rising)
    frame = campaigns.decisions(served, "w1")
    x = np.stack(frame["features"].to_list()).astype(np.float32)
    plain = x.astype(np.float64) @ again.posterior.mean.T
    means = plain + again.posterior.lifts(x)
    names = [f"{offer}/email" for offer in ("tv-0", "tv-10", "tv-12.5", "tv-30")]
    chain = [again.plan.space.index(name) for name in names]
    assert (np.diff(means[:, chain], axis=1) >= -1e-12).all()
    assert (np.diff(plain[:, chain], axis=1) < 0.0).any()
    taken = means[np.arange(len(x)), frame["action"].to_numpy()]
    np.testing.assert_allclose(frame["expected_reward"].to_numpy(), taken, atol=1e-5)


TABLE = """name,family,priority,cost,eligible,channels,value,depths_of,depth
fibre,net,1,0.1,region = 'north' or age > 40,,1.0,,0
cable,net,2,,,,1.0,,0
music,,3,,,"email,home",1 + spend / 100,,0
tv-0,tv,4,,,email,12.0,tv,0
tv-10,tv,4,,,email,8.5,tv,0.1
tv-12.5,tv,4,,,email,7.75,tv,0.125
tv-30,tv,4,,,email,2.5,tv,0.3
"""


def _of_table(folder: Path, rows: str, pressure: str = "slots = 2") -> Path:
    """The campaign whose offers stand in a table."""
    file = campaigns.write(folder, pressure=pressure, customers=200) / "campaign.toml"
    text = file.read_text()
    declared = '[model]\ncolumns = ["depths_of", "depth"]\n[offers]\nsource = "offers.csv"\n'
    file.write_text(text[: text.index("[[offer]]")] + declared)
    (folder / "offers.csv").write_text(rows)
    return folder


def test_depths_of_a_table_are_served_as_declared_ones(tmp_path: Path) -> None:
    """Before and after something was learned, to the bit: order, sharing, propensities."""
    table = _of_table(tmp_path / "table", TABLE)
    declared = campaigns.write(tmp_path / "declared", customers=200, more=TV)
    for folder in (table, declared):
        serve_batch(folder, wave="w0", at=MONDAY)
        rows = [
            {"event_id": d, "decision_id": d, "reward": 1.0, "occurred_at": "2026-11-04"}
            for d in _sent(folder, "w0")["decision_id"][::3]
        ]
        learn(folder, outcomes=campaigns.outcomes(folder / "o.csv", rows), at=MONDAY + 9 * DAY)
        serve_batch(folder, wave="w1", at=MONDAY + 10 * DAY)
    for wave in ("w0", "w1"):
        one, other = (campaigns.decisions(folder, wave) for folder in (table, declared))
        same = ["customer_id", "slot", "offer", "channel", "propensity", "expected_reward", "value"]
        assert one.select(same).equals(other.select(same))
    assert _sent(table, "w1")["offer"].str.starts_with("tv-").any()
    manifest = json.loads((table / "snapshots" / "000001" / "manifest.json").read_text())
    assert manifest["model"]["relative"] == "by offer"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("tv,0.125", "tv,12.5 %", "offer 'tv-12.5', a depth of 'tv': depth is '12.5 %'"),
        ("tv,0.125", "tv,", "depth is None; each must be a number"),
        ("tv,0.125", "tv,12.5", "depth is 12.5; each must be a number of at least 0 and below 1"),
        ("tv,0.125", "tv,0.1", "'tv-10' has the depth 0.1 as well"),
        ("tv-30,tv,", "tv-30,,", "family is None, that of 'tv-0' 'tv'"),
        ("tv,0.3", "tv,0.2", "pressure.deep.depth = 0.25: no offer has a discount so deep"),
    ],
)
def test_depths_of_a_table_that_cannot_be_are_refused(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    rows = TABLE.replace(old, new)
    assert rows != TABLE
    folder = _of_table(tmp_path, rows, "deep = { depth = 0.25, days = 15 }")
    with pytest.raises(ConfigError, match=said):
        serve_batch(folder, wave="w0", at=MONDAY)
