"""Why there is no contact: what funnel, explain and export say is what a replay finds."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import pytest

from bandit.config import campaign_file
from bandit.config.campaign import Campaign
from bandit.core import reasons
from bandit.core.types import Array, Float64
from bandit.record import waves as record
from bandit.record.decisions import Decisions
from bandit.record.waves import Wave
from bandit.results.serve import WaveSummary
from bandit.workflows.inspect import as_served
from bandit.workflows.inspect.explain import explain
from bandit.workflows.learn.learn import learn
from bandit.workflows.privacy.export_customer import export_customer
from bandit.workflows.serve.serve_batch import serve_batch
from bandit.workflows.start.init import init
from tests import campaigns

FIRST = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
SECOND = FIRST + dt.timedelta(days=60)
SAMPLED = 20
"""Explanations that are replayed; each asks the sources anew."""


class Served(NamedTuple):
    """The template with little room: a first wave, and one that has learned what room is worth."""

    folder: Path
    first: WaveSummary
    second: WaveSummary


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    folder = tmp_path_factory.mktemp("reasons") / "lot"
    init(folder=folder)
    config = folder / "campaign.toml"
    text = config.read_text().replace("# capacity = 10000 ", "capacity = 300 ")
    assert text != config.read_text()
    config.write_text(text)
    first = serve_batch(folder, wave="first", at=FIRST)
    learn(folder, outcomes=_outcomes(folder), at=FIRST + dt.timedelta(days=50))
    config.write_text(text.replace("[limits]\n", "[limits]\nmax_contacts = 1200\n"))
    return Served(folder, first, serve_batch(folder, wave="second", at=SECOND))


def _outcomes(folder: Path) -> Path:
    """A contact of some adds to what people bring, one of others takes from it."""
    rows = campaigns.decisions(folder, "first").filter(pl.col("slot") == 1)
    rng = np.random.default_rng(5)
    likes = np.array([hash_of(c) % 3 > 0 for c in rows["customer_id"]])
    contact = (rows["action"] > 0).to_numpy()
    worth = 2.0 + contact * np.where(likes, 3.0, -2.0) + rng.normal(0.0, 4.0, rows.height)
    told = [
        {"event_id": f"e{i}", "customer_id": c, "event": "sale", "reward": float(w),
         "occurred_at": "2026-11-05"}
        for i, (c, w) in enumerate(zip(rows["customer_id"], worth, strict=True))
    ]  # fmt: skip
    return campaigns.outcomes(folder / "outcomes.csv", told)


def hash_of(customer: int) -> int:
    """What decides who likes contacts, of no feature's knowledge."""
    return customer * 2654435761 % 2**32 >> 8


def _wave(folder: Path, name: str) -> Wave:
    return next(wave for wave in record.waves(folder) if wave.name == name)


def _peace(folder: Path, wave: str) -> pl.DataFrame:
    frame = campaigns.decisions(folder, wave)
    return frame.filter((pl.col("placement") == "outbound") & (pl.col("action") == 0))


def test_what_the_lots_took_is_said_in_funnel_record_explain_and_export(served: Served) -> None:
    lost = served.first.at_peace[reasons.NO_ROOM]
    assert lost == served.first.given_up > 300
    peace = _peace(served.folder, "first")
    gone = peace.filter(pl.col("reason") == reasons.NO_ROOM)
    assert gone.height == lost
    assert (gone["planned_action"] > 0).all()
    for customer in gone["customer_id"][:5]:
        told = explain(served.folder, customer=str(customer), wave="first").slots[0]
        assert (told.reason, told.offer) == (reasons.NO_ROOM, None)
        assert told.planned is not None
        assert told.keep < 1.0
        decisions = export_customer(served.folder, customer=str(customer)).decisions
        sentence = str(decisions[0]["reason"])
        assert sentence.startswith("no contact: no room (lot): ")
        assert told.planned in sentence
        assert "given up" in sentence


