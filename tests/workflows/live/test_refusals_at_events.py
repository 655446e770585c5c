"""An event that is a refusal is no occasion for a contact: it holds, whichever way it comes."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from bandit.config import campaign_file
from bandit.core.errors import ConfigError
from bandit.results.live import Triggered
from bandit.workflows.live.seal import seal
from bandit.workflows.live.trigger import trigger
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns, triggers
from tests.campaigns import MONDAY
from tests.lives import NOON
from tests.triggers import event, file, outbox

PEOPLE = campaigns.people(300)["customer_id"].to_list()
REFUSALS = "slots = 2\nrefusal_days = 30.0"


def run(folder: Path, *rows: dict[str, object]) -> Triggered:
    """Events delivered at noon."""
    return trigger(folder, events=file(folder / "events.jsonl", rows), now=lambda: NOON)


def test_who_refuses_by_an_event_is_contacted_by_no_trigger_and_no_wave(tmp_path: Path) -> None:
    folder = triggers.write(tmp_path / "c", pressure=REFUSALS)
    refused = [event(f"r{c}", c, " Unsubscribe", minutes=5) for c in PEOPLE[:100]]
    told = run(folder, *refused, refused[0], *[event(c, c) for c in PEOPLE[:120]])
    assert (told.refusal, told.duplicate, told.gated) == (100, 1, 100)
    assert told.contacted > 5
    contacted = {line["customer"] for line in outbox(folder)}
    assert contacted <= set(PEOPLE[100:120])
    assert run(folder, *[event(f"later{c}", c) for c in PEOPLE[:100]]).contacted == 0
    assert seal(folder).outcomes == 100
    serve_batch(folder, at=MONDAY + dt.timedelta(days=1), wave="next")
    next_day = campaigns.decisions(folder, "next").filter(pl.col("channel").is_in(["email", "sms"]))
    assert len(next_day) > 30
    assert not set(next_day["customer_id"]) & set(PEOPLE[:100])


def test_what_is_no_refusal_in_the_campaign_is_an_event_like_any_other(tmp_path: Path) -> None:
    folder = triggers.write(tmp_path / "c")
    assert run(folder, event(1, PEOPLE[0], "unsubscribe")).unknown_kind == 1


def test_no_trigger_may_heed_a_refusal(tmp_path: Path) -> None:
    more = '[[trigger]]\nname = "stay"\nevent = "UNSUBSCRIBE"\n'
    folder = triggers.write(tmp_path / "c", pressure=REFUSALS, more=more)
    with pytest.raises(ConfigError, match=r"trigger 'stay' heeds 'UNSUBSCRIBE'.* another event"):
        campaign_file.load(folder)
