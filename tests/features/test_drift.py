"""Columns that are not what they were are told; what varies by chance is not."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from bandit.features.drift import Drift
from bandit.features.encode import encode
from bandit.features.spec import Column, FeatureSpec

AT = dt.datetime(2026, 11, 2, tzinfo=dt.UTC)
N = 2000
SPEC = FeatureSpec(
    True,
    (
        Column("spend", "numeric", mean=40.0, scale=30.0, missing=True, blank=0.1),
        Column("balance", "numeric", mean=0.0, scale=500.0, blank=0.0),
        Column("member", "boolean", mean=0.5, scale=0.5, blank=0.0),
        Column("city", "categorical", categories=("a", "b"), missing=True, blank=0.1, other=0.1),
        Column("joined", "date", mean=1000.0, scale=300.0, blank=0.0),
    ),
)
_RNG = np.random.default_rng(3)
AS_BEFORE = pl.DataFrame({
    "spend": _RNG.gamma(1.8, 22.0, N),
    "balance": _RNG.normal(0.0, 500.0, N),
    "member": _RNG.random(N) < 0.5,
    "city": _RNG.choice(["a", "b", "c"], N, p=[0.6, 0.3, 0.1]),
    "joined": [AT.replace(tzinfo=None) - dt.timedelta(days=float(d))
               for d in _RNG.normal(1000.0, 300.0, N)],
}).with_columns(pl.when(pl.int_range(N) % 10 > 0).then(pl.col("spend", "city")))  # fmt: skip


def told(frame: pl.DataFrame, *, batches: int = 1) -> list[str]:
    drift = Drift(SPEC)
    kinds = pa.schema([
        ("spend", pa.float64()), ("balance", pa.float64()), ("member", pa.bool_()),
        ("city", pa.string()), ("joined", pa.timestamp("us")),
    ])  # fmt: skip
    table = frame.to_arrow().cast(kinds)
    size = -(-len(frame) // batches)
    for start in range(0, len(frame), size):
        (batch,) = table.slice(start, size).combine_chunks().to_batches()
        drift.add(batch, encode(SPEC, batch, AT).contexts)
    return drift.told()


def test_chance_is_no_drift() -> None:
    assert told(AS_BEFORE) == []
    assert told(AS_BEFORE.with_columns(pl.col("spend", "balance") * 3)) == []
    assert told(AS_BEFORE.with_columns(pl.col("joined") - pl.duration(days=200))) == []


CHANGED = {
    "spend in cents": (pl.col("spend") * 100, "about 100 times larger"),
    "spend in thousands": (pl.col("spend") / 1000, "smaller"),
    "balance in cents": (pl.col("balance") * 100, "about 100 times larger"),
    "spend empty": (pl.lit(None, pl.Float64).alias("spend"), "'spend' is empty for everybody"),
    "spend mostly empty": (
        pl.when(pl.int_range(N) % 2 > 0).then(pl.col("spend")).alias("spend"),
        "is empty for 50% of the customers, it was for 10%",
    ),
    "spend one number": (pl.lit(7.0).alias("spend"), "is 7 for everybody"),
    "member no": (pl.lit(value=False).alias("member"), "is 0 for everybody"),
    "city one": (pl.lit("b").alias("city"), "is 'b' for everybody"),
    "city renamed": (pl.col("city").replace("b", "B"), "have none of the categories"),
    "joined empty": (pl.lit(None, pl.Datetime).alias("joined"), "'joined' is empty for everybody"),
}


@pytest.mark.parametrize("change", CHANGED)
def test_what_changed_is_told_in_any_batches(change: str) -> None:
    expression, said = CHANGED[change]
    frame = AS_BEFORE.with_columns(expression)
    (sentence,) = told(frame)
    assert said in sentence
    assert told(frame, batches=7) == [sentence]


def test_a_fit_of_before_shares_were_kept_reads_as_it_was_written() -> None:
    text = '{"columns":[{"categories":["a"],"kind":"categorical","length":1,"mean":0.0,'
    text += '"missing":false,"name":"city","scale":1.0}],"intercept":true}'
    assert FeatureSpec.from_json(text).to_json() == text
