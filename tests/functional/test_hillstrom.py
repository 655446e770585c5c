"""The example folder on the untouched public CSV: learned from as logged, then served."""

import datetime as dt
import gzip
import shutil

import numpy as np
import polars as pl
import pytest

from bandit.models.posterior_file import load_posterior
from bandit.record import snapshots
from bandit.record import waves as record
from bandit.workflows.learn.learn import learn
from bandit.workflows.serve.serve_batch import serve_batch

AT = dt.datetime(2008, 3, 20, tzinfo=dt.UTC)
PUBLISHED = {"No E-Mail": 0.6528, "Mens E-Mail": 1.4226, "Womens E-Mail": 1.0772}


@pytest.fixture(scope="module")
def example(shared_data, tmp_path_factory, request):
    folder = tmp_path_factory.mktemp("hillstrom")
    source = request.config.rootpath / "examples" / "hillstrom"
    shutil.copy(source / "campaign.toml", folder)
    shutil.copy(shared_data / "hillstrom" / "hillstrom.csv.gz", folder)
    return folder, learn(folder, log=True, at=AT), serve_batch(folder, wave="next", at=AT)


def decisions(folder, name):
    wave = next(w for w in record.waves(folder) if w.name == name)
    return wave, pl.read_parquet(wave.decisions)


def test_every_row_is_learned_from_once(example):
    folder, learned, _ = example
    assert (learned.decisions, learned.rejected) == (64_000, 0)
    again = learn(folder, log=True, at=AT)
    assert (again.new, again.snapshot) == (False, learned.snapshot)


def test_posterior_means_agree_with_the_published_arm_means(example):
    folder, learned, _ = example
    snapshot = snapshots.load(folder, learned.snapshot)
    assert snapshot.actions.pairs == (("mens", "email"), ("womens", "email"))
    posterior = load_posterior(snapshot.posterior_file())
    _, log = decisions(folder, "log")
    contexts = np.stack(log["features"].to_numpy())
    means = (contexts @ posterior.mean.T).mean(axis=0)
    with gzip.open(folder / "hillstrom.csv.gz") as file:
        rows = pl.read_csv(file.read(), infer_schema_length=None)
    arms = rows.group_by("segment").agg(
        pl.col("spend").mean().alias("mean"),
        (pl.col("spend").std() / pl.len().sqrt()).alias("error"),
    )
    for mean, arm in zip(means, PUBLISHED, strict=True):
        found = arms.row(by_predicate=pl.col("segment") == arm, named=True)
        assert round(found["mean"], 4) == PUBLISHED[arm]
        assert abs(mean - PUBLISHED[arm]) < found["error"]


def test_the_log_keeps_its_known_propensity(example):
    _, log = decisions(example[0], "log")
    np.testing.assert_allclose(log["propensity"], 1 / 3)
    assert log["customer_id"].n_unique() == 64_000


def test_a_wave_is_served_over_the_same_customers(example):
    folder, _, summary = example
    _, served = decisions(folder, "next")
    assert summary.customers == len(served) == 64_000
    assert summary.rejected == 0
    assert sorted(served["customer_id"]) == list(range(1, 64_001))
    assert served["propensity"].is_between(0, 1, closed="right").all()
    assert set(served["offer"].drop_nulls().unique()) == {"mens", "womens"}
