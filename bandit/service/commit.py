"""Group commit: what waits is written and synced at once, and only then is it answered."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

from bandit.workflows.live.desk import Desk, Pending
from bandit.workflows.live.gate import NotDecidedError


class Committer:
    """One writer thread; ``failed`` is what the disk said when it refused, and then for good."""

    def __init__(self, desk: Desk) -> None:
        self.failed: OSError | None = None
        self.commits = 0
        self._desk = desk
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="bandit-commit")
        self._wake = asyncio.Event()
        self._next: asyncio.Future[None] | None = None
        self._task = asyncio.create_task(self._run())

    async def settled(self) -> None:
        """When all that was decided up to now is on the disk; NotDecidedError if it never will."""
        if self.failed is None:
            if self._next is None:
                self._next = asyncio.get_running_loop().create_future()
            self._wake.set()
            await asyncio.shield(self._next)
        if self.failed is not None:
            raise NotDecidedError(
                503,
                f"the disk refuses ({self.failed.strerror}): nothing is decided without a record;"
                " the server stops, mend the disk and start it again",
            )

    async def close(self) -> None:
        """Write what waits, and end."""
        if self._desk.pending and self.failed is None:
            await self.settled()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._thread.shutdown()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            self._wake.clear()
            waiting, self._next = self._next, None
            batch, self._desk.pending = self._desk.pending, []
            if self.failed is None and batch:
                try:
                    await loop.run_in_executor(self._thread, _write, batch)
                    self.commits += 1
                    self._desk.book.written(p.place for p in batch if p.place is not None)
                except OSError as e:
                    self.failed = e
            if waiting is not None and not waiting.done():
                waiting.set_result(None)


def _write(batch: list[Pending]) -> None:
    for writer, frames in groupby(batch, key=lambda p: p.writer):
        writer.append([p.frame for p in frames])
