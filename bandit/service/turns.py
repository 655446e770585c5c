"""Requests that came in together are decided together; each is answered once the disk has it.

While some are decided others come in, and are the next turn: the busier the server, the more share
what a turn costs, and nobody waits for company.
"""

from __future__ import annotations

import asyncio
from functools import partial

from bandit.service.commit import Committer
from bandit.workflows.live.desk import Desk
from bandit.workflows.live.gate import NotDecidedError
from bandit.workflows.live.requests import Asked

_Waiting = tuple[Asked, asyncio.Future[bytes]]

MOST = 128
"""Requests of a turn: whoever comes in meanwhile waits for it."""


class Turns:
    """The queue before the desk; ``decided`` counts what was answered."""

    def __init__(self, desk: Desk, committer: Committer) -> None:
        self.decided = 0
        self._desk, self._committer = desk, committer
        self._waiting: list[_Waiting] = []
        self._turn: asyncio.Task[None] | None = None

    async def answer(self, asked: Asked) -> bytes:
        """The answer as JSON, when it is on the disk; NotDecidedError says why there is none."""
        found: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, found))
        if self._turn is None:
            self._begin()
        return await found

    def _begin(self) -> None:
        mine: list[_Waiting] = []
        self._turn = asyncio.create_task(self._take(mine))
        self._turn.add_done_callback(partial(_ended, mine))

    async def _take(self, mine: list[_Waiting]) -> None:
        """Decide for those who wait now."""
        mine += self._waiting[:MOST]
        del self._waiting[:MOST]
        self._turn = None
        if self._waiting:
            self._begin()
        given = self._desk.decide_all([asked for asked, _ in mine])
        for (_, found), one in zip(mine, given, strict=True):
            if isinstance(one, NotDecidedError):
                _settle(found, one)
                continue
            self.decided += 1
            if one.fresh:
                self._committer.then(found, one.content)
            else:
                _settle(found, one.content)


def _ended(mine: list[_Waiting], turn: asyncio.Task[None]) -> None:
    """What a turn dies of is told to all who are in it."""
    error = turn.exception()
    if error is not None:
        for _, found in mine:
            _settle(found, error)


def _settle(found: asyncio.Future[bytes], with_: bytes | BaseException) -> None:
    if found.done():  # the client went away
        return
    if isinstance(with_, bytes):
        found.set_result(with_)
    else:
        found.set_exception(with_)
