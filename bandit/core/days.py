"""Days of the campaign's time zone: a wave belongs to one, offers start and end with one."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple
from zoneinfo import ZoneInfo


class Window(NamedTuple):
    """A stretch of ``days`` of a ``zone``: whole days end at the same time of the clock.

    A week from midnight ends at midnight, also where the clocks are put forward in it; what is
    left of a day is counted in hours.
    """

    days: float
    zone: str

    def after(self, at: dt.datetime) -> dt.datetime:
        """When the one that begins at ``at`` ends, in UTC."""
        return self._moved(at, 1)

    def before(self, at: dt.datetime) -> dt.datetime:
        """When the one that ends at ``at`` begins, in UTC."""
        return self._moved(at, -1)

    def _moved(self, at: dt.datetime, sign: int) -> dt.datetime:
        whole = int(self.days)
        day = at.astimezone(ZoneInfo(self.zone)) + dt.timedelta(days=sign * whole)
        return day.astimezone(dt.UTC) + dt.timedelta(days=sign * (self.days - whole))


def acting_at(at: dt.datetime | None, zone: str) -> dt.datetime:
    """The time to act at, in UTC; without a zone it is the campaign's, without a time midnight."""
    if at is None:
        return midnight(zone)
    return (at if at.tzinfo is not None else at.replace(tzinfo=ZoneInfo(zone))).astimezone(dt.UTC)


def midnight(zone: str) -> dt.datetime:
    """The beginning of this day: a wave belongs to its day, and a rerun is the same wave."""
    return midnight_of(dt.datetime.now(dt.UTC), zone)


def midnight_of(at: dt.datetime, zone: str) -> dt.datetime:
    """The beginning of the day that a moment falls into."""
    local = at.astimezone(ZoneInfo(zone))
    return local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(dt.UTC)


def day_of(at: dt.datetime, zone: str) -> dt.date:
    """The day that a moment falls into."""
    return at.astimezone(ZoneInfo(zone)).date()


def shown_day(moment: str, zone: str) -> str:
    """The day of a moment as results have it, in ISO 8601."""
    return day_of(dt.datetime.fromisoformat(moment), zone).isoformat()


def shown_minute(moment: str, zone: str) -> str:
    """Day and time of a moment as results have it."""
    local = dt.datetime.fromisoformat(moment).astimezone(ZoneInfo(zone))
    return local.strftime("%Y-%m-%d %H:%M")


def day_later(at: dt.datetime, zone: str) -> dt.datetime:
    """The same time of the next day, which clocks may put 23 or 25 hours off."""
    return Window(1, zone).after(at)
