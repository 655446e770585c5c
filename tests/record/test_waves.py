from __future__ import annotations

import datetime as dt
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandit.core import schema
from bandit.core.errors import DataError
from bandit.record import manifest
from bandit.record import waves as record
from tests.sources import rows


def _written(folder: Path, batches: list[pa.RecordBatch], kind: pa.Schema) -> bytes:
    folder.mkdir(exist_ok=True)
    writer = record.DecisionWriter(folder, kind)
    for batch in batches:
        writer.write(batch)
    writer.close()
    return b"".join(p.read_bytes() for p in sorted(folder.iterdir()))


@settings(deadline=None, max_examples=30)
@given(cuts=st.lists(st.integers(0, 50), max_size=6))
def test_the_bytes_do_not_hang_on_how_rows_arrive(
    cuts: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record, "ROWS_PER_GROUP", 8)
        patch.setattr(record, "GROUPS_PER_FILE", 2)
        batch = rows.decisions("w", 50)
        folder = tmp_path_factory.mktemp("record")
        whole = _written(folder / "whole", [batch], batch.schema)
        borders = [0, *sorted(cuts), 50]
        parts = [batch.slice(a, b - a) for a, b in pairwise(borders)]
        assert _written(folder / "parts", parts, batch.schema) == whole


def test_rows_go_to_files_of_a_fixed_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "ROWS_PER_GROUP", 8)
    monkeypatch.setattr(record, "GROUPS_PER_FILE", 2)
    batch = rows.decisions("w", 37)
    _written(tmp_path, [batch], batch.schema)
    sizes = [pq.read_metadata(p).num_rows for p in sorted(tmp_path.iterdir())]
    assert sizes == [16, 16, 5]
    back = pa.concat_tables([pq.read_table(p) for p in sorted(tmp_path.iterdir())])
    assert back.schema.remove_metadata().equals(batch.schema.remove_metadata())
    assert back["decision_id"].to_pylist() == batch["decision_id"].to_pylist()


def test_a_wave_without_rows_has_a_file(tmp_path: Path) -> None:
    kind = schema.decisions(pa.int64(), 3, 2)
    _written(tmp_path, [], kind)
    assert pq.read_table(tmp_path / "decisions-0000.parquet").num_rows == 0


def test_the_files_say_what_their_columns_mean(tmp_path: Path) -> None:
    batch = rows.decisions("w", 3)
    _written(tmp_path, [batch], batch.schema)
    kind = pq.read_schema(tmp_path / "decisions-0000.parquet")
    assert b"logging policy" in kind.field("propensity").metadata[b"meaning"]


def test_waves_come_by_time(tmp_path: Path) -> None:
    for name, day in (("b", 2), ("a", 3), ("c", 1)):
        rows.publish_wave(tmp_path, name, 2, at=dt.datetime(2026, 11, day, tzinfo=dt.UTC))
    (tmp_path / "waves" / ".d.partial").mkdir()
    found = record.waves(tmp_path)
    assert [w.name for w in found] == ["c", "b", "a"]
    assert [p.name for p in found[0].decisions] == ["decisions-0000.parquet"]
    assert record.waves(tmp_path / "nowhere") == []


def test_a_folder_that_is_no_wave_is_named(tmp_path: Path) -> None:
    (tmp_path / "waves" / "mine").mkdir(parents=True)
    with pytest.raises(DataError, match=r"waves/mine/manifest\.json cannot be read"):
        record.waves(tmp_path)


def test_a_copy_of_a_wave_is_refused(tmp_path: Path) -> None:
    wave = rows.publish_wave(tmp_path, "w", 2)
    shutil.copytree(wave, wave.with_name("w copy"))
    with pytest.raises(DataError, match="w copy holds wave w; a copy would count"):
        record.waves(tmp_path)


def test_a_manifest_after_forgetting_keeps_its_numbers(tmp_path: Path) -> None:
    wave = rows.publish_wave(tmp_path, "w", 4)
    content = manifest.read(wave)
    assert content["decisions"] == 4
    assert np.isclose(rows.propensities(wave), 0.5).all()
