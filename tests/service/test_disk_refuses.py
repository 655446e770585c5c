"""Whichever write, sync or rename fails: what was answered is found again, and it says so."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from bandit.core.errors import BanditError, DataError
from bandit.record import streams
from bandit.service.app import Service, app
from bandit.service.commit import Committer
from bandit.workflows.live.settle import arrivals
from tests import campaigns, triggers
from tests.lives import Live

PEOPLE = campaigns.people(60)["customer_id"].to_list()
CALLS = ("write", "fdatasync", "fsync", "replace")
Answered = list[tuple[str, dict[str, Any], httpx.Response]]
"""Route, body and answer of each request."""


@contextmanager
def failing(monkeypatch: pytest.MonkeyPatch, number: int, *, once: bool) -> Iterator[list[str]]:
    """The disk refuses at the ``number``-th call, and from then on or that ``once``; the calls."""
    asked: list[str] = []

    def refusing(name: str) -> Callable[..., Any]:
        real = getattr(os, name)

        def call(*given: Any) -> Any:
            asked.append(name)
            if len(asked) == number or (len(asked) > number and not once):
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(*given)

        return call

    with monkeypatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, refusing(name))
        yield asked


def decision(request: str, customer: int, *, activate: bool = True) -> dict[str, Any]:
    """A request for a list and a contact."""
    return {
        "request_id": request, "customer": customer, "activate": activate,
        "placements": [{"name": "home"}, {"name": "outbound"}],
    }  # fmt: skip


async def say(live: Live, answered: Answered) -> None:
    """All that can be written, some of it at once; a segment begins amid it."""
    service = Service(arrivals(live.campaign, live.desk), Committer(live.desk), ())
    service.ready = True
    transport = httpx.ASGITransport(app(service))
    async with httpx.AsyncClient(transport=transport, base_url="http://live") as client:

        async def post(route: str, body: dict[str, Any]) -> dict[str, Any]:
            found = await client.post(f"/v1/{route}", json=body)
            answered.append((route, body, found))
            return dict(found.json())

        first, *_ = await asyncio.gather(
            post("decisions", decision("d0", PEOPLE[0], activate=False)),
            *(post("decisions", decision(f"d{c}", c)) for c in PEOPLE[1:4]),
        )
        picks = [p for placed in first.get("placements", ()) for p in placed["picks"]]
        if picks:
            await post("activations", {"decision_ids": [p["decision_id"] for p in picks]})
        heard = {"customer": PEOPLE[1], "event": "sale", "reward": 2.0}
        at = "2026-11-02T10:00:00Z"
        await asyncio.gather(
            post("consents", {"customer": PEOPLE[5], "granted": False}),
            post("outcomes", {**heard, "event_id": "o1", "occurred_at": at}),
            *(post("events", triggers.event(c, c)) for c in PEOPLE[6:9]),
        )
        with suppress(DataError):  # as where the server looks for a newer generation
            live.desk.open(live.desk.generation)
        await asyncio.gather(
            *(post("decisions", decision(f"d{c}", c)) for c in PEOPLE[9:12]),
            post("consents", {"customer": PEOPLE[12], "granted": False}),
        )
        await post("decisions", decision("last", PEOPLE[13]))
        ready = (await client.get("/readyz")).status_code
        # It says so, and it is over.
        assert (ready == 503) == (service.committer.failed is not None)
        if ready == 503:
            assert answered[-1][2].status_code == 503
            assert "the disk refuses" in answered[-1][2].json()["detail"]
    await service.committer.close()


def hold_found(folder: Path, answered: Answered) -> None:
    """All that was answered is known to the next run, and told again in the same words."""
    with ExitStack() as stack:
        stack.enter_context(streams.held(folder, "serve"))
        live = Live(folder, stack)
        arrivals(live.campaign, live.desk)
        lines = {line["decision_id"] for line in triggers.outbox(folder)}
        for route, body, answer in answered:
            if answer.status_code != 200:
                assert answer.status_code == 503, answer.text
                continue
            told = answer.json()
            match route:
                case "decisions":
                    known = live.book.request(body["request_id"])
                    assert known is not None
                    assert json.loads(known[1].decided.answer) == {**told, "replayed": False}
                case "activations":
                    assert set(body["decision_ids"]) <= live.book.activated
                case "consents":
                    assert body["customer"] in live.book.closed
                case "outcomes":
                    assert body["event_id"] in live.book.events
                case "events" if told["fate"] == "contacted":
                    assert told["decision_id"] in lines
                    assert body["event_id"] in live.book.caused


@pytest.mark.long
@pytest.mark.parametrize("once", [True, False])
def test_whatever_fails_nothing_is_answered_that_the_next_run_does_not_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, once: bool
) -> None:
    whole = triggers.write(tmp_path / "whole", customers=60)
    number, met, counts = 0, set(), set()
    while True:
        number += 1
        folder = Path(shutil.copytree(whole, tmp_path / f"{number}"))
        answered: Answered = []
        with ExitStack() as stack:
            stack.enter_context(streams.held(folder, "serve"))
            with (
                failing(monkeypatch, number, once=once) as asked,
                suppress(BanditError, OSError),  # at the start it refuses, in a sentence
            ):
                asyncio.run(say(Live(folder, stack), answered))
        if len(asked) < number:
            break
        met.add(asked[number - 1])
        hold_found(folder, answered)
        counts.add(sum(answer.status_code == 200 for *_, answer in answered))
        shutil.rmtree(folder)
    assert all(answer.status_code == 200 for *_, answer in answered)
    assert met == set(CALLS)
    assert number > 30
    assert len(counts) >= 5
