"""A desk over a small campaign, as the server has it, at noon of a Monday."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from bandit.config import campaign_file
from bandit.core.types import SILENT
from bandit.workflows.live import generation
from bandit.workflows.live.book import Book, refusal_events
from bandit.workflows.live.desk import Desk
from bandit.workflows.live.frames import Answer, Pick
from bandit.workflows.live.gate import Gate
from bandit.workflows.live.requests import Asked, WantedPlacement
from bandit.workflows.live.writing import write
from tests.campaigns import MONDAY

DAY = "live-2026-11-02"
NOON = MONDAY + dt.timedelta(hours=12)


class Live:
    """``book`` is what the streams in ``folder`` know; `write` does what the committer does."""

    def __init__(
        self,
        folder: Path,
        stack: ExitStack,
        at: dt.datetime = MONDAY,
        now: Callable[[], dt.datetime] = lambda: NOON,
    ) -> None:
        campaign = self.campaign = campaign_file.load(folder)
        made = generation.make(stack, campaign, at, campaign.seed, SILENT)
        self.book = Book(campaign.folder)
        stack.callback(self.book.close)
        self.book.recover("2026-11-01", refusal_events(campaign))
        self.desk = Desk(self.book, made, Gate(campaign.folder), now)
        self._count = 0

    def ask(
        self, customer: int | str, *names: str, request: str | None = None, count: int | None = None
    ) -> Answer:
        """Ask for placements under a request id of its own, or the one given."""
        self._count += 1
        places = [WantedPlacement(name, count) for name in names]
        asked = Asked(request or f"{self.desk.segment.number}-{self._count}", customer, places)
        return self.desk.decide(asked).answer

    def write(self) -> None:
        """All that is pending onto the disk."""
        write(self.desk.pending)
        self.desk.pending.clear()
        self.book.written()


def picks(answer: Answer) -> list[Pick]:
    """Of all placements, those that are an offer."""
    return [p for placed in answer.placements for p in placed.picks if p.offer is not None]
