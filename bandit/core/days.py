"""Days of the campaign's time zone: a wave belongs to one, offers start and end with one."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo


def midnight(zone: str) -> dt.datetime:
    """The beginning of this day: a wave belongs to its day, and a rerun is the same wave."""
    now = dt.datetime.now(ZoneInfo(zone))
    return now.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(dt.UTC)


def day_of(at: dt.datetime, zone: str) -> dt.date:
    """The day that a moment falls into."""
    return at.astimezone(ZoneInfo(zone)).date()


def day_later(at: dt.datetime, zone: str) -> dt.datetime:
    """The same time of the next day, which clocks may put 23 or 25 hours off."""
    return (at.astimezone(ZoneInfo(zone)) + dt.timedelta(days=1)).astimezone(dt.UTC)
