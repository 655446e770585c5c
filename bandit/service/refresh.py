"""A newer generation where something changed: made beside the requests, put in place between two.

Looked at are the day, campaign.toml, snapshots, waves, outcomes and the files of the sources. What
cannot be read leaves the generation as it is, and is tried again when it has changed once more.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from bandit.config import campaign_file
from bandit.config.campaign import Campaign
from bandit.config.tables import Source
from bandit.core.days import midnight
from bandit.core.errors import BanditError, LockedError
from bandit.core.types import SILENT
from bandit.record import outcomes, snapshots
from bandit.record import waves as record
from bandit.service.pace import settled
from bandit.sources import sources
from bandit.workflows.live import generation as generations
from bandit.workflows.live.book import Book
from bandit.workflows.live.desk import Desk
from bandit.workflows.live.generation import Generation
from bandit.workflows.live.warm import warm

_ROLES = ("customers", "consents", "history", "offers", "channels")


class State(NamedTuple):
    """What a generation was made from, as far as it can be seen without reading it."""

    day: dt.datetime
    configuration: object
    snapshots: frozenset[str]
    waves: frozenset[str]
    outcomes: frozenset[str]
    sources: tuple[object, ...]

    def beside(self, version: str) -> State:
        """All but the snapshot that serves: a prior is stored while a generation is made."""
        return self._replace(snapshots=self.snapshots - {version})


class Made(NamedTuple):
    """A generation, and what lets its files go."""

    generation: Generation
    stack: ExitStack


class Refresher:
    """Keeps the generation of a desk the newest; ``told`` is why the last one could not be made."""

    def __init__(self, path: Path, campaign: Campaign, book: Book) -> None:
        self.told: str | None = None
        self._path, self._campaign, self._book = path, campaign, book
        self._stack = ExitStack()
        self._serving = ""
        self._state = self.state()

    def state(self) -> State:
        """As it is now."""
        campaign, folder = self._campaign, self._campaign.folder
        waves = {n for n in _names(folder / record.WAVES) if not self._book.owns(n)}
        return State(
            day=midnight(campaign.time_zone),
            configuration=_known(folder / campaign.file),
            snapshots=_names(folder / snapshots.SNAPSHOTS),
            waves=frozenset(waves),
            outcomes=_names(folder / outcomes.OUTCOMES),
            sources=tuple(_sources(campaign)),
        )

    def serves(self, generation: Generation) -> None:
        """Take note of the generation that is in use."""
        self._serving = generation.wave.start.version
        self._campaign = generation.wave.run.campaign

    async def refresh(self, desk: Desk) -> None:
        """Put a newer generation in place if something changed."""
        now = self.state()
        if now.beside(self._serving) == self._state.beside(self._serving):
            return
        try:
            made = await _aside(self._path)
        except LockedError:
            return  # a prior must be stored, and another run holds the campaign: try again
        except BanditError as e:
            self._state, self.told = now, str(e)
            return
        with made.stack:
            desk.open(made.generation)
            kept = made.stack.pop_all()
        self._stack.close()
        self._stack, self._state, self.told = kept, now, None
        self.serves(made.generation)
        settled()

    def close(self) -> None:
        """Let the files of the last generation go."""
        self._stack.close()


async def _aside(path: Path) -> Made:
    """Make a generation in a thread that nobody waits for when the server ends."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[Made] = loop.create_future()

    def settle(made: Made | None, error: Exception | None) -> None:
        if found.cancelled():
            return
        if made is not None:
            found.set_result(made)
        elif error is not None:
            found.set_exception(error)

    def work() -> None:
        made: Made | None = None
        error: Exception | None = None
        try:
            made = _make(path)
        except (BanditError, OSError) as e:
            error = e if isinstance(e, BanditError) else BanditError(f"{path}: {e}")
        except Exception as e:  # noqa: BLE001 - a defect: raised where it is waited for
            error = e
        loop.call_soon_threadsafe(settle, made, error)

    threading.Thread(target=work, name="bandit-generation", daemon=True).start()
    return await found


def _make(path: Path) -> Made:
    campaign = campaign_file.load(path)
    at = midnight(campaign.time_zone)
    with ExitStack() as stack:
        made = generations.make(stack, campaign, at, campaign.seed, SILENT)
        warm(made)
        return Made(made, stack.pop_all())


def _names(folder: Path) -> frozenset[str]:
    """What is published in a folder of the record."""
    if not folder.is_dir():
        return frozenset()
    return frozenset(p.name for p in folder.iterdir() if not p.name.startswith("."))


def _known(path: Path) -> tuple[int, int, int] | None:
    """Inode, size and time of change of a file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _sources(campaign: Campaign) -> Iterator[object]:
    for role in _ROLES:
        section = getattr(campaign, role)
        if isinstance(section, Source):
            try:
                files = sources.locate(role, section, campaign.folder).files
            except BanditError:
                files = ()
            yield role, tuple(_known(file) for file in files)
