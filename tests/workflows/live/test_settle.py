"""A kill between the record and the outbox: what is decided goes out or is withheld, never lost."""

from __future__ import annotations

import datetime as dt
import errno
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from bandit.config import campaign_file
from bandit.core.types import SILENT
from bandit.record import streams
from bandit.record.events import Event
from bandit.record.outbox import rows as outbox_rows
from bandit.sources import refusals
from bandit.workflows.live import settle
from bandit.workflows.live import trigger as workflow
from bandit.workflows.live.seal import seal
from bandit.workflows.live.trigger import trigger
from bandit.workflows.live.writing import write
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns, triggers
from tests.campaigns import MONDAY
from tests.lives import DAY, NOON
from tests.triggers import outbox

PEOPLE = campaigns.people(300)["customer_id"].to_list()[:60]
AT = int(NOON.timestamp() * 1e6)


def killed(folder: Path, rank: int, rows: slice = slice(None), *, torn: bool = False) -> None:
    """Take events in and die when the files up to ``rank`` are written, the last line half."""
    with ExitStack() as stack:
        campaign = campaign_file.load(folder)
        stack.enter_context(streams.held(campaign.folder, "serve"))
        arrivals = workflow.opened(stack, campaign, lambda: NOON, SILENT)
        for customer in PEOPLE[rows]:
            arrivals.take(Event(f"e{customer}", "basket_left", customer, AT))
        waiting = sorted(arrivals.desk.pending, key=lambda p: p.writer.rank)
        last = next(p for p in reversed(waiting) if p.writer.rank == 1)
        for writer, frame, _ in waiting:
            if writer.rank <= rank:
                writer.append([frame[:-7] if torn and frame == last.frame else frame])


@pytest.fixture
def whole(tmp_path: Path) -> list[dict[str, object]]:
    """The outbox of a run that did not die."""
    folder = triggers.write(tmp_path / "whole")
    killed(folder, 2)
    return outbox(folder)


def again(folder: Path, minutes: float = 1.0, known: int = len(PEOPLE)) -> list[str]:
    """The next run's notes; every event is delivered again, and is known."""
    rows = [triggers.event(c, c) for c in PEOPLE]
    told = trigger(
        folder,
        events=triggers.file(folder / "events.jsonl", rows),
        now=lambda: NOON + dt.timedelta(minutes=minutes),
    )
    assert told.duplicate == known
    return told.notes


@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize("twice", [False, True])
def test_the_outbox_is_completed_and_no_line_stands_twice(
    tmp_path: Path, whole: list[dict[str, object]], rank: int, *, twice: bool
) -> None:
    folder = triggers.write(tmp_path / "c")
    if twice:
        killed(folder, 2, slice(0, 30))
        killed(folder, rank, slice(30, 60), torn=rank == 1)
    else:
        killed(folder, rank)
    notes = again(folder)
    assert any("a run died while it put out" in note for note in notes)
    lines = outbox(folder)
    who = [line["event_id"] for line in lines]
    assert len(set(who)) == len(who)
    if not twice:
        assert sorted(who) == sorted(str(line["event_id"]) for line in whole)
    assert again(folder) == []
    assert outbox(folder) == lines


@pytest.mark.parametrize("why", ["refused", "late"])
def test_what_may_not_go_out_any_more_is_withheld_in_the_record_too(
    tmp_path: Path, why: str
) -> None:
    folder = triggers.write(tmp_path / "c", pressure="max_contacts = 1\nper_days = 7")
    killed(folder, 2, slice(0, 30))
    before = outbox(folder)
    killed(folder, 0, slice(30, 60))
    if why == "refused":
        log = refusals.next_file(folder)
        log.parent.mkdir(parents=True)
        log.write_bytes(
            b"".join(refusals.frame(refusals.Refusal(c, None, NOON.isoformat())) for c in PEOPLE)
        )
    notes = again(folder, minutes=1.0 if why == "refused" else 61.0)
    assert any("0 contacts were put into the outbox now" in note for note in notes)
    assert outbox(folder) == before
    _hold_withheld(folder, {line["customer"] for line in before})


