"""Each write, sync and rename of a seal is made to fail: the next one makes it good."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from bandit.config import campaign_file
from bandit.core.errors import BanditError
from bandit.core.types import SILENT
from bandit.record import streams
from bandit.record.events import Event
from bandit.workflows.live import trigger as workflow
from bandit.workflows.live.frames import Outcome
from bandit.workflows.live.requests import Asked, WantedPlacement
from bandit.workflows.live.seal import seal
from tests import campaigns, triggers
from tests.lives import NOON

PEOPLE = campaigns.people(300)["customer_id"].to_list()[:30]
AT = int(NOON.timestamp() * 1e6)
CALLS = ("write", "fsync", "fdatasync", "replace", "rename", "unlink", "truncate")


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a server leaves that was killed.

    Decisions of two occasions, some shown later or never, outcomes, contacts at events of which
    nobody knows whether they went out, and a torn end.
    """
    folder = triggers.write(tmp_path_factory.mktemp("ran") / "c")
    with ExitStack() as stack:
        campaign = campaign_file.load(folder)
        stack.enter_context(streams.held(campaign.folder, "serve"))
        arrivals = workflow.opened(stack, campaign, lambda: NOON, SILENT)
        desk = arrivals.desk
        for i, customer in enumerate(PEOPLE):
            places = [WantedPlacement("home", 1)]
            given = desk.decide(Asked(f"r{customer}", customer, places, activate=i % 2 == 0))
            (pick,) = given.answer.placements[0].picks
            if i % 4 == 1:
                desk.activate([pick.decision_id])
            if i % 5 == 0 and pick.offer is not None:
                desk.decide(Asked(f"x{customer}", customer, places, False, [pick.offer]))
            desk.hear(Outcome(f"o{i}", pick.decision_id, None, "sale", 1.5, AT, AT))
            arrivals.take(Event(f"e{customer}", "basket_left", customer, AT))
        stream = [p for p in desk.pending if p.writer.rank == 0]
        for writer, frame, _ in stream[:-1]:
            writer.append([frame])
        stream[-1].writer.append([stream[-1].frame[:-5]])
    return folder


@contextmanager
def failing(monkeypatch: pytest.MonkeyPatch, number: int, *, once: bool) -> Iterator[list[str]]:
    """The disk refuses the ``number``-th call, or it and all after it; what was asked."""
    asked: list[str] = []

    def refusing(name: str) -> Callable[..., Any]:
        real = getattr(os, name)

        def call(*given: Any, **more: Any) -> Any:
            asked.append(name)
            if len(asked) == number or (not once and len(asked) > number):
                raise OSError(errno.EIO, "Input/output error", str(given[0]))
            return real(*given, **more)

        return call

    with monkeypatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, refusing(name))
        yield asked


def made(folder: Path) -> dict[str, Any]:
    """The waves' rows and what was withheld, and the outcomes that were heard."""
    found: dict[str, Any] = {}
    for path in sorted((folder / "waves").glob("*/*.parquet")):
        found[f"{path.parent.name}/{path.name}"] = path.read_bytes()
    heard = [pl.read_parquet(path) for path in sorted((folder / "outcomes").glob("*/*.parquet"))]
    ids = [i for frame in heard if "event_id" in frame.columns for i in frame["event_id"]]
    return {**found, "events": sorted(ids)}


@pytest.mark.long
@pytest.mark.parametrize("once", [True, False])
def test_whatever_fails_is_told_and_the_next_seal_makes_the_same_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ran: Path, *, once: bool
) -> None:
    undisturbed = shutil.copytree(ran, tmp_path / "whole")
    assert len(seal(undisturbed).waves) >= 3
    wanted = made(undisturbed)
    assert len(wanted["events"]) == len(PEOPLE)
    number, met = 0, set()
    while True:
        number += 1
        folder = shutil.copytree(ran, tmp_path / f"{number}")
        with failing(monkeypatch, number, once=once) as asked, suppress(BanditError, OSError):
            seal(folder)  # the command line tells either in a sentence
        if len(asked) < number:
            break
        met.add(asked[number - 1])
        seal(folder)
        assert made(folder) == wanted, f"{asked[number - 1]}, call {number}"
        assert all(segment.sealed for segment in streams.segments(folder))
        assert seal(folder).waves == []
        shutil.rmtree(folder)
    assert number > 20
    assert {"fsync", "replace", "write"} <= met
