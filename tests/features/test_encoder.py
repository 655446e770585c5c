from __future__ import annotations

import datetime as dt

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import bandit
from bandit.config import campaign_file
from bandit.core.errors import ConfigError, DataError
from bandit.features.encode import encode
from bandit.features.fit import fit
from bandit.sources import database
from bandit.sources.columns import feature_relation
from bandit.workflows.start.init import init

AT = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
KINDS = {
    "numeric": ["age"],
    "boolean": ["member"],
    "categorical": ["city"],
    "date": ["joined"],
    "vector": ["v"],
}


def rows(n=200):
    rng = np.random.default_rng(3)
    return {
        "age": [None if i % 9 == 0 else float(rng.integers(18, 80)) for i in range(n)],
        "member": [bool(i % 3) for i in range(n)],
        "city": [None if i % 7 == 0 else ["Bern", "Zug", "Chur"][i % 3] for i in range(n)],
        "joined": [dt.date(2026, 1, 1) + dt.timedelta(days=int(i)) for i in range(n)],
        "v": [[float(i), 1.0] for i in range(n)],
        "spare": list(range(n)),
    }


def frames():
    polars = pl.DataFrame(rows()).with_columns(pl.col("v").cast(pl.Array(pl.Float32, 2)))
    table = pa.table(rows())
    return {
        "polars": polars,
        "polars, categorical": polars.with_columns(pl.col("city").cast(pl.Categorical)),
        "pandas": pd.DataFrame(rows()),
        "pandas, categorical": pd.DataFrame(rows()).astype({"city": "category"}),
        "arrow": table,
        "arrow batches": table.to_reader(max_chunksize=7).read_all(),
        "arrow batch": table.combine_chunks().to_batches()[0],
        "duckdb": duckdb.connect().from_arrow(table),
    }


@pytest.mark.parametrize("make", frames())
def test_frames_of_any_make_encode_alike(make):
    expected = bandit.Encoder.fit(pa.table(rows()), **KINDS, at=AT)
    found = bandit.Encoder.fit(frames()[make], **KINDS, at=AT)
    assert found == expected
    contexts = found.transform(frames()[make])
    assert contexts.dtype == np.float32
    assert contexts.flags.c_contiguous
    assert np.array_equal(contexts, expected.transform(pa.table(rows())))


def test_a_stream_that_can_be_read_once_is_a_frame():
    class Once:
        def __init__(self, table):
            self.reader = table.to_reader()

        def __arrow_c_stream__(self, requested_schema=None):
            return self.reader.__arrow_c_stream__(requested_schema)

    table = pa.table(rows())
    assert bandit.Encoder.fit(Once(table), **KINDS, at=AT).n_features == 12


def test_it_is_the_campaigns_encoding(tmp_path):
    init(folder=tmp_path / "c")
    campaign = campaign_file.load(tmp_path / "c")
    asked = {kind: getattr(campaign.features, kind) for kind in KINDS}
    with database.connect(campaign) as found:
        relation = feature_relation(found, campaign)
        spec = fit(campaign.features, relation, AT)
        batch = relation.to_arrow_table().combine_chunks().to_batches()[0]
        table = found.connection.table(found.table("customers").view).to_arrow_table()
    encoder = bandit.Encoder.fit(table, **asked, at=AT)
    assert encoder.spec == spec
    assert np.array_equal(encoder.transform(table), encode(spec, batch, AT).contexts)


def test_saved_and_loaded_it_is_the_same(tmp_path):
    encoder = bandit.Encoder.fit(pl.DataFrame(rows()), **KINDS, at=dt.date(2026, 11, 23))
    encoder.save(tmp_path / "e.json")
    assert bandit.Encoder.load(tmp_path / "e.json") == encoder
    assert encoder.at == AT
    bare = bandit.Encoder.fit(pl.DataFrame(rows()), numeric=["age"], intercept=False)
    bare.save(tmp_path / "b.json")
    assert bandit.Encoder.load(tmp_path / "b.json") == bare


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"format": "x"}', '{"format": "bandit-encoder-1", "at": 3}']
)
def test_what_is_no_encoder_is_refused(tmp_path, text):
    (tmp_path / "e.json").write_text(text)
    with pytest.raises(DataError, match=r"e\.json is"):
        bandit.Encoder.load(tmp_path / "e.json")
    with pytest.raises(DataError, match="does not exist"):
        bandit.Encoder.load(tmp_path / "none.json")


