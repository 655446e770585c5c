"""An event that is a refusal is no occasion for a contact: it holds, whichever way it comes."""

from __future__ import annotations

import datetime as dt
from contextlib import ExitStack
from pathlib import Path

import duckdb
import polars as pl
import pytest

from bandit.config import campaign_file
from bandit.core.errors import ConfigError
from bandit.results.live import Triggered
from bandit.workflows.live.frames import Outcome
from bandit.workflows.live.gate import NotDecidedError
from bandit.workflows.live.seal import seal
from bandit.workflows.live.trigger import trigger
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns, triggers
from tests.campaigns import MONDAY
from tests.lives import NOON, Live, picks
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


def _refusal(number: int, customer: int | str) -> Outcome:
    at = int(NOON.timestamp()) * 10**6
    return Outcome(f"r{number}", None, customer, "unsubscribe", 0.0, at, at)


def test_a_refusal_by_a_key_written_otherwise_counts_for_all_written_alike(
    tmp_path: Path, stack: ExitStack
) -> None:
    """At once, and for a generation or a run that comes after it."""
    folder = campaigns.write(tmp_path / "c", customers=60, pressure=REFUSALS)
    with duckdb.connect(folder / "customers.duckdb") as data:
        for table in ("customers", "consents"):
            data.execute(
                f"CREATE OR REPLACE TABLE {table} AS SELECT * REPLACE"
                f" ('p' || customer_id AS customer_id) FROM {table}"
            )
    people = [f"p{c}" for c in PEOPLE[:60]]
    live = Live(folder, stack)
    assert any(picks(live.ask(who, "outbound")) for who in people[20:])
    for number, who in enumerate(people[:20]):
        assert live.desk.hear(_refusal(number, f" {who.upper()}"))
        assert not picks(live.ask(who, "outbound"))
    live.desk.open(live.desk.generation)
    assert not any(picks(live.ask(who, "outbound")) for who in people[:20])
    live.write()
    again = Live(folder, stack)
    assert not any(picks(again.ask(who, "outbound")) for who in people[:20])


def test_a_refusal_under_the_id_of_another_event_is_no_duplicate(
    tmp_path: Path, stack: ExitStack
) -> None:
    """It would be answered as taken, and count for nothing."""
    live = Live(campaigns.write(tmp_path / "c", customers=60, pressure=REFUSALS), stack)
    sale = _refusal(1, PEOPLE[0])
    assert live.desk.hear(Outcome("r0", None, PEOPLE[0], "sale", 3.0, sale.at, sale.received))
    assert live.desk.hear(sale)
    assert not live.desk.hear(sale)
    for other in (_refusal(1, PEOPLE[1]), _refusal(0, PEOPLE[1])):
        with pytest.raises(NotDecidedError, match="an id of its own"):
            live.desk.hear(other)
