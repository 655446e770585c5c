"""Waves under limits: caps hold, bytes are the same for any batch, choices are kept."""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from bandit.core import errors
from bandit.core.types import Choice
from bandit.render.terminal import show
from bandit.results.serve import WaveSummary
from bandit.workflows.learn.learn import learn
from bandit.workflows.serve import spool
from bandit.workflows.serve.choice_cache import Chosen
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns
from tests.campaigns import MONDAY, bytes_of

LIMITS = """slots = 2
[limits]
max_contacts = 150
[[group_cap]]
name = "net"
offers = ["fibre", "cable"]
capacity = 60
"""
CAPACITY = 'name = "sms"\ncapacity = 40\n'


def _limited(folder: Path, customers: int = 300) -> Path:
    campaigns.write(folder, customers=customers, pressure=LIMITS)
    return _changed(folder, 'name = "sms"\n', CAPACITY)


def _changed(folder: Path, old: str, new: str) -> Path:
    config = folder / "campaign.toml"
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, new))
    return folder


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = _limited(tmp_path_factory.mktemp("limited") / "campaign")
    serve_batch(folder, wave="w1", at=MONDAY)
    return folder


def test_no_cap_is_passed_and_what_is_short_is_used(limited: Path) -> None:
    frame = campaigns.decisions(limited, "w1")
    out = frame.filter((pl.col("placement") == "outbound") & (pl.col("action") > 0))
    sms = out.filter(pl.col("channel") == "sms").height
    net = out.filter(pl.col("offer").is_in(["fibre", "cable"])).height
    assert sms <= 40
    assert net <= 60
    assert out.height <= 150
    assert max(net / 60, out.height / 150, sms / 40) > 0.8


def test_who_loses_the_lot_is_left_in_peace_with_its_propensity(limited: Path) -> None:
    frame = campaigns.decisions(limited, "w1").filter(pl.col("placement") == "outbound")
    assert frame["propensity"].is_between(0, 1, closed="right").all()
    kept = frame.filter(pl.col("action") > 0)["keep_probability"]
    assert kept.is_between(0, 1, closed="right").all()
    assert (kept < 1).any()


@pytest.mark.parametrize(("batch_size", "threads"), [(1, 1), (37, 2), (100_000, 2)])
def test_bytes_under_limits_hang_on_neither_batch_size_nor_threads(
    limited: Path, tmp_path: Path, batch_size: int, threads: int
) -> None:
    folder = _limited(tmp_path / "campaign")
    serve_batch(folder, wave="w1", at=MONDAY, batch_size=batch_size, threads=threads)
    for part in ("waves", "exports", "snapshots"):
        assert bytes_of(folder / part) == bytes_of(limited / part)


def test_the_wave_is_never_worth_more_than_its_bound(limited: Path, tmp_path: Path) -> None:
    """Means far from zero: of a wave that has learned, and of one that has not."""
    learned = _learned(limited, tmp_path / "again")
    for summary in (serve_batch(limited, wave="w1", at=MONDAY), learned):
        assert summary.outbound is not None
        assert summary.dual_value is not None
        assert summary.outbound.expected_value <= summary.dual_value + 1e-6
    assert learned.outbound is not None
    assert learned.outbound.expected_value > 0.0


def test_room_that_the_best_allocation_leaves_over_has_no_price(
    limited: Path, tmp_path: Path
) -> None:
    """Complementary slackness, up to the one contact that does not fit any more."""
    limits = _learned(limited, tmp_path / "again").limits
    for one in limits:
        assert one.best_price is not None
        assert one.best_used is not None
        assert one.most is not None
        assert one.best_used <= one.most
        assert one.best_price * (one.most - one.best_used) <= one.best_price + 1e-9
    assert any(one.best_price for one in limits)


def _learned(served: Path, folder: Path) -> WaveSummary:
    """A dry run that knows what contacts by e-mail and SMS add."""
    shutil.copytree(served, folder)
    frame = campaigns.decisions(folder, "w1").filter(pl.col("slot") == 1)
    rows = frame.filter(pl.col("placement") == "outbound")
    told = [
        {"event_id": f"e{i}", "decision_id": d, "event": "sale", "reward": 1.0 + 2.0 * (a > 0),
         "occurred_at": "2026-11-03"}
        for i, (d, a) in enumerate(zip(rows["decision_id"], rows["action"], strict=True))
    ]  # fmt: skip
    later = MONDAY + dt.timedelta(days=30)
    learn(folder, outcomes=campaigns.outcomes(folder / "outcomes.csv", told), at=later)
    return serve_batch(folder, wave="w2", at=later, dry_run=True)


