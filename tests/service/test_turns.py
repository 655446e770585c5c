"""Who is decided together: whoever waits, and while the disk is busy a few that come soon after."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence, Set
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from bandit.service import commit
from bandit.service.commit import Committer
from bandit.service.turns import COMPANY, Turns
from bandit.workflows.live.requests import Asked, WantedPlacement
from bandit.workflows.live.writing import Pending, write
from tests import campaigns
from tests.lives import Live

PEOPLE = campaigns.people(300)["customer_id"].to_list()


def asked(customer: int) -> Asked:
    return Asked(f"t{customer}", customer, [WantedPlacement("home")])


@pytest.mark.parametrize("many", [3, COMPANY + 3])
def test_while_the_disk_is_busy_requests_gather_and_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    """Without a disk in the way each is a turn; behind a commit a few are one, many at once."""
    may_end, sizes = threading.Event(), list[int]()

    def slow(batch: Sequence[Pending]) -> None:
        may_end.wait(5)
        write(batch)

    monkeypatch.setattr(commit, "write", slow)
    monkeypatch.setattr("bandit.service.turns.PATIENCE_SECONDS", 60.0)

    async def run(live: Live) -> None:
        whole = live.desk.decide_all

        def counted(asks: Sequence[Asked], late: Set[int]) -> Any:
            sizes.append(len(asks))
            return whole(asks, late)

        monkeypatch.setattr(live.desk, "decide_all", counted)
        committer = Committer(live.desk)
        turns = Turns(live.desk, committer)
        waiting = [asyncio.create_task(turns.answer(asked(PEOPLE[0])))]
        while not committer.busy:
            await asyncio.sleep(0)
        assert sizes == [1]
        for customer in PEOPLE[1 : many + 1]:
            waiting.append(asyncio.create_task(turns.answer(asked(customer))))
            await asyncio.sleep(0)
        await asyncio.sleep(0.05)
        assert sizes == ([1] if many < COMPANY else [1, COMPANY])
        may_end.set()
        assert len(await asyncio.gather(*waiting)) == many + 1
        assert sizes == ([1, many] if many < COMPANY else [1, COMPANY, many - COMPANY])
        await committer.close()

    with ExitStack() as stack:
        asyncio.run(run(Live(campaigns.write(tmp_path / "c"), stack)))


def test_a_disk_that_stays_busy_holds_no_decision_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end = threading.Event()

    def slow(batch: Sequence[Pending]) -> None:
        may_end.wait(5)
        write(batch)

    monkeypatch.setattr(commit, "write", slow)

    async def run(live: Live) -> None:
        committer = Committer(live.desk)
        turns = Turns(live.desk, committer)
        waiting = [asyncio.create_task(turns.answer(asked(PEOPLE[0])))]
        while not committer.busy:
            await asyncio.sleep(0)
        waiting.append(asyncio.create_task(turns.answer(asked(PEOPLE[1]))))
        while turns.decided < 2:
            await asyncio.sleep(0.001)
        assert committer.busy
        may_end.set()
        await asyncio.gather(*waiting)
        await committer.close()

    with ExitStack() as stack:
        asyncio.run(run(Live(campaigns.write(tmp_path / "c"), stack)))
