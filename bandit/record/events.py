"""Events that triggers heeded: what each came to, so that none is decided twice, and what waits.

They are a log of our own, `streams/events/<n>.log`, of frames (`core.framed`). What an event came
to is written after what it led to; the last word on an event holds. Of events from before the
horizon nothing is remembered: they are too late for every trigger, and stay so.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bandit.core import files
from bandit.core.errors import DataError
from bandit.core.framed import Frames, framed, is_last

FOLDER = Path("streams") / "events"
WAITING = "waiting"
CONTACTED, NO_CONTACT, GATED = "contacted", "no_contact", "gated"
WITHHELD = "withheld"
DECIDED = frozenset({CONTACTED, NO_CONTACT, GATED, WITHHELD})
"""What a decision came to.

``gated``: rules, consents, pressure and caps left nothing; ``withheld``: a contact was decided when
a run died, and might not go out any more when the next one began.
"""


class Event(NamedTuple):
    """As it was delivered; ``at``, when it happened, in microseconds since 1970."""

    event_id: str
    event: str
    customer: int | str
    at: int


class Heard(NamedTuple):
    """What an event came to, ``fate``; ``due`` is when it is decided, ``until`` when it is late.

    Both in microseconds since 1970, as ``at``.
    """

    event: Event
    trigger: str
    due: int
    until: int
    fate: str


class Memory:
    """What is known of events: of those that wait all, of the others what tells them apart.

    ``horizon``: nothing is known of those that happened before it, in microseconds since 1970.
    """

    def __init__(self) -> None:
        self.horizon = 0
        self.waiting: dict[str, Heard] = {}
        self.withheld: set[str] = set()
        self._heard: dict[str, tuple[int, int]] = {}
        self._decided: dict[tuple[str, int | str], list[int]] = {}
        self._queue: list[tuple[int, int, str]] = []

    def add(self, heard: Heard) -> None:
        """Take in the last word on an event."""
        event = heard.event
        self._heard[event.event_id] = hash(event), event.at
        if heard.fate == WAITING:
            self.waiting[event.event_id] = heard
            heapq.heappush(self._queue, (heard.due, len(self._heard), event.event_id))
            return
        self.waiting.pop(event.event_id, None)
        if heard.fate == WITHHELD:
            self.withheld.add(event.event_id)
        if heard.fate in DECIDED:
            self._decided.setdefault((heard.trigger, event.customer), []).append(event.at)

    def knows(self, event_id: str) -> bool:
        """Whether an event of this id was heard, whatever came of it."""
        return event_id in self._heard

    def is_other(self, event: Event) -> bool:
        """Whether the event of this id that was heard was another one."""
        known = self._heard.get(event.event_id)
        return known is not None and known[0] != hash(event)

    def forget_before(self, horizon: int) -> None:
        """Let go of events that happened before, and do not wait."""
        self.horizon = max(self.horizon, horizon)
        self._heard = {
            event_id: known
            for event_id, known in self._heard.items()
            if known[1] >= self.horizon or event_id in self.waiting
        }
        for who, ats in list(self._decided.items()):
            self._decided[who] = [at for at in ats if at >= self.horizon]
            if not self._decided[who]:
                del self._decided[who]

    def quiet(self, trigger: str, event: Event, micros: int) -> bool:
        """Whether the trigger decided at another event of the customer's, less than that apart."""
        others = self._decided.get((trigger, event.customer), ())
        return any(abs(event.at - other) < micros for other in others)

    def due(self, now: int, most: int | None = None) -> list[Heard]:
        """The first ``most`` events that have waited until ``now``, in the order of their time.

        One that is to wait on must be added again.
        """
        found: list[Heard] = []
        while self._queue and self._queue[0][0] <= now and (most is None or len(found) < most):
            heard = self.waiting.get(heapq.heappop(self._queue)[2])
            if heard is not None:
                found.append(heard)
        return found


def frame(said: Heard | int) -> bytes:
    """How an event, or a horizon, is written down."""
    content = said if isinstance(said, int) else [*said.event, *said[1:]]
    return framed(json.dumps(content).encode())


def read(campaign_folder: Path) -> Memory:
    """All that the log says."""
    memory = Memory()
    for path in logs(campaign_folder):
        for said in said_in(path):
            if isinstance(said, int):
                memory.horizon = max(memory.horizon, said)
            else:
                memory.add(said)
    return memory


def logs(campaign_folder: Path) -> list[Path]:
    """The log's files, the oldest first; DataError where a link stands for a folder."""
    folder = campaign_folder / FOLDER
    files.hold_no_link(folder.parent, folder)
    return sorted(p for p in folder.glob("*.log") if p.stem.isdigit())


def said_in(path: Path) -> Iterator[Heard | int]:
    """What one file says; DataError for what is damaged, or none of ours."""
    for place, content in Frames(path, may_be_torn=is_last(path)):
        try:
            said = json.loads(content)
            yield said if isinstance(said, int) else Heard(Event(*said[:4]), *said[4:])
        except (ValueError, TypeError):
            raise DataError(f"{path}: the frame at byte {place} is none of ours") from None


def anew(campaign_folder: Path, horizon: int) -> Memory:
    """The log as one file, without what happened before ``horizon``.

    What waits and what was withheld stays all the same. Only who holds the streams may.
    """
    known, old = read(campaign_folder), logs(campaign_folder)
    kept = Memory()
    kept.horizon = max(known.horizon, horizon)
    frames = [frame(kept.horizon)]
    for said in (said for path in old for said in said_in(path)):
        if isinstance(said, int):
            continue
        waits = known.waiting.get(said.event.event_id) == said
        young = said.fate != WAITING and said.event.at >= kept.horizon
        if waits or young or said.fate == WITHHELD:
            kept.add(said)
            frames.append(frame(said))
    if old:
        files.write_bytes(next_file(campaign_folder), b"".join(frames))
        for path in old:
            path.unlink()
        files.sync(campaign_folder / FOLDER)
    return kept


def next_file(campaign_folder: Path) -> Path:
    """The file that is written next."""
    number = 1 + max((int(p.stem) for p in logs(campaign_folder)), default=0)
    return campaign_folder / FOLDER / f"{number:06d}.log"
