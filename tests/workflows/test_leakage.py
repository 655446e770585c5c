"""`check --leakage`: what was known at a wave's time was served, or the variable is named."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from bandit.config import campaign_file
from bandit.core.errors import DataError
from bandit.core.problems import Problems
from bandit.core.types import SILENT
from bandit.record import served_variables
from bandit.workflows.serve.serve_batch import serve_batch
from bandit.workflows.start.check import check
from bandit.workflows.start.leakage import remade
from tests import campaigns
from tests.campaigns import MONDAY

MORE = """
[[source]]
name = "visits"
source = "visits.parquet"
at = "at"
[variables]
n = { function = "count" }
spent = { function = "sum", column = "amount" }
since = { function = "days_since", where = "amount > 5" }
gap = { function = "median_gap", days = 60 }
rfm = { function = "rfm", column = "amount" }
"""
DAY = dt.timedelta(days=1)


def _events(rng: np.random.Generator, rows: int, first: dt.datetime) -> pl.DataFrame:
    """Events of thirty days from ``first`` on."""
    return pl.DataFrame({
        "customer_id": rng.integers(0, 105, rows) * 7 + 3,
        "at": [first + dt.timedelta(hours=float(h)) for h in rng.uniform(0, 720, rows)],
        "amount": rng.gamma(2.0, 12.0, rows).round(2),
    })  # fmt: skip


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two waves a week apart, of a source without known_at that tells the truth so far."""
    folder = campaigns.write(
        tmp_path_factory.mktemp("leakage") / "campaign", customers=100, more=MORE
    )
    log = _events(np.random.default_rng(1), 600, MONDAY - 30 * DAY)
    log.write_parquet(folder / "visits.parquet")
    serve_batch(folder, wave="w1", at=MONDAY)
    later = pl.concat([log, _events(np.random.default_rng(2), 200, MONDAY)])
    later.write_parquet(folder / "visits.parquet")
    serve_batch(folder, wave="w2", at=MONDAY + 7 * DAY)
    return folder


def _leaks(folder: Path) -> list[str]:
    faults = Problems()
    found = remade(campaign_file.load(folder), faults, SILENT)
    assert found.waves == ("w1", "w2")
    assert not faults.config
    return faults.data


@pytest.mark.parametrize("seed", range(20))
def test_a_planted_leak_is_found_and_named(served: Path, tmp_path: Path, seed: int) -> None:
    """One row that came late, was changed, went, or was moved to the time before a wave."""
    rng = np.random.default_rng([3, seed])
    folder = Path(shutil.copytree(served, tmp_path / "campaign"))
    log = pl.read_parquet(folder / "visits.parquet")
    own = log.with_row_index("row").filter((pl.col("at") < MONDAY) & (pl.col("customer_id") < 700))
    row = int(rng.choice(own["row"].to_numpy()))
    here = pl.int_range(pl.len()) == row
    kind = seed % 4
    if kind == 0:
        planted = pl.concat([log, own.filter(pl.col("row") == row).drop("row")])
    elif kind == 1:
        planted = log.with_columns(
            amount=pl.when(here).then(pl.col("amount") + 0.01).otherwise("amount")
        )
    elif kind == 2:
        planted = log.filter(~here)
    else:
        after = int(rng.choice(np.flatnonzero((log["at"] > MONDAY + DAY).to_numpy())))
        moved = pl.int_range(pl.len()) == after
        planted = log.with_columns(
            at=pl.when(moved).then(pl.lit(MONDAY - DAY).cast(log.schema["at"])).otherwise("at"),
            customer_id=pl.when(moved).then(10).otherwise("customer_id"),
        )
    planted.write_parquet(folder / "visits.parquet")
    told = _leaks(folder)
    assert [t for t in told if t.startswith("variable 'spent' leaks") and "wave w1 1 have" in t]
    if seed == 0:
        with pytest.raises(DataError, match="variable 'spent' leaks"):
            check(folder, at=MONDAY + 8 * DAY, leakage=True)


@pytest.mark.parametrize("part", [pytest.param(n, marks=pytest.mark.long) for n in range(4)])
def test_a_source_that_grows_honestly_is_no_leak(served: Path, tmp_path: Path, part: int) -> None:
    """A hundred times: new events, another order of rows, other sizes of row groups."""
    folder = Path(shutil.copytree(served, tmp_path / "campaign"))
    log = pl.read_parquet(folder / "visits.parquet")
    for seed in range(25):
        rng = np.random.default_rng([4, part, seed])
        new = _events(rng, int(rng.integers(1, 300)), MONDAY + 7 * DAY)
        grown = pl.concat([log, new]).sample(fraction=1.0, shuffle=True, seed=seed)
        grown.write_parquet(folder / "visits.parquet", row_group_size=int(rng.integers(50, 500)))
        assert _leaks(folder) == []


def test_what_was_compared_is_told(served: Path, tmp_path: Path) -> None:
    found = check(served, at=MONDAY + 8 * DAY, leakage=True).remade
    assert found is not None
    assert (found.waves, found.values) == (("w1", "w2"), 2 * 100 * 5)
    assert found.variables == ("gap", "n", "rfm", "since", "spent")
    assert check(served, at=MONDAY + 8 * DAY).remade is None
    plain = campaigns.write(tmp_path / "plain", customers=20)
    none = check(plain, at=MONDAY, leakage=True).remade
    assert none is not None
    assert none.waves == ()


def test_a_wave_is_made_again_by_its_own_variables(served: Path, tmp_path: Path) -> None:
    """campaign.toml means something else today; the source of then is gone or read elsewhere."""
    folder = Path(shutil.copytree(served, tmp_path / "campaign"))
    file = folder / "campaign.toml"
    file.write_text(file.read_text().replace('"count" }', '"count", days = 3 }'))
    assert _leaks(folder) == []
    (folder / "visits.parquet").unlink()
    told = _leaks(folder)
    assert [t for t in told if t.startswith("wave w1: [source.visits]") and "does not exist" in t]


def test_a_damaged_file_of_variables_is_named(served: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(served, tmp_path / "campaign"))
    path = folder / "waves" / "w1" / served_variables.NAME
    path.write_bytes(path.read_bytes()[:-7] + b"damaged")
    assert any(served_variables.NAME in line for line in _leaks(folder))