def test_sealing_alone_withholds_what_was_not_put_out(tmp_path: Path) -> None:
    folder = triggers.write(tmp_path / "c", pressure="max_contacts = 1\nper_days = 7")
    killed(folder, 2, slice(0, 30))
    before = outbox(folder)
    killed(folder, 0, slice(30, 60))
    assert any("are withheld" in note for note in seal(folder).notes)
    _hold_withheld(folder, {line["customer"] for line in before})
    assert again(folder) == []


def _hold_withheld(folder: Path, contacted: set[object]) -> None:
    """The waves' contacts are those that went out, and the next wave is pressed by these alone."""
    seal(folder)
    made, withheld = set(), set()
    for wave in (folder / "waves").iterdir():
        if not wave.name.startswith(DAY):
            continue
        frame = campaigns.decisions(folder, wave.name).filter(pl.col("action") > 0)
        held = wave / "withheld.parquet"
        ids = pl.read_parquet(held)["decision_id"].to_list() if held.is_file() else []
        gone = pl.col("decision_id").is_in(ids)
        made |= set(frame.filter(~gone)["customer_id"])
        withheld |= set(frame.filter(gone)["customer_id"])
    assert made == contacted
    assert len(withheld) > 5
    serve_batch(folder, wave="next", at=MONDAY)
    frame = campaigns.decisions(folder, "next").filter(pl.col("action") > 0, placement="outbound")
    assert not contacted & set(frame["customer_id"])


def test_a_file_that_a_receiver_has_taken_is_counted_as_sent(tmp_path: Path) -> None:
    folder = triggers.write(tmp_path / "c")
    killed(folder, 0)
    assert any("0 may not go out" in note for note in seal(folder).notes)
    assert not list((folder / "waves").glob("*/withheld.parquet"))


@contextmanager
def failing(monkeypatch: pytest.MonkeyPatch, number: int) -> Iterator[list[str]]:
    """The disk refuses at the ``number``-th write or sync, and from then on; what was asked."""
    asked: list[str] = []

    def refusing(name: str) -> Callable[..., Any]:
        real = getattr(os, name)

        def call(*given: Any) -> Any:
            asked.append(name)
            if len(asked) >= number:
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(*given)

        return call

    with monkeypatch.context() as patch:
        for name in ("write", "fsync", "fdatasync"):
            patch.setattr(os, name, refusing(name))
        yield asked


@pytest.mark.long
def test_whatever_write_fails_what_goes_out_is_recorded_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: list[dict[str, object]]
) -> None:
    number, failed = 0, True
    while failed:
        number += 1
        folder = triggers.write(tmp_path / str(number))
        with ExitStack() as stack:
            campaign = campaign_file.load(folder)
            stack.enter_context(streams.held(campaign.folder, "serve"))
            arrivals = workflow.opened(stack, campaign, lambda: NOON, SILENT)
            arrivals.take_all([Event(f"e{c}", "basket_left", c, AT) for c in PEOPLE])
            with failing(monkeypatch, number) as asked, suppress(OSError):
                write(arrivals.desk.pending)
            failed = len(asked) >= number
        recorded = {said.cause.event_id for said in settle.in_streams(folder)}
        assert {str(line["event_id"]) for line in _whole_lines(folder)} <= recorded
        again(folder, known=len(recorded))
        lines = [str(line["event_id"]) for line in outbox(folder)]
        assert len(set(lines)) == len(lines)
        if len(recorded) == len(PEOPLE):  # else the others were decided by a later segment
            assert sorted(lines) == sorted(str(line["event_id"]) for line in whole)
    assert number > 6


def _whole_lines(folder: Path) -> list[dict[str, Any]]:
    boxes = (folder / "outbox").glob("*/*.jsonl")
    return [row for box in boxes for row, _ in outbox_rows(box)]
