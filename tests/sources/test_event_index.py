"""The index of large files of events: what is read by it is what is read without it."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bandit.config import campaign_file
from bandit.config.campaign import Campaign
from bandit.core.types import SILENT
from bandit.sources import database, event_index
from bandit.sources.database import Database
from bandit.sources.event_index import Asked
from bandit.sources.variables import One
from bandit.workflows.serve import reading
from bench import variables as bench

PEOPLE, ROWS, GROUP = 400, 6_000, 100
AT = bench.AT


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_index, "LEAST_ROWS", 100)
    monkeypatch.setattr(event_index, "MOST_COPIED", 0.5)


def written(folder: Path, *, text: bool = False, files: int = 1, seed: int = 1) -> Path:
    """A third of all events is customer 0's, in every row group; 399 has none, the others some."""
    folder.mkdir(exist_ok=True)
    draws = np.random.default_rng(seed)
    who = np.where(draws.random(ROWS) < 0.3, 0, draws.integers(1, PEOPLE - 1, ROWS))
    name = (lambda ids: [f"c{i}" for i in ids]) if text else (lambda ids: ids)
    pl.DataFrame({"customer_id": name(range(PEOPLE)), "age": [30] * PEOPLE}).write_parquet(
        folder / "customers.parquet"
    )
    frame = pl.DataFrame(
        {
            "customer_id": name(who.tolist()),
            "at": [AT] * ROWS,
            "amount": draws.random(ROWS).round(2),
            "items": draws.integers(0, 5, ROWS),
            "shop": draws.choice(["web", "store", "app"], ROWS),
        }
    ).with_columns(pl.col("at") - pl.duration(minutes=pl.Series(draws.integers(1, 900_000, ROWS))))
    frame = frame.with_columns(known_at=pl.col("at"))
    (folder / "purchases").mkdir(exist_ok=True)
    for place in range(files):
        part = frame[place * ROWS // files : (place + 1) * ROWS // files].to_arrow()
        pq.write_table(part, folder / "purchases" / f"{place}.parquet", row_group_size=GROUP)
    toml = bench.TOML.format(memory=500).replace("purchases.parquet", "purchases")
    (folder / "campaign.toml").write_text(toml, encoding="utf-8")
    time.sleep(0.06)  # a file of a moment ago is not trusted yet
    return folder


@contextmanager
def opened(campaign: Campaign, customer: str | None = None) -> Iterator[Database]:
    one = None if customer is None else One(customer, {"rfm": None})
    with database.connect(campaign, at=AT, one=one) as data:
        yield data


def asked(data: Database) -> Asked:
    key = data.table("customers").key_kind
    found = event_index.asked(data, "source.purchases", "customer_id", str(key))
    assert found is not None
    return found


def build(folder: Path) -> bool:
    campaign = campaign_file.load(folder)
    with opened(campaign) as data:
        return event_index.build(data, folder, asked(data))


def seen(folder: Path, customer: str) -> tuple[pl.DataFrame, bool]:
    """A customer's variables, and whether their events were read by the index."""
    with opened(campaign_file.load(folder), customer) as data:
        table = data.table("customers")
        names = ", ".join(table.made)
        query = f"SELECT customer_id, {names} FROM {table.view} WHERE customer_id::VARCHAR = ?"
        rows = pl.DataFrame(data.rows(query, [customer]), orient="row")
        by_index = data.rows(
            "SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE '%raw_found'"
        )
        return rows, bool(by_index[0][0])


@pytest.mark.parametrize(("text", "files"), [(False, 1), (True, 1), (False, 3)])
def test_variables_are_those_of_a_read_of_everything(
    tmp_path: Path, text: bool, files: int
) -> None:
    folder = written(tmp_path / "c", text=text, files=files)
    ids = [f"c{i}" if text else str(i) for i in (0, 1, 7, 399, 1234)]
    before = [seen(folder, one) for one in ids]
    assert not any(by_index for _, by_index in before)
    assert build(folder)
    after = [seen(folder, one) for one in ids]
    assert all(by_index for _, by_index in after)
    for (one, _), (other, _) in zip(before, after, strict=True):
        assert one.equals(other, null_equal=True)
    kept = json.loads(next((folder / event_index.FOLDER).glob("*/index.json")).read_text())
    assert 1 <= len(kept["copied"]) < PEOPLE // 2


def test_few_row_groups_are_read_for_few_events(tmp_path: Path) -> None:
    folder = written(tmp_path / "c")
    assert build(folder)
    rows = pq.read_table(folder / "purchases" / "0.parquet")["customer_id"].to_numpy()
    with opened(campaign_file.load(folder)) as data:
        source = asked(data)
        about = event_index._about(source)
        kept = event_index._kept(source.folder(folder), about)
        assert kept is not None
        read = 0
        for customer in range(1, PEOPLE):
            hashed = data.rows("SELECT hash(?::BIGINT)", [customer])[0][0]
            places = event_index._places(np.array([hashed], np.uint64), kept["size"])[:, 0]
            found = set(event_index._groups_with(source.folder(folder), about, places).tolist())
            true = set((np.flatnonzero(rows == customer) // GROUP).tolist())
            assert true <= found
            read += len(found - true)
    assert read < 0.03 * PEOPLE * ROWS / GROUP


def appended(path: Path) -> None:
    table = pq.read_table(path)
    pq.write_table(pa.concat_tables([table, table[:50]]), path, row_group_size=GROUP)


def replaced_alike(path: Path) -> None:
    """Other rows in a file of the same name, size and times."""
    was = path.stat()
    other = path.with_suffix(".other")
    table = pq.read_table(path)
    shutil.copy2(path, other)
    content = bytearray(other.read_bytes())
    content[200] ^= 1
    other.write_bytes(bytes(content))
    os.utime(other, ns=(was.st_atime_ns, was.st_mtime_ns))
    assert table.num_rows == ROWS
    other.replace(path)


def written_over(path: Path) -> None:
    """The same in place, the time of writing put back."""
    was = path.stat()
    with path.open("r+b") as stream:
        stream.seek(200)
        byte = stream.read(1)
        stream.seek(200)
        stream.write(bytes([byte[0] ^ 1]))
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))


def one_more_file(path: Path) -> None:
    shutil.copy(path, path.with_name("9.parquet"))


@pytest.mark.parametrize("change", [appended, replaced_alike, written_over, one_more_file])
def test_an_index_of_other_files_is_not_read(tmp_path: Path, change) -> None:
    folder = written(tmp_path / "c")
    assert build(folder)
    with opened(campaign_file.load(folder)) as data:
        source = asked(data)
        about = event_index._about(source)
        assert event_index._kept(source.folder(folder), about) is not None
    change(folder / "purchases" / "0.parquet")
    with opened(campaign_file.load(folder)) as data:
        source = asked(data)
        assert event_index._kept(source.folder(folder), event_index._about(source)) is None


def test_what_is_appended_counts_and_is_indexed_anew(tmp_path: Path) -> None:
    folder = written(tmp_path / "c")
    assert build(folder)
    before, _ = seen(folder, "0")
    appended(folder / "purchases" / "0.parquet")
    after, by_index = seen(folder, "0")
    assert not by_index
    assert not after.equals(before, null_equal=True)
    time.sleep(0.06)
    assert build(folder)
    again, by_index = seen(folder, "0")
    assert by_index
    assert again.equals(after, null_equal=True)


def test_an_index_cut_short_is_not_read(tmp_path: Path) -> None:
    folder = written(tmp_path / "c")
    before, _ = seen(folder, "1")
    assert build(folder)
    for name in (event_index.ABOUT, event_index.BITS):
        path = next((folder / event_index.FOLDER).glob(f"*/{name}"))
        path.write_bytes(path.read_bytes()[:-3])
        after, by_index = seen(folder, "1")
        assert not by_index
        assert after.equals(before, null_equal=True)
        assert build(folder)
        assert seen(folder, "1")[1]


def test_files_that_change_while_they_are_read_get_no_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = written(tmp_path / "c")
    copy = event_index._copy

    def meanwhile(*given):
        appended(folder / "purchases" / "0.parquet")
        return copy(*given)

    monkeypatch.setattr(event_index, "_copy", meanwhile)
    assert not build(folder)
    assert not list((folder / event_index.FOLDER).glob("*"))


def test_few_rows_and_columns_read_in_ways_of_their_own_get_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = written(tmp_path / "c")
    monkeypatch.setattr(event_index, "LEAST_ROWS", ROWS + 1)
    assert not build(folder)
    path = folder / "purchases" / "0.parquet"
    rows = pl.read_parquet(path)
    rows.with_columns(pl.col("amount").cast(pl.Decimal(10, 2))).write_parquet(path)
    with opened(campaign_file.load(folder)) as data:
        found = event_index.asked(data, "source.purchases", "customer_id", "BIGINT")
        assert found is None


def test_what_is_no_index_of_a_source_goes_and_files_of_the_users_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = written(tmp_path / "c")
    assert build(folder)
    place = folder / event_index.FOLDER
    (ours,) = place.iterdir()
    dead, theirs = place / f".{'0' * 16}.partial", place / "shops.csv"
    dead.mkdir()
    (dead / event_index.COPIES).write_bytes(b"rows of people")
    theirs.write_text("shop,town\nweb,\n")
    campaign = campaign_file.load(folder)
    with opened(campaign) as data:
        assert reading.keep_indexes(campaign, data, SILENT) == []
    assert sorted(place.iterdir()) == sorted([ours, theirs])
    monkeypatch.setattr(event_index, "LEAST_ROWS", ROWS + 51)
    appended(folder / "purchases" / "0.parquet")
    assert not build(folder)
    assert list(place.iterdir()) == [theirs]
    event_index.keep_only(folder)
    assert theirs.read_text() == "shop,town\nweb,\n"
    theirs.unlink()
    event_index.keep_only(folder)
    assert not place.exists()


def test_what_arrow_reads_otherwise_or_not_at_all_gets_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = written(tmp_path / "c")
    path = folder / "purchases" / "0.parquet"
    with opened(campaign_file.load(folder)) as data, monkeypatch.context() as patched:

        def unknown(*_: object) -> None:
            raise pa.ArrowNotImplementedError("a kind of column that is newer than Arrow")

        patched.setattr(pq, "read_metadata", unknown)
        assert event_index.asked(data, "source.purchases", "customer_id", "BIGINT") is None
    pq.write_table(pq.read_table(path), path, use_deprecated_int96_timestamps=True)
    with opened(campaign_file.load(folder)) as data:
        assert event_index.asked(data, "source.purchases", "customer_id", "BIGINT") is None


def test_an_index_without_a_part_of_its_head_is_not_read(tmp_path: Path) -> None:
    folder = written(tmp_path / "c")
    assert build(folder)
    path = next((folder / event_index.FOLDER).glob(f"*/{event_index.ABOUT}"))
    kept = json.loads(path.read_text())
    for name in ("copied", "starts", "size", "files"):
        wrong = [{**kept, name: value} for value in (None, "x", -1)]
        for head in (*wrong, {k: v for k, v in kept.items() if k != name}):
            path.write_text(json.dumps(head))
            assert not seen(folder, "0")[1], head


def test_a_file_that_is_replaced_while_it_is_looked_into_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By one of other columns and fewer row groups: what the index told is nothing then."""
    folder = written(tmp_path / "c")
    assert build(folder)
    path = folder / "purchases" / "0.parquet"
    groups_with = event_index._groups_with

    def meanwhile(*args: Any) -> Any:
        found = groups_with(*args)
        table = pq.read_table(path)
        pq.write_table(table.select(table.column_names[::-1]), path)
        return found

    monkeypatch.setattr(event_index, "_groups_with", meanwhile)
    monkeypatch.setattr(event_index, "_copies", lambda *_: pq.read_table(path).slice(0, 0))
    assert not seen(folder, "1")[1]
