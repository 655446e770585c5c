"""Group commit: nothing is answered before it is on the disk, and the disk does not wait."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from bandit.service import commit
from bandit.service.commit import Committer
from bandit.workflows.live.gate import NotDecidedError
from bandit.workflows.live.writing import Pending
from tests import campaigns
from tests.lives import Live

Said = list[str]
PEOPLE = campaigns.people(300)["customer_id"].to_list()


class _Disk:
    """Writes one batch a permit, and fails from batch number ``fails`` on; ``said`` is shared."""

    def __init__(self, said: Said, fails: int = 99) -> None:
        self.may, self._said, self._fails, self._number = threading.Semaphore(0), said, fails, 0

    def write(self, batch: Sequence[Pending]) -> None:
        assert batch
        self._number += 1
        self._said.append(f"disk begins {self._number}")
        assert self.may.acquire(timeout=5)
        if self._number >= self._fails:
            raise OSError(28, "No space left on device")


def _committed(
    folder: Path, disk: _Disk, said: Said, monkeypatch: pytest.MonkeyPatch,
    then: Callable[[Callable[[int], None], Committer], Awaitable[None]],
) -> None:  # fmt: skip
    """Decide for customers by their number, and note when each is told."""

    async def run(live: Live) -> None:
        committer = Committer(live.desk)

        def decide(number: int) -> None:
            live.ask(PEOPLE[number], "home")

            def tell(found: bytes | BaseException) -> None:
                refused = isinstance(found, NotDecidedError)
                said.append(f"{'refused' if refused else 'told'} {number}")
                if committer.busy:
                    said.append(f"the disk is busy at {number}")

            committer.then(tell, b"")

        await then(decide, committer)
        await committer.close()

    monkeypatch.setattr(commit, "write", disk.write)
    with ExitStack() as stack:
        asyncio.run(run(Live(campaigns.write(folder / "c"), stack)))


async def _until(said: Said, line: str) -> None:
    async with asyncio.timeout(5):
        while line not in said:
            await asyncio.sleep(0.001)


def test_the_disk_begins_with_the_next_before_the_last_are_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: Said = []
    disk = _Disk(said)

    async def then(decide: Callable[[int], None], _: Committer) -> None:
        decide(1)
        await _until(said, "disk begins 1")
        decide(2)
        decide(3)
        await asyncio.sleep(0.01)
        assert said == ["disk begins 1"]
        disk.may.release()
        await _until(said, "told 1")
        await _until(said, "the disk is busy at 1")
        disk.may.release()
        await _until(said, "told 3")
        assert said[-2:] == ["told 2", "told 3"]

    _committed(tmp_path, disk, said, monkeypatch, then)


def test_what_was_on_the_disk_before_it_refused_is_answered_and_nothing_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: Said = []
    disk = _Disk(said, fails=2)

    async def then(decide: Callable[[int], None], committer: Committer) -> None:
        decide(1)
        await _until(said, "disk begins 1")
        decide(2)
        disk.may.release()
        await _until(said, "disk begins 2")
        decide(3)
        disk.may.release()
        await _until(said, "refused 3")
        decide(4)
        await _until(said, "refused 4")
        assert "told 1" in said
        assert {"refused 2", "refused 3", "refused 4"} <= set(said)
        assert committer.failed is not None
        committer.task.cancel()

    _committed(tmp_path, disk, said, monkeypatch, then)
