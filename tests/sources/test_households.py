"""Households as units, whatever type their column has on the day."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from bandit.config import campaign_file
from bandit.config.household import Household
from bandit.sources import database
from tests.sources import small

TOML = """
[customers]
source = "people.parquet"
[features]
numeric = ["x"]
[[offer]]
name = "a"
[[channel]]
name = "email"
"""


def _units(folder: Path, homes: pl.Series) -> list[int]:
    people = pl.DataFrame({"customer_id": range(len(homes)), "x": range(len(homes)), "home": homes})
    people.write_parquet(folder / "people.parquet")
    (folder / "campaign.toml").write_text(TOML)
    asked = Household("e", "home", ())
    campaign = campaign_file.load(folder).model_copy(update={"households": (asked,)})
    with database.connect(campaign, at=small.AT) as data:
        view = data.table("customers").view
        rows = data.rows(f'SELECT "{asked.unit}" FROM {view} ORDER BY customer_id')
    return [int(unit) for (unit,) in rows]


@pytest.mark.parametrize("kind", [pl.Float64, pl.String, pl.Int16])
def test_a_home_keeps_its_unit_where_its_column_changes_type(
    tmp_path: Path, kind: type[pl.DataType]
) -> None:
    homes = pl.Series([12, 12, 7, None, None], dtype=pl.Int64)
    units = _units(tmp_path, homes)
    assert len(set(units)) == 4
    assert units[0] == units[1]
    assert _units(tmp_path, homes.cast(kind)) == units
