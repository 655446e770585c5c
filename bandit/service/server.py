"""`bandit serve`: one process, one event loop, one writer of a campaign's streams."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import uvicorn
import uvloop

from bandit.config import campaign_file
from bandit.core.days import day_of, midnight
from bandit.core.errors import BanditError, DataError, UsageError
from bandit.core.types import SILENT, Progress
from bandit.core.wording import counted
from bandit.record import streams
from bandit.results.live import Served
from bandit.service import keys as api_keys
from bandit.service.app import Service, app
from bandit.service.commit import Committer
from bandit.service.keys import Key
from bandit.service.pace import paced
from bandit.service.protocol import Bounded
from bandit.service.refresh import Refresher
from bandit.service.webhooks import Couriers
from bandit.workflows.live import generation as generations
from bandit.workflows.live import settle
from bandit.workflows.live.arrivals import Arrivals
from bandit.workflows.live.book import Book, refusal_events
from bandit.workflows.live.desk import Desk
from bandit.workflows.live.gate import Gate, NotDecidedError
from bandit.workflows.live.warm import warm

_TICK_SECONDS = 0.1
_LOOK_SECONDS = 0.5
_DRAIN_SECONDS = 8
_BACKLOG = 2048
_IDLE_SECONDS = 75
"""Longer than clients and proxies keep a connection, so that none is closed under a request."""


def serve(
    campaign_path: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    keys: Path | None = None,
    say: Callable[[str], None],
    progress: Progress = SILENT,
) -> Served:
    """Answer until a signal ends it; what is decided is on the disk before it is answered.

    UsageError for a host that others reach, unless ``keys`` names a file of keys.
    """
    known = [] if keys is None else api_keys.load(keys)
    _hold_safe(host, known)
    campaign = campaign_file.load(campaign_path)
    with ExitStack() as stack:
        stack.enter_context(streams.held(campaign.folder, "serve"))
        listening = stack.enter_context(_listening(host, port))
        book = Book(campaign.folder)
        stack.callback(book.close)
        progress.step("reading the streams")
        at = midnight(campaign.time_zone)
        yesterday = day_of(at, campaign.time_zone) - dt.timedelta(days=1)
        book.recover(yesterday.isoformat(), refusal_events(campaign))
        # Looked at first: what changes while the customers are read is read again.
        refresher = Refresher(campaign_path, campaign, book)
        stack.callback(refresher.close)
        made = generations.make(stack, campaign, at, campaign.seed, progress)
        refresher.serves(made)
        progress.step("warming up")
        warm(made)
        desk = Desk(book, made, Gate(campaign.folder))
        arrivals = settle.arrivals(campaign, desk)
        with paced(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_serve(arrivals, refresher, known, listening, say))


def _hold_safe(host: str, known: Sequence[Key]) -> None:
    try:
        inside = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host).is_loopback
    except ValueError:
        raise UsageError(f"--host {host!r} is no address; give 127.0.0.1, or ::1") from None
    if not inside and not known:
        raise UsageError(
            f"--host {host}: others reach it; give --keys FILE with the keys that may ask"
        )


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.bind((host, port))
        except OSError as e:
            raise UsageError(f"{host}:{port} cannot be listened at: {e.strerror}") from None
        yield made


class _Server(uvicorn.Server):
    """Leaves the signals to us."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take none."""
        yield


async def _serve(
    arrivals: Arrivals,
    refresher: Refresher,
    known: Sequence[Key],
    listening: socket.socket,
    say: Callable[[str], None],
) -> Served:
    desk = arrivals.desk
    campaign = desk.generation.wave.run.campaign
    committer = Committer(desk)
    service = Service(arrivals, committer, known)
    config = uvicorn.Config(
        app(service), log_level="error", access_log=False, lifespan="off", server_header=False,
        proxy_headers=False, http=Bounded, ws="none",
        timeout_graceful_shutdown=_DRAIN_SECONDS, timeout_keep_alive=_IDLE_SECONDS,
    )  # fmt: skip
    server = _Server(config)

    def drain() -> None:
        service.ready = False
        server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, drain)
    ticking = asyncio.create_task(_tick(service, drain))
    couriers = Couriers(desk, service.metrics, say)
    sending = asyncio.create_task(couriers.run())
    refreshing = asyncio.create_task(_refresh(refresher, desk, say))
    host, port = listening.getsockname()[:2]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    tasks = (ticking, refreshing, sending, committer.task)
    for task in tasks:
        task.add_done_callback(lambda ended: drain() if _failed(ended) else None)
    service.ready = True
    listening.listen(_BACKLOG)  # from here on who asks waits, and is not turned away
    say(
        f"{campaign.name}: {counted(len(desk.generation.customers.keys), 'customer')}, listening at"
        f" {url}"
    )
    await server.serve(sockets=[listening])
    for task in tasks[:-1]:
        task.cancel()
    ended = await asyncio.gather(*tasks[:-1], return_exceptions=True)
    if committer.failed is None and not committer.task.done():
        await committer.close()
    if committer.failed is not None:
        raise DataError(
            f"{desk.segment.path}: {committer.failed.strerror}; nothing was answered that is not on"
            " the disk: mend it and start the server again"
        )
    for error in (_failed(committer.task), *ended):
        if isinstance(error, Exception):
            raise error
    return Served(
        campaign=campaign.name,
        url=url,
        decided=service.turns.decided,
        notes=[*desk.generation.notes, *desk.book.notes],
    )


def _failed(task: asyncio.Task[None]) -> BaseException | None:
    """What a task that has ended died of, if it was not told to end: the server ends with it."""
    return task.exception() if task.done() and not task.cancelled() else None


async def _tick(service: Service, drain: Callable[[], None]) -> None:
    """Decide at events whose time has come, and begin a new segment when another process asks.

    Drain when the disk refuses; DataError where a request met a file that is damaged.
    """
    desk, committer = service.desk, service.committer
    turn = desk.generation.wave.run.campaign.folder / streams.STREAMS / streams.TURN
    while True:
        await asyncio.sleep(_TICK_SECONDS)
        if service.damaged is not None:
            raise service.damaged
        if turn.exists() and committer.failed is None:
            if desk.frames:
                desk.open(desk.generation)
            with suppress(NotDecidedError):  # the disk refuses: told below
                await committer.settled()
                desk.book.close_older()
                turn.unlink(missing_ok=True)
        if service.ready and committer.failed is None:
            with suppress(NotDecidedError):  # the disk refuses: told below
                await service.release()
        if committer.failed is not None:
            drain()
            return


async def _refresh(refresher: Refresher, desk: Desk, say: Callable[[str], None]) -> None:
    """Look for what changed; what cannot be used is told once."""
    told = None
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        try:
            await refresher.refresh(desk)
        except BanditError as e:  # no new segment could be begun
            refresher.told = str(e)
        if refresher.told not in {None, told}:
            say(f"the customers as they were read before stay in use: {refresher.told}")
        told = refresher.told
