"""Events as they are delivered: the body of a request, or a line of a file."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from bandit.core.errors import DataError
from bandit.core.problems import shown
from bandit.record.events import Event
from bandit.sources.wave_query import micros
from bandit.workflows.live.gate import NotDecidedError

MOST_BYTES = 64 << 10
"""Of one event."""
MOST_ID = 200
Id = Annotated[str, Meta(min_length=1, max_length=MOST_ID)]


class Delivered(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``event_id`` is the sender's, one an event; ``event`` its kind; ``at`` when it happened."""

    event_id: Id
    event: Annotated[str, Meta(min_length=1, max_length=100)]
    customer: int | Id
    at: dt.datetime

    def heard(self) -> Event:
        """What triggers are asked; NotDecidedError for a time that says no zone."""
        if self.at.tzinfo is None:
            raise NotDecidedError(
                422, f"at = {self.at.isoformat()} says no zone; write 2026-11-23T10:00:00Z"
            )
        return Event(self.event_id, self.event, self.customer, micros(self.at))


_decoder, _any = msgspec.json.Decoder(Delivered), msgspec.json.Decoder()
_PLACE = re.compile(r"`\$\.(\w+)`")


class Line(NamedTuple):
    """A line of a file, or a row of Parquet, counted from 1: its event, or why it has none."""

    number: int
    event: Event | None
    fault: str = ""
    word: str = "line"


def json_lines(path: Path) -> Iterator[Line]:
    """A file of events, one JSON object a line, empty lines aside; DataError names the file."""
    try:
        with path.open("rb") as stream:
            number = 0
            while line := stream.readline(MOST_BYTES + 1):
                number += 1
                if len(line) > MOST_BYTES:
                    while line and not line.endswith(b"\n"):
                        line = stream.readline(MOST_BYTES)
                    yield Line(number, None, f"the line is longer than {MOST_BYTES >> 10} kB")
                elif line := line.removeprefix(b"\xef\xbb\xbf").strip():
                    yield _read(number, line)
    except OSError as e:
        raise DataError(f"{path} cannot be read ({e.strerror}); name a file of events") from None


def _read(number: int, line: bytes) -> Line:
    return line_of(number, lambda: _decoder.decode(line), lambda: _any.decode(line))


def line_of(number: int, read: Callable[[], Delivered], cells: Callable[[], object]) -> Line:
    """A line by what it holds, or by what is wrong with it: ``cells`` are those of such a line."""
    try:
        return Line(number, read().heard())
    except NotDecidedError as e:
        return Line(number, None, str(e))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
        told = str(e).splitlines()[0] if str(e) else "nested too deeply"
        return Line(number, None, told + _value(told, cells))


def _value(told: str, cells: Callable[[], object]) -> str:
    """What stands at the place that a fault names; nothing where it names none."""
    place = _PLACE.search(told)
    if place is None:
        return ""
    row = cells()
    return f": {shown(row[place[1]])}" if isinstance(row, dict) and place[1] in row else ""