def test_spooled_batches_are_cut_anew(
    limited: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With tiny batches on disk the wave is the same but for rounding of sums, so caps hold too."""
    monkeypatch.setattr(spool, "CELLS", 70)
    folder = _limited(tmp_path / "campaign")
    serve_batch(folder, wave="w1", at=MONDAY, batch_size=13)
    ours = campaigns.decisions(folder, "w1").select("customer_id", "slot", "action", "propensity")
    theirs = campaigns.decisions(limited, "w1").select(ours.columns)
    assert ours.drop("propensity").equals(theirs.drop("propensity"))
    np.testing.assert_allclose(ours["propensity"], theirs["propensity"], rtol=1e-6)


def test_kept_choices_are_found_for_some_of_the_rows(tmp_path: Path) -> None:
    chosen, rows = Chosen(tmp_path), np.array([2, 5, 9])
    choice = Choice(
        action=np.array([1, 0, 3], np.int32),
        propensity=np.array([0.5, 0.25, 1.0]),
        score=np.zeros(3, np.float32),
        group=np.array([0, -1, -2], np.int16),
        joint=np.arange(6.0).reshape(3, 2),
    )
    chosen.add("000001-0-1", rows, choice)
    some = chosen.of("000001-0-1", np.array([2, 9]))
    assert some.action.tolist() == [1, 3]
    assert some.joint.tolist() == [[0.0, 1.0], [4.0, 5.0]]
    assert some.group.tolist() == [0, -2]


def test_zero_capacity_closes_the_channel(tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path / "campaign")
    _changed(folder, 'name = "sms"\n', 'name = "sms"\ncapacity = 0\n')
    summary = serve_batch(folder, wave="w1", at=MONDAY)
    assert summary.contacts["sms"] == 0
    assert summary.gap == 0.0
    assert summary.contacts["email"] > 50


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'name = "cable"\n',
            'name = "cable"\nmin_contacts = 100000\n',
            "offers.cable.contacts: the minimum 100,000 cannot be had at all; the nearest that can"
            r" is \d+: lower it, or widen what limits it",
        ),
        (
            'name = "cable"\n',
            'name = "cable"\nmin_contacts = 20\nmax_contacts = 10\n',
            "min_contacts 20 is above max_contacts 10",
        ),
        (
            'name = "sms"\n',
            'name = "sms"\ncapacity = -1\n',
            r"channel.2.capacity = -1: input should be greater than or equal to 0",
        ),
        (
            'name = "sms"\n',
            'name = "sms"\ncapacity = "many"\n',
            "channel.2.capacity = 'many': input should be a valid integer",
        ),
        (
            'name = "sms"\n',
            'name = "sms"\ncapacity = 1e400\n',
            "channel.2.capacity = inf: input should be a valid integer",
        ),
        (
            'name = "sms"\n',
            'name = "sms"\ncapacity = 100000000000000000000\n',
            "channel.2.capacity = 100000000000000000000: input should be less than or equal to",
        ),
        (
            'name = "cable"\n',
            'name = "cable"\nbudget = nan\n',
            "offer.2.budget = nan: input should be a finite number",
        ),
        (
            "ranks = 2\n",
            "ranks = 2\ncapacity = 5\n",
            "channel.3: capacity is for outbound channels; an inbound one makes no contact",
        ),
    ],
)
def test_wrong_limits_are_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    folder = _changed(campaigns.write(tmp_path / "campaign"), old, new)
    with pytest.raises(errors.ConfigError, match=message):
        serve_batch(folder, wave="w1", at=MONDAY)
    assert list((folder / "waves").glob("*")) == []


def test_a_committed_minimum_that_the_draws_miss_is_said(tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path / "campaign")
    _changed(folder, 'name = "sms"\n', CAPACITY)
    summary = serve_batch(folder, wave="w1", at=MONDAY, dry_run=True)
    committed = [replace(summary.limits[0], least=39.0, used=37.0)]
    text = StringIO()
    show(replace(summary, limits=committed), text, width=200)
    assert "channels.sms.capacity: 37 of the 39 committed" in text.getvalue()


def test_a_wave_with_limits_that_is_published_already_is_shown_again(limited: Path) -> None:
    again = serve_batch(limited, wave="w1", at=MONDAY)
    text = StringIO()
    show(again, text, width=200)
    assert "channels.sms.capacity" in text.getvalue()
    assert "wave w1 is published already" in text.getvalue()
