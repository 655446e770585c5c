"""What of a channel's outbox is still to be sent to its webhook, and what became of the rest.

`outbox/<channel>/<day>.sent.jsonl` has a line for each contact that needs no more sending. It is
written when the receiver has answered, so a kill in between sends again, under the same id.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from bandit.core.errors import DataError
from bandit.record import outbox
from bandit.record.outbox import Box
from bandit.workflows.live.messages import Message

SENT, REFUSED, LATE, WITHHELD = "sent", "refused", "expired", "withheld"
"""What becomes of a contact.

``refused``: by the receiver; ``withheld``: rules, consents or refusals forbid it by now.
"""
_MARK = ".sent"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_decoder = msgspec.json.Decoder(Message)


class Contact(NamedTuple):
    """A line of the outbox, as it stands there."""

    day: str
    message: Message
    line: bytes

    @property
    def until(self) -> dt.datetime:
        """When it is too late."""
        return dt.datetime.fromisoformat(self.message.expires_at)


class Queue:
    """One channel's contacts that are to be sent, the oldest first."""

    def __init__(self, campaign_folder: Path, channel: str) -> None:
        self._folder, self._channel = campaign_folder, channel
        self._waiting: deque[Contact] = deque()
        self._seen: dict[str, int] = {}
        self._done: dict[str, set[str]] = {}

    def next(self) -> Contact | None:
        """The contact to be sent next, None if there is none; it stays so until `done`.

        DataError for a line that is none of ours.
        """
        if not self._waiting:
            self._look()
        while self._waiting and self._is_done(self._waiting[0]):
            self._waiting.popleft()  # its line stands there twice
        return self._waiting[0] if self._waiting else None

    def done(self, fate: str) -> None:
        """Note what became of it, on the disk."""
        day, message, _ = self._waiting[0]
        said = {"decision_id": message.decision_id, "customer": message.customer, "fate": fate}
        self._marks(day).append([json.dumps(said).encode() + b"\n"])
        self._done[day].add(message.decision_id)
        self._waiting.popleft()

    def left(self) -> int:
        """How many contacts are still to be sent."""
        self._look()
        return len({c.message.decision_id for c in self._waiting if not self._is_done(c)})

    def _is_done(self, contact: Contact) -> bool:
        return contact.message.decision_id in self._done[contact.day]

    def _look(self) -> None:
        for path in self._files():
            if path.stem not in self._done:
                self._done[path.stem] = self._marks(path.stem).ids() or set()
            self._waiting.extend(self._new(path))

    def _new(self, path: Path) -> Iterator[Contact]:
        """Whole lines that were not there when the file was last looked at."""
        try:
            with path.open("rb") as stream:
                start = self._seen.get(path.stem, 0)
                if stream.seek(0, 2) < start:  # taken away, and begun anew
                    start = 0
                stream.seek(start)
                content = stream.read()
        except FileNotFoundError:
            return
        for line in content[: content.rfind(b"\n") + 1].splitlines(keepends=True):
            found = _contact(path, line)
            start += len(line)
            self._seen[path.stem] = start
            yield found

    def _files(self) -> list[Path]:
        """Those that are written here: what a receiver has renamed is the receiver's to send."""
        found = (self._folder / outbox.OUTBOX / self._channel).glob("*.jsonl")
        return sorted(path for path in found if _DAY.fullmatch(path.stem))

    def _marks(self, day: str) -> Box:
        return Box(self._folder, self._channel, f"{day}{_MARK}")


def _contact(path: Path, line: bytes) -> Contact:
    try:
        found = Contact(path.stem, _decoder.decode(line), line.rstrip())
        if found.until.tzinfo is not None:
            return found
    except (msgspec.DecodeError, ValueError):
        pass
    raise DataError(f"{path} holds a line that was not written here; move the file away")