def test_rows_beyond_a_batch_keep_their_order(monkeypatch):
    monkeypatch.setattr("bandit.features.encoder.BATCH_ROWS", 2048)
    n = 10_000
    frame = pl.DataFrame({"x": np.arange(n, dtype=float), "y": np.arange(n) % 2 == 0})
    encoder = bandit.Encoder.fit(frame, numeric=["x"], boolean=["y"])
    contexts = encoder.transform(frame)
    assert (np.diff(contexts[:, 1]) > 0).all()
    broken = frame.with_columns(pl.when(pl.col("x") == 5000).then(np.nan).otherwise("x").alias("x"))
    with pytest.raises(DataError, match="row 5000, column 'x': nan is not finite"):
        encoder.transform(broken)


def test_codes_that_are_no_truth_value_are_refused_by_row():
    frame = pl.DataFrame({"x": [0, 1, 2, None]})
    with pytest.raises(DataError, match="row 2, column 'x': 2 is not true or false"):
        bandit.Encoder.fit(frame, boolean=["x"])


def test_text_is_read_as_the_sources_read_it():
    frame = pl.DataFrame({"x": ["1.5", "", None, "4"], "y": ["yes", "No", "", "1"]})
    encoder = bandit.Encoder.fit(frame, numeric=["x"], boolean=["y"])
    assert encoder.spec.columns[0].mean == 2.75
    assert encoder.transform(frame)[:, 2].tolist() == [0.0, 1.0, 1.0, 0.0]
    with pytest.raises(DataError, match="row 3, column 'x': '4,0' is not a number"):
        encoder.transform(frame.with_columns(x=pl.Series(["1", "2", "3", "4,0"])))


def test_another_time_ages_the_dates():
    encoder = bandit.Encoder.fit(pl.DataFrame(rows()), date=["joined"], at=AT)
    later = encoder.transform(pl.DataFrame(rows()), at=AT + dt.timedelta(days=10))
    scale = encoder.spec.columns[0].scale
    assert later[:, 1] - encoder.transform(pl.DataFrame(rows()))[:, 1] == pytest.approx(
        10 / scale, abs=1e-5
    )


@pytest.mark.parametrize(
    ("options", "fault", "message"),
    [
        ({"numeric": ["agee"]}, DataError, "no column 'agee'; did you mean 'age'?"),
        ({"numeric": ["v"]}, ConfigError, "the frame: column 'v' is DOUBLE.., a numeric feature"),
        ({"numeric": ["city"]}, DataError, "row 1, column 'city': 'Zug' is not a number"),
        ({"numeric": "age"}, ConfigError, r"numeric must be a list of columns: \['age'\]"),
        ({"numeric": ["age"], "categorical": ["age"]}, ConfigError, "'age' is named twice"),
        ({"date": ["joined"]}, ConfigError, "give the time of the decisions, at="),
        ({"numeric": ["age"], "max_categories": 0}, ConfigError, "max_categories: "),
        ({"numeric": ["age"], "at": "today"}, ConfigError, "at must be a date or a datetime"),
        ({"intercept": False}, ConfigError, "no features"),
    ],
)
def test_what_cannot_be_fitted_is_said(options, fault, message):
    with pytest.raises(fault, match=message):
        bandit.Encoder.fit(pl.DataFrame(rows()), **options)


def test_everything_wrong_is_said_at_once():
    with pytest.raises(DataError) as raised:
        bandit.Encoder.fit(pl.DataFrame(rows()), numeric=["agee", "spent"])
    assert len(str(raised.value).splitlines()) == 2


@pytest.mark.parametrize("frame", [{"age": [1.0]}, None, np.zeros((3, 2))])
def test_what_is_no_frame_is_refused(frame):
    with pytest.raises(DataError, match="a frame is Polars, pandas, Arrow, a DuckDB relation"):
        bandit.Encoder.fit(frame, numeric=["age"])
    with pytest.raises(DataError, match="collect it first"):
        bandit.Encoder.fit(pl.LazyFrame({"age": [1.0]}), numeric=["age"])


def test_the_representation_is_short():
    assert repr(bandit.Encoder.fit(pl.DataFrame(rows()), **KINDS, at=AT)) == (
        "Encoder(12 features of age, member, city, joined, v)"
    )
