"""Events come as JSON lines, CSV or Parquet: the same outbox, the same sentences."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

import bandit
from bandit.core.errors import DataError
from bandit.workflows.live import event_files
from bandit.workflows.live.sending import Queue
from bandit.workflows.live.trigger import trigger
from bandit.workflows.privacy.export_customer import export_customer
from bandit.workflows.privacy.forget import forget
from tests import campaigns, triggers
from tests.lives import NOON

PEOPLE = campaigns.people(300)["customer_id"].to_list()[:40]
ROWS = [triggers.event(c, c, "contract_ends" if c % 3 else "basket_left", 40.0) for c in PEOPLE]


def write(path: Path, rows: Sequence[dict[str, Any]], kind: str) -> Path:
    """The events as a file of a kind."""
    path = path / f"events.{kind}"
    frame = pl.DataFrame(rows)
    match kind:
        case "jsonl":
            return triggers.file(path, rows)
        case "csv":
            frame.write_csv(path, include_bom=True)
        case "tsv":
            frame.write_csv(path, separator="\t", quote_style="always")
        case "parquet":
            frame.with_columns(
                pl.col("at").str.to_datetime(time_unit="ns", time_zone="UTC")
            ).write_parquet(path)
    return path


def outbox(folder: Path) -> dict[str, bytes]:
    return campaigns.bytes_of(folder / "outbox")


def test_each_kind_of_file_leads_to_the_same_outbox_byte_for_byte(tmp_path: Path) -> None:
    found = []
    for kind in ("jsonl", "csv", "tsv", "parquet"):
        folder = triggers.write(tmp_path / kind)
        told = trigger(folder, events=write(tmp_path / kind, ROWS, kind), now=lambda: NOON)
        again = trigger(folder, events=write(tmp_path / kind, ROWS, "jsonl"), now=lambda: NOON)
        assert again.duplicate == len(ROWS)
        found.append((outbox(folder), told.contacted, told.expired))
    assert found[0][0]
    assert all(one == found[0] for one in found)


WRONG: list[dict[str, Any]] = [
    {"at": "2026-11-02T11:00:00"},
    {"at": "yesterday"},
    {"event": ""},
    {"event_id": "x" * 201},
    {"customer": "not a number"},
    {"at": "2027-11-02T11:00:00Z"},
]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_what_is_wrong_is_told_in_the_words_of_json_lines(tmp_path: Path, kind: str) -> None:
    more = "\n[limits]\nreject_share = 0.9\n"
    rows = [{**row, "customer": str(row["customer"])} for row in ROWS]
    rows[: len(WRONG)] = [{**row, **wrong} for row, wrong in zip(rows, WRONG, strict=False)]
    notes = []
    for form in ("jsonl", kind):
        folder = triggers.write(tmp_path / form, more=more)
        path = write(tmp_path / form, rows, "csv" if form == "csv" else "jsonl")
        if form == "parquet":
            path = path.with_suffix(".parquet")
            pl.DataFrame(rows).write_parquet(path)
        told = trigger(folder, events=path, now=lambda: NOON)
        assert told.rejected == len(WRONG)
        notes.append([note.partition(": ")[2] for note in told.notes if str(path) in note])
    assert len(notes[0]) >= 3
    assert notes[0] == notes[1]
    assert notes[0][1].endswith("`$.at`: 'yesterday'")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"event_id,event,customer\na,b,3\n", "has the columns 'event_id', 'event', 'customer'"),
        (b"event_id,event,customer,at,more\n", "events have 'event_id'"),
        (b"\x00\xff\xfe", "has the columns"),
        (b'event_id,event,customer,at\n"a', "is no CSV file"),
        (b"event_id,event,customer,at\na,b,3\n", "2: the line has 3 cells, the header 4"),
        (b"event_id,event,customer,at\n\xff,b,3,2026-11-02T11:00:00Z\n", "2: the line is no UTF-8"),
        (b"event_id,event,customer,at\n" + b"a" * 200_000 + b",b,3,x\n", "is no CSV file"),
    ],
)
def test_a_broken_table_is_named_before_anything_is_decided(
    tmp_path: Path, content: bytes, told: str
) -> None:
    folder = triggers.write(tmp_path / "c")
    path = tmp_path / "events.csv"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        trigger(folder, events=path, now=lambda: NOON)
    assert str(path) in str(caught.value)
    assert told in str(caught.value)
    assert not (folder / "streams").exists()


def test_a_broken_parquet_file_is_named_too(tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    for content in (b"", b"PAR1", b"x" * 100):
        path.write_bytes(content)
        with pytest.raises(DataError, match="is no Parquet file that can be read"):
            list(event_files.lines(path))
    with pytest.raises(DataError, match=r"nowhere\.parquet"):
        list(event_files.lines(tmp_path / "nowhere.parquet"))
    strange = {"event_id": [b"\xff", None], "event": [[1], [2]], "customer": [1.5, None],
               "at": [dt.date(2026, 11, 2)] * 2}  # fmt: skip
    pl.DataFrame(strange, strict=False).write_parquet(path)
    found = list(event_files.lines(path))
    assert [(line.number, line.event, line.word) for line in found] == [
        (1, None, "row"), (2, None, "row"),
    ]  # fmt: skip
    assert all("Expected" in line.fault for line in found)


def test_a_notebook_hands_in_a_frame(tmp_path: Path) -> None:
    folder = triggers.write(tmp_path / "c")
    campaign = bandit.Campaign(folder)
    frame = pl.DataFrame(ROWS)
    told = campaign.trigger(frame)
    assert told.expired == len(ROWS)  # they are of the past
    told = campaign.trigger(duckdb.from_arrow(frame.to_arrow()))
    assert told.expired == len(ROWS)
    assert campaign.trigger().events == 0


def test_what_a_receiver_renamed_is_erased_and_is_not_sent_again(tmp_path: Path) -> None:
    folder = triggers.write(tmp_path / "c")
    trigger(folder, events=write(tmp_path, ROWS, "jsonl"), now=lambda: NOON)
    email = folder / "outbox" / "email"
    (box,) = email.glob("*.jsonl")
    who = json.loads(box.read_bytes().splitlines()[0])["customer"]
    queue = Queue(folder, "email")
    assert queue.left() > 0
    (email / "done").mkdir()
    box.rename(email / "done" / "1.taken")
    copies = [email / "copy.jsonl", email / f"{box.name}.bak", email / "done" / "1.taken"]
    for copy in copies[:2]:
        copy.write_bytes(copies[2].read_bytes())
    (email / "packed.gz").write_bytes(b"\x1f\x8b\x00")
    assert Queue(folder, "email").left() == 0
    lists = [row["list"] for row in export_customer(folder, customer=str(who)).lists]
    assert sorted({name for name in lists if name.startswith("outbox")}) == sorted(
        str(copy.relative_to(folder)) for copy in copies
    )
    told = forget(folder, customers=[str(who)])
    assert any("packed.gz (not looked into)" in one for one in told.still_in)
    for copy in copies:
        rows = [json.loads(line) for line in copy.read_bytes().splitlines()]
        assert rows
        assert who not in [row["customer"] for row in rows]
