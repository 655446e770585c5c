from __future__ import annotations

import datetime as dt
import random
from pathlib import Path
from typing import Any

import numpy as np

from bandit.core.days import Window
from bandit.core.types import Float64
from bandit.record import attribution, heard, outcomes
from bandit.record import waves as record
from bandit.record.decisions import Decisions
from tests.sources import rows

WINDOW = Window(2, "UTC")
HOUR = dt.timedelta(hours=1)


def _rewards(campaign: Path, wave: str = "a") -> attribution.Attributed:
    waves = record.waves(campaign)
    one = next(w for w in waves if w.name == wave)
    later = record.after(waves, one, WINDOW)
    connection = heard.connect(200)
    try:
        heard.load_events(connection, outcomes.batches(campaign))
        return attribution.attribute(connection, Decisions(campaign, one), later, WINDOW)
    finally:
        connection.close()


def _nonzero(rewards: Float64) -> dict[int, float]:
    return {int(i): float(rewards[i]) for i in np.flatnonzero(rewards)}


def test_events_count_inside_the_window_only(tmp_path: Path) -> None:
    rows.publish_wave(tmp_path, "a", 6)
    end = WINDOW.after(rows.AT)
    moments = {1: rows.AT - HOUR, 2: rows.AT, 3: end - HOUR, 4: end}
    rows.publish_events(
        tmp_path,
        "x",
        [
            {"event_id": str(i), "decision_id": f"a.{i}", "occurred_at": at}
            for i, at in moments.items()
        ],
    )
    found = _rewards(tmp_path)
    assert _nonzero(found.rewards) == {2: 1.0, 3: 1.0}
    assert (found.events, found.outside_window) == (2, 2)


def test_an_event_of_a_customer_belongs_to_the_latest_wave(tmp_path: Path) -> None:
    rows.publish_wave(tmp_path, "a", 3)
    rows.publish_wave(tmp_path, "b", 2, at=rows.AT + 24 * HOUR)
    rows.publish_events(
        tmp_path,
        "x",
        [
            {"event_id": "1", "customer_id": rows.key(0), "occurred_at": rows.AT + HOUR},
            {"event_id": "2", "customer_id": rows.key(1), "occurred_at": rows.AT + 30 * HOUR},
            {"event_id": "3", "customer_id": rows.key(2), "occurred_at": rows.AT + 30 * HOUR},
        ],
    )
    assert _nonzero(_rewards(tmp_path, "a").rewards) == {0: 1.0, 2: 1.0}
    assert _nonzero(_rewards(tmp_path, "b").rewards) == {1: 1.0}


def test_order_and_repetition_of_deliveries_change_nothing_where_versions_decide(
    tmp_path: Path,
) -> None:
    draw = random.Random(3)  # noqa: S311
    events: list[dict[str, Any]] = [
        {
            "event_id": str(i), "decision_id": f"a.{draw.randrange(20)}", "reward": draw.random(),
            "version": 1.0,
        }
        for i in range(60)
    ]  # fmt: skip
    changed = {**events[0], "reward": 99.0, "version": 2.0}
    wanted = None
    for number in range(4):
        campaign = tmp_path / str(number)
        rows.publish_wave(campaign, "a", 20)
        every = [*events, changed, *draw.sample(events, 20)]
        draw.shuffle(every)
        for part in range(number + 1):
            rows.publish_events(campaign, f"part-{part}", every[part :: number + 1])
        found = _rewards(campaign).rewards.tobytes()
        wanted = wanted or found
        assert found == wanted


def _corrected(folder: Path, *deliveries: list[dict[str, Any]]) -> tuple[float, Any]:
    """The reward of a.0 after the deliveries, and what was told of corrections."""
    rows.publish_wave(folder, "a", 20)
    for number, events in enumerate(deliveries, start=1):
        some = [{"event_id": "1", "decision_id": "a.0", **event} for event in events]
        rows.publish_events(folder, f"d{9 - number}", some, delivery=number)
    connection = heard.connect(400)
    told = heard.load_events(connection, outcomes.batches(folder))
    (wave,) = record.waves(folder)
    found = attribution.attribute(connection, Decisions(folder, wave), [], Window(7, "UTC"))
    connection.close()
    return float(found.rewards[0]), told


def test_the_last_delivery_of_an_event_counts(tmp_path: Path) -> None:
    up = _corrected(tmp_path / "up", [{"reward": 10.0}], [{"reward": 100.0}])
    down = _corrected(tmp_path / "down", [{"reward": 100.0}], [{"reward": 10.0}], [{"reward": 10}])
    assert up == (100.0, (1, 0))
    assert down == (10.0, (1, 0))


def test_the_highest_version_counts_however_it_came(tmp_path: Path) -> None:
    first, second = [{"reward": 10.0, "version": 2.0}], [{"reward": 100.0, "version": 1.0}]
    assert _corrected(tmp_path / "a", first, second) == (10.0, (1, 0))
    assert _corrected(tmp_path / "b", second, first) == (10.0, (1, 0))
    unversioned = [{"reward": 7.0}]
    assert _corrected(tmp_path / "c", first, unversioned) == (10.0, (1, 0))


def test_several_contents_in_one_delivery_are_a_conflict(tmp_path: Path) -> None:
    assert _corrected(tmp_path, [{"reward": 10.0}, {"reward": 100.0}]) == (100.0, (0, 1))


def test_without_events_all_is_silence(tmp_path: Path) -> None:
    rows.publish_wave(tmp_path, "a", 4)
    found = _rewards(tmp_path)
    assert found.rewards.tolist() == [0.0] * 4
    assert found.events == 0


def test_of_two_waves_of_one_time_the_later_name_claims_an_outcome_alone(tmp_path: Path) -> None:
    for name in ("b", "a"):
        rows.publish_wave(tmp_path, name, 3)
    rows.publish_events(
        tmp_path, "x", [{"event_id": "1", "customer_id": rows.key(2), "occurred_at": rows.AT}]
    )
    assert _nonzero(_rewards(tmp_path, "a").rewards) == {}
    assert _nonzero(_rewards(tmp_path, "b").rewards) == {2: 1.0}


def test_what_names_a_customer_counts_once_and_teaches_each_slot(tmp_path: Path) -> None:
    rows.publish_wave(tmp_path, "a", 2)
    event = {"event_id": "1", "customer_id": rows.key(1), "occurred_at": rows.AT, "reward": 7.0}
    rows.publish_events(tmp_path, "x", [event])
    found = _rewards(tmp_path)
    assert found.rewards.sum() == 7.0
    assert _nonzero(found.taught) == {1: 7.0}
    assert found.events == 1
