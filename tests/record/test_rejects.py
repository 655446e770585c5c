"""Refused rows go to the disk as they come, and too many of them end the run at once."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from bandit.core import schema
from bandit.core.errors import DataError
from bandit.record.rejects import Bound, Rejects
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns


def _row(number: int) -> dict[str, str]:
    texts = ("customers", str(number), "age", "no", "no number")
    return dict(zip(schema.REJECTS.names, texts, strict=True))


def test_rejects_keep_what_stood_there(tmp_path: Path) -> None:
    with Rejects(tmp_path / "a") as rejects:
        rejects.add([_row(0), _row(1)])
        assert rejects.finish() == 2
    assert pq.read_table(tmp_path / "a").to_pylist() == [_row(0), _row(1)]
    with Rejects(tmp_path / "b") as rejects:
        assert rejects.finish() == 0
    assert pq.read_schema(tmp_path / "b").equals(schema.REJECTS, check_metadata=False)


def test_the_bytes_hang_on_no_size_of_batches(tmp_path: Path) -> None:
    rows = [_row(i) for i in range(140_000)]
    for size in (1_000, 65_536, 140_000):
        with Rejects(tmp_path / str(size)) as rejects:
            for start in range(0, len(rows), size):
                rejects.add(rows[start : start + size])
            rejects.finish()
    assert len({(tmp_path / str(s)).read_bytes() for s in (1_000, 65_536, 140_000)}) == 1


def test_the_share_is_held_as_soon_as_it_is_passed(tmp_path: Path) -> None:
    with Rejects(tmp_path / "a", Bound(0.01, 1_000_000, "customers.csv", "customer")) as rejects:
        rejects.add([_row(i) for i in range(10_000)])
        with pytest.raises(DataError, match="at least 10,001 of 1,000,000 customers are refused"):
            rejects.add([_row(10_000)])


def test_a_wave_of_refused_rows_is_not_read_to_its_end(tmp_path: Path) -> None:
    """Vectors of another length are refused batch by batch, after the customers were read."""
    folder = campaigns.write(tmp_path, customers=400)
    frame = campaigns.people(400).with_columns(
        emb=pl.Series([[1.0, 2.0]] * 390 + [[1.0]] * 0 + [[float("nan"), 1.0]] * 10)
    )
    campaigns.write_customers(folder, frame.sort("customer_id", descending=True))
    config = folder / "campaign.toml"
    config.write_text(config.read_text().replace("[consents]", 'vector = ["emb"]\n[consents]', 1))
    with pytest.raises(DataError, match=r"at least \d of 400 customers are refused") as told:
        serve_batch(folder, at=campaigns.MONDAY, batch_size=5)
    assert "emb" in str(told.value)
