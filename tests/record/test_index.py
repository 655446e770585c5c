from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import pytest

from bandit.core.errors import DataError
from bandit.record import index
from tests.sources import rows

REJECT = {"table": "customers", "key": "c-9", "column": "age", "value": "x", "reason": "no number"}


def _answers(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Every view's rows; events sorted, for a view without ORDER BY promises no order."""
    path = folder / index.NAME
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = {v: connection.sql(f"FROM {v}").to_arrow_table().to_pylist() for v in index.VIEWS}
    return {**found, "outcomes": sorted(found["outcomes"], key=lambda row: row["event_id"])}


@pytest.fixture
def campaign(tmp_path: Path) -> Path:
    rows.publish_wave(tmp_path, "a", 4, rejects=[REJECT])
    rows.publish_wave(tmp_path, "b", 3, at=rows.AT + dt.timedelta(days=1))
    event = {"event_id": "1", "decision_id": "a.1"}
    rows.publish_events(tmp_path, "x", [event, {"event_id": "2", "customer_id": "c-002"}])
    rows.publish_events(tmp_path, "y", [event])
    assert index.refresh(tmp_path)
    return tmp_path


def test_the_views_hold_the_record(campaign: Path) -> None:
    found = _answers(campaign)
    assert [d["decision_id"] for d in found["decisions"]] == [
        *(f"a.{i}" for i in range(4)),
        *(f"b.{i}" for i in range(3)),
    ]
    assert [e["event_id"] for e in found["outcomes"]] == ["1", "2"]
    assert found["rejects"] == [{"source": "waves/a", **REJECT}]
    assert [(w["wave"], w["decisions"], w["contacted"]) for w in found["waves"]] == [
        ("a", 4, 2),
        ("b", 3, 2),
    ]


def test_it_is_for_its_owner_alone_as_what_it_shows(campaign: Path) -> None:
    assert (campaign / index.NAME).stat().st_mode & 0o777 == 0o600


def test_an_index_that_is_right_is_left_alone(campaign: Path) -> None:
    before = (campaign / index.NAME).stat().st_mtime_ns
    assert not index.refresh(campaign)
    assert (campaign / index.NAME).stat().st_mtime_ns == before


def test_a_new_wave_makes_it_out_of_date(campaign: Path) -> None:
    rows.publish_wave(campaign, "c", 1, at=rows.AT + dt.timedelta(days=2))
    assert index.refresh(campaign)
    assert len(_answers(campaign)["decisions"]) == 8


def test_a_moved_campaign_gets_a_new_one(campaign: Path) -> None:
    moved = campaign.rename(campaign.with_name("moved"))
    assert index.refresh(moved)
    assert len(_answers(moved)["decisions"]) == 7


@pytest.mark.parametrize("damage", [b"", b"no database", b"\x00" * 20_000])
def test_a_damaged_or_foreign_file_is_replaced(campaign: Path, damage: bytes) -> None:
    wanted = _answers(campaign)
    (campaign / index.NAME).write_bytes(damage)
    assert index.refresh(campaign)
    assert _answers(campaign) == wanted


def test_what_others_wrote_ahead_is_not_replayed(campaign: Path) -> None:
    wanted = _answers(campaign)
    (campaign / f"{index.NAME}.wal").write_bytes(b"\x01" * 100)
    assert index.refresh(campaign)
    assert not (campaign / f"{index.NAME}.wal").exists()
    assert _answers(campaign) == wanted


def test_a_changed_view_is_not_kept(campaign: Path) -> None:
    with duckdb.connect(str(campaign / index.NAME)) as connection:
        connection.execute("DROP VIEW outcomes")
    assert index.refresh(campaign)
    assert len(_answers(campaign)["outcomes"]) == 2


def test_an_empty_record_has_empty_views(tmp_path: Path) -> None:
    assert index.refresh(tmp_path)
    assert all(not answer for answer in _answers(tmp_path).values())


def test_the_views_are_there_without_the_file(campaign: Path) -> None:
    (campaign / index.NAME).unlink()
    with index.connect(campaign) as views:
        assert views.sql("SELECT count(*) FROM decisions").fetchall() == [(7,)]
    assert not (campaign / index.NAME).exists()


@pytest.mark.parametrize("there", [False, True])
def test_a_damaged_part_is_named(campaign: Path, there: bool) -> None:
    """Also where the index is of these manifests: its views are asked."""
    if not there:
        (campaign / index.NAME).unlink()
    part = campaign / "waves" / "b" / "decisions-0000.parquet"
    part.write_bytes(part.read_bytes()[:100])
    with pytest.raises(DataError, match=r"waves/b/decisions-0000\.parquet is damaged"):
        index.refresh(campaign)


def test_names_are_quoted(tmp_path: Path) -> None:
    campaign = tmp_path / "it's"
    campaign.mkdir()
    rows.publish_wave(campaign, "a", 2, rejects=[REJECT])
    assert index.refresh(campaign)
    assert len(_answers(campaign)["decisions"]) == 2


def test_a_corrected_event_is_told_as_learn_takes_it(tmp_path: Path) -> None:
    for number, (name, reward) in enumerate((("b", 100.0), ("a", 10.0)), start=1):
        event = {"event_id": "1", "customer_id": rows.key(0), "reward": reward}
        rows.publish_events(tmp_path, name, [event], delivery=number)
    assert index.refresh(tmp_path)
    assert [e["reward"] for e in _answers(tmp_path)["outcomes"]] == [10.0]
