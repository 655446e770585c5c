"""Requests that came in together are decided together; each is answered once the disk has it.

While some are decided others come in, and are the next turn: the busier the server, the more share
what a turn costs. While the disk is busy nobody could be answered, so there a few wait for one
another, for a moment at most; else nobody waits for company.
"""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial

from bandit.service.commit import Committer, Tell, waited_for
from bandit.workflows.live.desk import Desk
from bandit.workflows.live.gate import NotDecidedError
from bandit.workflows.live.requests import Asked

_Waiting = tuple[Asked, Tell, float | None]
"""With the loop's time by which it should be decided."""

MOST = 128
"""Requests of a turn: whoever comes in meanwhile waits for it."""
COMPANY, PATIENCE_SECONDS = 24, 0.001
"""While the disk is busy a turn begins with so many, or after so long, or when it is free."""


class Turns:
    """The queue before the desk; ``decided`` counts what was answered."""

    def __init__(self, desk: Desk, committer: Committer) -> None:
        self.decided = 0
        self._desk, self._committer = desk, committer
        self._waiting: list[_Waiting] = []
        self._turn: asyncio.Task[None] | None = None
        self._soon: asyncio.TimerHandle | None = None
        committer.freed = self._begin

    async def answer(self, asked: Asked, seconds: float | None = None) -> bytes:
        """The answer as JSON, when it is on the disk; NotDecidedError says why there is none."""
        tell, found = waited_for()
        self.ask(asked, tell, seconds)
        return await found

    def ask(self, asked: Asked, tell: Tell, seconds: float | None = None) -> None:
        """As `answer`, for who does not wait; after ``seconds`` rules decide alone."""
        until = None if seconds is None else asyncio.get_running_loop().time() + seconds
        self._waiting.append((asked, tell, until))
        if not self._committer.busy or len(self._waiting) >= COMPANY:
            self._begin()
        elif self._turn is None and self._soon is None:
            loop = asyncio.get_running_loop()
            self._soon = loop.call_later(PATIENCE_SECONDS, self._begin)

    def _begin(self) -> None:
        """Let a turn begin, unless one is about to or nobody waits."""
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        if self._turn is not None or not self._waiting:
            return
        mine: deque[_Waiting] = deque()
        self._turn = asyncio.create_task(self._take(mine))
        self._turn.add_done_callback(partial(_ended, mine))

    async def _take(self, mine: deque[_Waiting]) -> None:
        """Decide for those who wait now."""
        mine += self._waiting[:MOST]
        del self._waiting[:MOST]
        self._turn = None
        if self._waiting:
            self._begin()
        now = asyncio.get_running_loop().time()
        late = {i for i, (_, _, until) in enumerate(mine) if until is not None and until <= now}
        given = self._desk.decide_all([asked for asked, _, _ in mine], late)
        for one in given:
            _, tell, _ = mine.popleft()
            if isinstance(one, NotDecidedError):
                tell(one)
                continue
            self.decided += 1
            if one.fresh:
                self._committer.then(tell, one.content)
            else:
                tell(one.content)


def _ended(mine: deque[_Waiting], turn: asyncio.Task[None]) -> None:
    """What a turn dies of is told to all who are left in it."""
    error = turn.exception()
    if error is not None:
        for _, tell, _ in mine:
            tell(error)