def test_the_funnel_counts_every_customer_at_the_reason_of_the_record(served: Served) -> None:
    for summary in (served.first, served.second):
        counted = dict(_peace(served.folder, summary.wave)["reason"].value_counts().iter_rows())
        assert {k: v for k, v in summary.at_peace.items() if v} == counted
        assert sum(counted.values()) == summary.customers - summary.contacted
    assert served.second.at_peace[reasons.PRICED_OUT] > 0
    assert served.second.at_peace[reasons.DRAWN] > 0


def test_every_reason_of_the_record_is_what_expected_values_say(served: Served) -> None:
    seen = set()
    for name in ("first", "second"):
        replay = _Replay.of(served.folder, name)
        for row in _peace(served.folder, name).iter_rows(named=True):
            assert row["reason"] == replay.reason(row), row
            seen.add(row["reason"])
    assert seen >= {*reasons.REASONS[4:]} - {reasons.NOTHING}


def test_explanations_are_true_against_a_replay(served: Served) -> None:
    """Planned, probability, price, worth and reason, each worked out by its formula."""
    waves = ["first", "second"]
    for name in waves:
        replay, peace = _Replay.of(served.folder, name), _peace(served.folder, name)
        turn = pl.int_range(pl.len()).shuffle(seed=1).over("reason").alias("turn")
        rows = peace.with_columns(turn).sort("turn")[: SAMPLED // 2]
        for row in rows.iter_rows(named=True):
            told = explain(served.folder, customer=str(row["customer_id"]), wave=name)
            assert told.notes == ["derived again from the record: the same decisions"]
            slot = told.slots[0]
            assert slot.reason == replay.reason(row), row
            planned = int(row["planned_action"])
            assert slot.planned == (replay.actions[planned] if planned else None)
            for c in slot.contenders:
                action = 0 if c.offer is None else replay.actions.index(f"{c.offer}/{c.channel}")
                assert c.price == pytest.approx(replay.prices[action])
                assert sum(c.by_group.values()) == pytest.approx(c.probability)
                assert c.worth == pytest.approx(replay.worth(row)[action], abs=1e-6)
            assert [past.wave for past in told.history] == ["first", "second"][
                : 1 + (name != "first")
            ]


class _Replay:
    """A wave's worths and reasons by the formula: no policy draws and no kernel chooses."""

    def __init__(self, campaign: Campaign, wave: Wave) -> None:
        served = as_served.wave(campaign, Decisions(campaign.folder, wave))
        self.mean: Float64 = served.posterior.mean
        self.costs, self.prices = served.plan.costs, np.array(wave.manifest.prices)
        self.actions = wave.actions

    @classmethod
    def of(cls, folder: Path, name: str) -> _Replay:
        return cls(campaign_file.load(folder), _wave(folder, name))

    def worth(self, row: dict[str, object], *, priced: bool = True) -> Float64:
        """Value is one in the template."""
        x: Array = np.asarray(row["features"], np.float64)
        return self.mean @ x - self.costs - (self.prices if priced else 0.0)

    def reason(self, row: dict[str, object]) -> str | None:
        bits = np.frombuffer(row["eligible"], np.uint8)  # type: ignore[call-overload]  # bytes
        open_ = np.unpackbits(bits, count=len(self.actions), bitorder="little").astype(bool)
        if row["group"] == "holdout":
            return reasons.HELD_OUT
        if not open_[1:].any():
            return str(row["reason"]) if row["reason"] in reasons.STAGES else None
        if row["planned_action"] != 0:
            return reasons.NO_ROOM
        if row["group"] == "exploration":
            return reasons.EXPLORED
        priced, free = self.worth(row), self.worth(row, priced=False)
        if priced[1:][open_[1:]].max() > priced[0]:
            return reasons.DRAWN
        return reasons.PRICED_OUT if free[1:][open_[1:]].max() > free[0] else reasons.NOT_WORTH
