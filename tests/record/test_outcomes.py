from __future__ import annotations

import datetime as dt
import re
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from bandit.config.tables import Source
from bandit.core.errors import ConfigError, DataError
from bandit.record import index, newest, outcomes
from bandit.record import waves as record
from bandit.record.outcomes import Delivery
from bandit.sources import database
from tests.sources import rows, small

HEADER = "event_id,decision_id,customer_id,event,reward,occurred_at\n"
GOOD = [f"e{i},a.{i % 3},,sale,{i}.5,2026-11-23 10:00:00" for i in range(30)]


def _take(folder: Path, text: str, *, reject_share: float = 0.2) -> Delivery:
    toml = f"[limits]\nreject_share = {reject_share}\n{small.TOML}"
    campaign = small.campaign(folder, toml, outcomes=text)
    more = {"outcomes": Source(source="outcomes.csv")}
    if not (folder / record.WAVES).exists():
        rows.publish_wave(folder, "a", 3)
    waves = record.waves(folder)
    files = [path for wave in waves for path in wave.decisions]
    with database.connect(campaign, roles=("customers",), more=more, extra_files=files) as data:
        return outcomes.take_in(campaign, data, "BIGINT", waves)


def _events(folder: Path, delivery: Delivery) -> list[dict[str, object]]:
    path = folder / outcomes.OUTCOMES / delivery.batch / outcomes.EVENTS
    found: list[dict[str, object]] = pq.read_table(path).to_pylist()
    return found


def test_a_delivery_is_stored_once_whatever_its_order(tmp_path: Path) -> None:
    first = _take(tmp_path, HEADER + "\n".join(GOOD))
    again = _take(tmp_path, HEADER + "\n".join([*reversed(GOOD), *GOOD[:5]]))
    assert first.new
    assert (again.new, again.batch) == (False, first.batch)
    assert first.events == again.events == 30
    assert len(list((tmp_path / outcomes.OUTCOMES).iterdir())) == 1


def test_a_delivery_that_is_gone_is_missed(tmp_path: Path) -> None:
    for i in range(1, 4):
        one = _take(tmp_path, f"{HEADER}e{i},a.2,,refusal,,2026-11-23 10:00:00\n")
        assert outcomes.last(tmp_path) == i
        if i == 2:
            second = one.batch
    (wave,) = record.waves(tmp_path)
    knew = wave._replace(manifest=wave.manifest.model_copy(update={"heard": 3}))
    outcomes.hold_heard(tmp_path, [wave, knew])
    parent = tmp_path / outcomes.OUTCOMES
    (parent / second).rename(tmp_path / "aside")
    for ask in (outcomes.last, outcomes.batches, outcomes.said_by, index.refresh):
        with pytest.raises(DataError, match="lacks delivery 2, and with it refusals"):
            ask(tmp_path)
    (tmp_path / "aside").rename(parent / second)
    shutil.rmtree(parent / one.batch)
    with pytest.raises(DataError, match="lacks delivery 3"):
        outcomes.last(tmp_path)
    (tmp_path / newest.NAME).unlink()
    assert outcomes.last(tmp_path) == 2
    with pytest.raises(DataError, match="lacks delivery 3"):
        outcomes.hold_heard(tmp_path, [wave, knew])


def test_events_come_back_as_they_came(tmp_path: Path) -> None:
    delivery = _take(
        tmp_path, HEADER + "e1,a.2,,sale,2.5,2026-11-23 10:00:00\ne2,,7,call,,2026-11-24"
    )
    assert _events(tmp_path, delivery) == [
        {
            "event_id": "e1", "decision_id": "a.2", "customer_id": None, "event": "sale",
            "reward": 2.5, "occurred_at": rows.AT + dt.timedelta(hours=10), "version": None,
        },
        {
            "event_id": "e2", "decision_id": None, "customer_id": 7, "event": "call",
            "reward": 0.0, "occurred_at": rows.AT + dt.timedelta(days=1), "version": None,
        },
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",a.1,,sale,1,2026-11-23", "no event id"),
        ("x,a.1,,sale,much,2026-11-23", "not a finite number"),
        ("x,a.1,,sale,inf,2026-11-23", "not a finite number"),
        ("x,a.1,,sale,1e13,2026-11-23", "beyond 1e+12, which is no reward"),
        ("x,a.1,,sale,1,some day", "no date or time"),
        ("x,a.1,,sale,1,infinity", "no date or time"),
        ("x,a.1,,sale,1,294000-01-01", "no date or time"),
        ("x,,,sale,1,2026-11-23", "neither a decision nor a customer"),
        ("x,a.3,,sale,1,2026-11-23", "no such decision"),
        ("x,b.1,,sale,1,2026-11-23", "no such decision"),
        ("x,a.01,,sale,1,2026-11-23", "no such decision"),
        ("x,a.99999999999999999999,,sale,1,2026-11-23", "no such decision"),
    ],
)
def test_a_bad_row_is_refused_with_its_reason(tmp_path: Path, row: str, reason: str) -> None:
    delivery = _take(tmp_path, HEADER + "\n".join([*GOOD, row]))
    assert (delivery.events, delivery.rejected) == (30, 1)
    path = tmp_path / outcomes.OUTCOMES / delivery.batch / "rejects.parquet"
    assert reason in pq.read_table(path).to_pylist()[0]["reason"]


