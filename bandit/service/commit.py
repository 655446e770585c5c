"""Group commit: what waits is written and synced at once, and only then is it answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from bandit.workflows.live.desk import Desk
from bandit.workflows.live.gate import NotDecidedError
from bandit.workflows.live.writing import Pending, write

Tell = Callable[[bytes | BaseException], None]
"""Takes an answer, or why there is none; it must not fail."""


class Committer:
    """One writer thread; ``failed`` is what the disk said when it refused, and then for good.

    It is ``busy`` while the disk is, and tells ``freed`` when that is over.
    """

    def __init__(self, desk: Desk) -> None:
        self.failed: OSError | None = None
        self.commits = 0
        self.busy = False
        self.freed: Callable[[], None] = _nobody_waits
        self._desk = desk
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="bandit-commit")
        self._wake = asyncio.Event()
        self._told: list[tuple[Tell, bytes]] = []
        self.task = asyncio.create_task(self._run())

    def then(self, tell: Tell, content: bytes) -> None:
        """Tell ``content`` when all that was decided up to now is on the disk.

        NotDecidedError is told if it never will be.
        """
        self._told.append((tell, content))
        self._wake.set()

    async def settled(self) -> None:
        """When all that was decided up to now is on the disk; NotDecidedError if it never will."""
        tell, told = waited_for()
        self.then(tell, b"")
        await told

    async def close(self) -> None:
        """Write what waits, and end."""
        if self.failed is None:
            await self.settled()
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        self._thread.shutdown()

    async def _run(self) -> None:
        written: list[tuple[Tell, bytes]] = []
        while True:
            if not (written or self._told):
                await self._wake.wait()
            self._wake.clear()
            told, self._told = self._told, []
            batch, self._desk.pending = self._desk.pending, []
            # The disk begins with the next before those of the last are answered: that takes long.
            writing = self._begun(batch) if batch and self.failed is None else None
            for tell, content in written:
                tell(content if self.failed is None else _refused(self.failed))
            if written:
                self.freed()
            if writing is not None:
                try:
                    await writing
                    self.commits += 1
                    self._desk.book.written(p.place for p in batch if p.place is not None)
                except OSError as e:
                    self.failed = e
                self.busy = False
            written = told

    def _begun(self, batch: Sequence[Pending]) -> asyncio.Future[None]:
        self.busy = True
        return asyncio.get_running_loop().run_in_executor(self._thread, write, batch)


def _nobody_waits() -> None:
    """Nobody waits for the disk to be free."""


def waited_for() -> tuple[Tell, asyncio.Future[bytes]]:
    """Where an answer is told, and where it can be waited for."""
    found: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def tell(with_: bytes | BaseException) -> None:
        if found.done():  # the client went away
            return
        if isinstance(with_, bytes):
            found.set_result(with_)
        else:
            found.set_exception(with_)

    return tell, found


def _refused(error: OSError) -> NotDecidedError:
    return NotDecidedError(
        503,
        f"the disk refuses ({error.strerror}): nothing is decided without a record; the server"
        " stops, mend the disk and start it again",
    )
