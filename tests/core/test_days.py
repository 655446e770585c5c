from __future__ import annotations

import datetime as dt

from bandit.core.days import day_later, day_of, midnight

BERLIN = "Europe/Berlin"


def test_a_day_is_the_zone_s() -> None:
    late = dt.datetime(2026, 7, 1, 22, 30, tzinfo=dt.UTC)
    assert day_of(late, "UTC") == dt.date(2026, 7, 1)
    assert day_of(late, BERLIN) == dt.date(2026, 7, 2)


def test_days_of_23_and_25_hours() -> None:
    spring = dt.datetime(2026, 3, 28, 23, tzinfo=dt.UTC)
    autumn = dt.datetime(2026, 10, 24, 22, tzinfo=dt.UTC)
    assert day_later(spring, BERLIN) - spring == dt.timedelta(hours=23)
    assert day_later(autumn, BERLIN) - autumn == dt.timedelta(hours=25)
    assert day_later(autumn, "UTC") - autumn == dt.timedelta(hours=24)


def test_midnight_is_the_zone_s() -> None:
    found = midnight(BERLIN)
    assert found.tzinfo is dt.UTC
    assert found.hour in {22, 23}