@pytest.mark.parametrize(
    ("row", "whose"),
    [
        ("x,a.1,,refusal,much,2026-11-23", ("a.1", None)),
        ("x,,7,Refusal,much,2026-11-23", (None, 7)),
        ("x,a.3,7,refusal,1,2026-11-23", (None, 7)),
        (",,7,refusal,1,2026-11-23", (None, 7)),
        ("x,,7,refusal,1,some day", (None, 7)),
        ("x\x1f,,7,refusal,1,2026-11-23", (None, 7)),
        ("x,a.3,,refusal,1,2026-11-23", None),
        ("x,,7,sale,much,2026-11-23", None),
    ],
)
def test_a_refusal_in_a_bad_row_is_a_refusal(
    tmp_path: Path, row: str, whose: tuple[str | None, int | None] | None
) -> None:
    delivery = _take(tmp_path, HEADER + "\n".join([*GOOD, row]))
    assert (delivery.events, delivery.rejected) == (30, 1)
    stored = pq.read_table(tmp_path / outcomes.OUTCOMES / delivery.batch / outcomes.EVENTS)
    found = [r for r in stored.to_pylist() if "\x1f" in r["event_id"]]
    assert [(r["decision_id"], r["customer_id"]) for r in found] == ([whose] if whose else [])
    assert all(r["reward"] == 0.0 for r in found)
    assert [n for n in delivery.notes if "whomever" in n] != [] or whose is None


@pytest.mark.parametrize(
    ("rows", "setting"),
    [
        ([f"e{i},a.1,,sale,{i};5,2026-11-23" for i in range(3)], 'add decimal = "," to [outcomes]'),
        ([f"e{i},a.1,,sale,1,2{i}.11.2026" for i in range(3)], 'add date_format = "%d.%m.%Y" to'),
    ],
)
def test_the_setting_that_would_read_refused_cells_is_named(
    tmp_path: Path, rows: list[str], setting: str
) -> None:
    text = (HEADER + "\n".join(rows)).replace(",", "|").replace(";", ",") + "\n"
    with pytest.raises(DataError, match=re.escape(setting)):
        _take(tmp_path, text)


def test_too_many_bad_rows_store_nothing(tmp_path: Path) -> None:
    text = HEADER + "\n".join([*GOOD[:3], ",a.1,,sale,1,2026-11-23"])
    with pytest.raises(DataError, match=r"no event id.*\n1 of 4 outcomes are refused"):
        _take(tmp_path, text)
    assert not list((tmp_path / outcomes.OUTCOMES).glob("*"))


def test_missing_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"column 'event_id' is missing.*repeated delivery"):
        _take(tmp_path, "decision_id,occurred_at\na.1,2026-11-23\n")
    with pytest.raises(ConfigError, match="names its decision or its customer"):
        _take(tmp_path, "event_id,occurred_at\nx,2026-11-23\n")


def test_a_damaged_batch_is_refused_by_name(tmp_path: Path) -> None:
    delivery = _take(tmp_path, HEADER + "\n".join(GOOD))
    path = tmp_path / outcomes.OUTCOMES / delivery.batch / outcomes.EVENTS
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match=rf"{delivery.batch}/events\.parquet is damaged"):
        outcomes.batches(tmp_path)


def test_the_waves_that_refusals_name(tmp_path: Path) -> None:
    folder = rows.publish_events(
        tmp_path,
        "x",
        [
            {"event_id": "1", "decision_id": "a.b.1", "event": "refusal"},
            {"event_id": "2", "decision_id": "c.1", "event": "sale"},
            {"event_id": "3", "decision_id": "d.1", "event": "refusal",
             "occurred_at": rows.AT - dt.timedelta(days=9)},
            {"event_id": "4", "customer_id": "c-1", "event": "refusal"},
        ],
    )  # fmt: skip
    since = rows.AT - dt.timedelta(days=1)
    assert outcomes.waves_named([folder / outcomes.EVENTS], ["refusal"], since, 100) == {"a.b"}
