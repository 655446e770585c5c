"""Logs of the Open Bandit Dataset, as folders and as Parquet copies."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from bandit.core.days import midnight
from bandit.core.errors import ConfigError
from bandit.core.types import SILENT
from bandit.workflows.judge import job as simulate_job
from bandit.workflows.judge.simulate import read, simulate


@pytest.fixture(scope="module")
def log():
    rng = np.random.default_rng(0)
    n = 400
    return pa.table(
        {
            "": np.arange(n),
            "timestamp": [f"2019-11-24 00:{i // 60 % 60:02d}:{i % 60:02d}+00:00" for i in range(n)],
            "item_id": rng.integers(0, 4, n),
            "position": rng.integers(1, 4, n),
            "click": rng.integers(0, 2, n),
            "propensity_score": np.full(n, 0.2),
            "user_feature_0": rng.choice(["a", "b"], n),
        }
    )


ITEMS = pa.table({"item_id": np.arange(5), "item_feature_0": np.zeros(5)})


def loaded(path):
    job = simulate_job.load(path)
    return read(job, log=False, at=midnight("UTC"), progress=SILENT)


def test_folder_and_parquet_copy_are_the_same_log(log, tmp_path):
    folder = tmp_path / "random" / "all"
    folder.mkdir(parents=True)
    pa_csv.write_csv(log, folder / "all.csv")
    pa_csv.write_csv(ITEMS, folder / "item_context.csv")
    pq.write_table(log, tmp_path / "random_all.parquet")
    pq.write_table(ITEMS, tmp_path / "random_all_item_context.parquet")
    one, other = loaded(folder), loaded(tmp_path / "random_all.parquet")
    assert one.catalogue.names == other.catalogue.names == ("0", "1", "2", "3", "4")
    for name in ("actions", "propensities", "rewards", "contexts", "times", "positions"):
        np.testing.assert_array_equal(getattr(one.log, name), getattr(other.log, name))
    assert not one.catalogue.has_no_contact


def test_a_simulation_names_a_log(log, tmp_path):
    pq.write_table(log, tmp_path / "random_all.parquet")
    (tmp_path / "simulation.toml").write_text(
        'name = "obd"\nopen_bandit = "random_all.parquet"\n[features]\ncategorical = '
        '["user_feature_0"]\n[simulate]\n[[simulate.candidate]]\npolicy = "uniform"\n'
    )
    job = simulate_job.load(tmp_path)
    assert job.obd is not None
    assert read(job, log=False, at=midnight("UTC"), progress=SILENT).n == 400
    (tmp_path / "simulation.toml").write_text('open_bandit = "nowhere"\n')
    with pytest.raises(ConfigError, match="holds no log of the Open Bandit Dataset"):
        simulate_job.load(tmp_path)


def test_the_gate_refuses_the_women_of_bts(shared_data, tmp_path):
    """2.1 effective rows of 10,000 and a weight of 21,739 (design, section 9)."""
    found = tmp_path / "simulation.toml"
    log = shared_data / "obd" / "bts_women.parquet"
    found.write_text(
        f'name = "women"\nopen_bandit = "{log}"\n[simulate]\nestimators = ["ips", "snips"]\n'
        '[[simulate.candidate]]\npolicy = "uniform"\n'
    )
    result = simulate(found)
    uniform = result.candidates[0]
    assert uniform.effective_sample_size == pytest.approx(2.0778, abs=1e-4)
    assert uniform.max_weight == pytest.approx(21739.13, abs=0.01)
    assert result.gate.decision == "not enough data"
    assert "effective sample size is 2.1 of 10,000" in result.gate.reason
    assert result.gate.needed_n is not None
