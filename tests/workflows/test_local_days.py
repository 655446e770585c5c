"""A campaign of Europe/Paris over the days on which the clocks change: 29 March, 25 October 2026.

A wave, an offer, a window and a quiet time belong to the days that people there live in.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from bandit.core.days import Window, acting_at
from bandit.record import waves as record
from bandit.sources import customers, database
from bandit.sources.catalogue import load_catalogue
from bandit.workflows.learn.learn import learn
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns
from tests.sources import small

PARIS = "Europe/Paris"


def _utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def _local(text: str) -> dt.datetime:
    """As a command line gives it: without a zone."""
    return dt.datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("day", "moment"),
    [
        ("2026-03-29", "2026-03-28T23:00"),
        ("2026-03-30", "2026-03-29T22:00"),
        ("2026-10-25", "2026-10-24T22:00"),
        ("2026-10-26", "2026-10-25T23:00"),
    ],
)
def test_a_time_without_a_zone_is_the_campaign_s(day: str, moment: str) -> None:
    assert acting_at(_local(day), PARIS) == _utc(moment)
    assert acting_at(_utc(moment), PARIS) == _utc(moment)


@pytest.mark.parametrize(
    ("days", "start", "end"),
    [
        (7, "2026-03-22T23:00", "2026-03-29T22:00"),
        (7, "2026-10-18T22:00", "2026-10-25T23:00"),
        (0.5, "2026-03-28T23:00", "2026-03-29T11:00"),
        (1.25, "2026-10-24T22:00", "2026-10-26T05:00"),
    ],
)
def test_whole_days_are_the_clock_s(days: float, start: str, end: str) -> None:
    window = Window(days, PARIS)
    assert window.after(_utc(start)) == _utc(end)
    whole = Window(int(days), PARIS)
    assert whole.before(whole.after(_utc(start))) == _utc(start)
    assert Window(days, "UTC").after(_utc(start)) == _utc(start) + dt.timedelta(days=days)


def _campaign(folder: Path, more: str = "", pressure: str = "") -> Path:
    campaigns.write(folder, customers=60, more=more, pressure=pressure)
    path = folder / "campaign.toml"
    path.write_text(f'time_zone = "{PARIS}"\n{path.read_text()}')
    return folder


def test_a_wave_of_a_day_is_the_same_with_and_without_its_time(tmp_path: Path) -> None:
    folder = _campaign(tmp_path / "c")
    serve_batch(folder, at=_local("2026-03-30"))
    (wave,) = record.waves(folder)
    assert (wave.name, wave.at) == ("2026-03-30", _utc("2026-03-29T22:00"))


@pytest.mark.parametrize(
    ("wave", "last"), [("2026-03-23", "2026-03-29"), ("2026-10-19", "2026-10-25")]
)
def test_a_window_ends_with_its_last_day(tmp_path: Path, wave: str, last: str) -> None:
    folder = _campaign(tmp_path / "c")
    serve_batch(folder, at=_local(wave))
    decision = campaigns.decisions(folder, wave).filter(slot=1)["decision_id"][0]
    base = {"decision_id": decision, "event": "sale", "reward": 1.0}
    after = (_local(last) + dt.timedelta(days=1)).date().isoformat()
    times = [f"{wave} 00:00:00", f"{last} 23:59:59", f"{after} 00:00:00"]
    events = [{**base, "event_id": f"e{i}", "occurred_at": at} for i, at in enumerate(times)]
    given = campaigns.outcomes(tmp_path / "o.csv", events)
    assert learn(folder, outcomes=given, at=_local(f"{last}T23:59")).waiting == [wave]
    found = learn(folder, at=_local(after))
    assert (found.waves, found.events, found.outside_window) == ([wave], 2, 1)


@pytest.mark.parametrize(
    ("first", "again"), [("2026-03-23", "2026-03-30"), ("2026-10-19", "2026-10-26")]
)
def test_a_quiet_week_lets_the_next_week_s_wave_contact(
    tmp_path: Path, first: str, again: str
) -> None:
    toml = f'time_zone = "{PARIS}"\n{small.TOML}'
    history = f"customer_id,channel,offer,contacted_at\n1,email,shoes,{first}\n"
    campaign = small.campaign(tmp_path, toml, history=history)
    ages = []
    for at in (_local(again) - dt.timedelta(days=1), _local(again)):
        with database.connect(campaign) as data:
            catalogue = load_catalogue(campaign, data)
            rows = [*customers.stream(data, campaign, catalogue, at=acting_at(at, PARIS))]
        ages.append([age for batch in rows for age in batch.contacts.age_days])
    assert ages[0] == [6.0]
    assert ages[1] == []
    folder = _campaign(tmp_path / "c", pressure="quiet_days = 7")
    contacted = [
        serve_batch(folder, at=at).contacted
        for at in (_local(first), _local(again) - dt.timedelta(days=1), _local(again))
    ]
    assert contacted[1] < contacted[0] // 2 < contacted[2]


def test_an_offer_is_served_until_its_last_day_ends(tmp_path: Path) -> None:
    more = '[[offer]]\nname = "spring"\nstarts = 2026-03-29\nends = 2026-03-29\npriority = 0\n'
    folder = _campaign(tmp_path / "c", more)
    for name, at in {
        "before": "2026-03-28T23:59", "first": "2026-03-29T00:00", "last": "2026-03-29T23:59",
        "after": "2026-03-30T00:00",
    }.items():  # fmt: skip
        serve_batch(folder, wave=name, at=_local(at))
    served = {
        wave.name for wave in record.waves(folder)
        if "spring" in set(campaigns.decisions(folder, wave.name)["offer"])
    }  # fmt: skip
    assert served == {"first", "last"}
