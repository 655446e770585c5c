"""From contact to purchase: each figure of the funnel again from the files."""

from __future__ import annotations

import datetime as dt
import sys
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest

from bandit.core.errors import ConfigError
from bandit.render.pages import with_page
from bandit.render.terminal import show
from bandit.results.inspect import ReportResult, Stage
from bandit.workflows.inspect.report import report
from bandit.workflows.learn.learn import learn
from bandit.workflows.serve.serve_batch import serve_batch
from bandit.workflows.start.check import check
from tests import campaigns
from tests.campaigns import MONDAY
from tests.journeys import twin

WEEK = dt.timedelta(days=7)
KINDS = {"Delivered": 0.9, "opened": 0.5, "clicked": 0.3, "sale": 0.1}
LATER = MONDAY + 2 * WEEK


def heard(folder: Path, wave: str, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Events of several kinds, some twice, some too late, some that name the customer alone."""
    told = []
    for row in campaigns.decisions(folder, wave).iter_rows(named=True):
        for kind, chance in KINDS.items():
            for again in range(2):
                if rng.random() < chance / (1 + again):
                    by = rng.random() < 0.8
                    after = dt.timedelta(days=float(rng.exponential(2.5)))
                    told.append({
                        "event_id": f"{row['decision_id']}-{kind}-{again}",
                        "decision_id": row["decision_id"] if by else None,
                        "customer_id": None if by else row["customer_id"],
                        "event": kind,
                        "reward": 1.0,
                        "occurred_at": (row["decided_at"] + after).isoformat(),
                    })  # fmt: skip
    return told


def by_hand(folder: Path, name: str) -> dict[tuple[str, str], dict[str, float]]:
    """By channel and kind: the days to the first event of each contact that has one."""
    wave = next(w for w in twin.waves(folder) if w.name == name)
    made = [row for row in wave.rows.to_dicts() if row["action"] and not row["withheld"]]
    found: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for event in twin.events(folder):
        if not wave.at <= event["occurred_at"] < wave.at + WEEK:
            continue
        for row in made:
            named = event["decision_id"]
            if named == row["decision_id"] or (
                named is None and event["customer_id"] == row["customer_id"]
            ):
                took = (event["occurred_at"] - row["decided_at"]).total_seconds() / 86_400
                mine = found[row["channel"], event["event"].lower()]
                mine[row["decision_id"]] = min(took, mine.get(row["decision_id"], np.inf))
    return found


def _campaign(folder: Path, funnel: str) -> tuple[Path, ReportResult]:
    rng = np.random.default_rng(3)
    campaigns.write(folder, customers=150, pressure="slots = 2")
    config = folder / "campaign.toml"
    config.write_text(f"{funnel}\n{config.read_text()}")
    leaving = campaigns.OptingOut(folder, "customer_id % 5 = 1")
    assert serve_batch(folder, wave="w1", at=MONDAY, progress=leaving).withheld
    file = campaigns.outcomes(folder / "events.csv", heard(folder, "w1", rng))
    learn(folder, outcomes=file, at=LATER)
    return folder, report(folder, at=LATER)


def _hold(shown: list[Stage], folder: Path) -> None:
    """All but the order of the stages."""
    wave = twin.waves(folder)[0]
    made = [row for row in wave.rows.to_dicts() if row["action"] and not row["withheld"]]
    hand = by_hand(folder, "w1")
    assert {stage.channel for stage in shown} == {row["channel"] for row in made}
    for stage in shown:
        took = list(hand[stage.channel, stage.stage.lower()].values())
        assert stage.contacts == sum(row["channel"] == stage.channel for row in made)
        assert stage.reached == len(took) == sum(stage.by_day)
        assert stage.days == (pytest.approx(median(took), abs=1e-6) if took else None)
        days = [int(day) for day in took]
        assert stage.by_day == [days.count(day) for day in range(max(days, default=-1) + 1)]


def test_kinds_in_the_order_in_which_they_come(tmp_path: Path) -> None:
    folder, shown = _campaign(tmp_path / "campaign", "")
    _hold(shown.funnel, folder)
    assert {stage.stage for stage in shown.funnel} == {kind.lower() for kind in KINDS}
    assert all(stage.of_before is None for stage in shown.funnel)
    hand = by_hand(folder, "w1")
    whole = {
        kind: median(d for (_, k), took in hand.items() if k == kind for d in took.values())
        for kind in {stage.stage for stage in shown.funnel}
    }
    first = [stage.stage for stage in shown.funnel if stage.channel == shown.funnel[0].channel]
    assert first == sorted(whole, key=whole.__getitem__)


def test_stages_that_are_ordered_tell_who_went_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stages = ["delivered", "Clicked", "returned", "sale"]
    folder, shown = _campaign(tmp_path / "campaign", f"funnel = {stages}")
    _hold(shown.funnel, folder)
    hand = by_hand(folder, "w1")
    for channel in {stage.channel for stage in shown.funnel}:
        mine = [stage for stage in shown.funnel if stage.channel == channel]
        assert [stage.stage for stage in mine] == stages
        before: set[str] = set()
        for stage in mine:
            has = set(hand[channel, stage.stage.lower()])
            went = len(has & before) / len(before) if before else None
            assert stage.of_before == (went if went is None else pytest.approx(went))
            before = has
    told = "\n".join(shown.notes)
    assert "funnel leaves out other kinds of events: opened" in told
    assert "no event of this wave is of the kinds returned that funnel names" in told
    show(shown, sys.stdout)
    assert "of the stage before" in capsys.readouterr().out
    page = with_page(shown, tmp_path / "page").report
    assert page is not None
    assert "From contact to purchase" in page.read_text()
    assert "How long it takes" in page.read_text()


def test_silence_has_no_funnel(tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path / "campaign", customers=50)
    serve_batch(folder, wave="w1", at=MONDAY)
    assert report(folder, at=LATER).funnel == []


def test_a_funnel_changes_no_wave_and_no_kind_is_named_twice(tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path / "campaign", customers=50)
    serve_batch(folder, wave="w1", at=MONDAY)
    config = folder / "campaign.toml"
    text = config.read_text()
    config.write_text(f'funnel = ["opened", "sale"]\n{text}')
    assert "published already" in serve_batch(folder, wave="w1", at=MONDAY).notes[-1]
    for wrong in ('["opened", "Opened"]', '["opened", " "]'):
        config.write_text(f"funnel = {wrong}\n{text}")
        with pytest.raises(ConfigError, match="name each kind once"):
            check(folder, at=MONDAY)
