"""Hide a category of each household, and look for it with the program and by popularity."""

from __future__ import annotations

import datetime as dt
import json
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from bandit.config import campaign_file
from bandit.core.types import Array
from bandit.sources import basket, database
from simulations.baskets.environment import Year

AT = dt.datetime(2018, 1, 2, tzinfo=dt.UTC)
TOP = 5
TOML = """
[customers]
source = "people.parquet"
key = "household_id"
[[source]]
name = "purchases"
source = "purchases.parquet"
customer = "household_id"
at = "at"
[basket]
days = 400.0
[[channel]]
name = "coupon"
"""


class Found(NamedTuple):
    """Of each household with a hidden category: its rank from 0 on, by who looks; how many lack."""

    seed: int
    gap: Array
    popular: Array
    bought: Array
    missing: Array


def run(year: Year, seed: int) -> Found:
    """The hidden one stands in no purchase, and is a product that is lacking like the others."""
    hidden = year.hidden(seed)
    left = year.bought.join(hidden, on=["household_id", "product"], how="anti")
    gaps, own = _gaps(left, year.products.tolist())
    held = np.zeros(gaps.shape, np.bool_)
    product = {name: i for i, name in enumerate(year.products.tolist())}
    household = {name: i for i, name in enumerate(own.tolist())}
    held[[household[h] for h in left["household_id"]], [product[p] for p in left["product"]]] = True
    rows = np.array([household[h] for h in hidden["household_id"]])
    target = np.array([product[p] for p in hidden["product"]])
    times = left["product"].value_counts()
    often = dict(zip(times["product"], times["count"], strict=True))
    bought = np.array([float(often.get(name, 0)) for name in product])
    scores = gaps, held.sum(axis=0).astype(np.float64), bought
    gap, popular, usual = (
        _rank(np.broadcast_to(s, held.shape), held, rows, target) for s in scores
    )
    return Found(seed, gap, popular, usual, (~held[rows]).sum(axis=1))


def _rank(score: Array, held: Array, rows: Array, target: Array) -> Array:
    """How many lacking products stand above the target, int64[rows]."""
    own = score[rows, target][:, None]
    return np.asarray(((score[rows] > own) & ~held[rows]).sum(axis=1))


def _gaps(left: pl.DataFrame, products: list[str]) -> tuple[Array, Array]:
    """What the program makes of the purchases, float64[households, products], and whose it is."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        left.select("household_id").unique().write_parquet(folder / "people.parquet")
        left.write_parquet(folder / "purchases.parquet")
        offers = [
            f'[[offer]]\nname = "o{i}"\nfeatures = {{ product = {json.dumps(name)} }}\n'
            for i, name in enumerate(products)
        ]
        (folder / "campaign.toml").write_text(TOML + "".join(offers), encoding="utf-8")
        campaign = campaign_file.load(folder)
        with database.connect(campaign, at=AT) as data:
            columns = data.table("customers").gaps
            table = data.connection.sql(f"SELECT * FROM {basket.GAPS} ORDER BY id").pl()
    gaps = np.full((len(table), len(products)), -np.inf)
    for i, name in enumerate(products):
        if (query := columns.get(basket.column_of(name))) is not None:
            gaps[:, i] = table[query.rpartition(".")[2]].fill_null(-np.inf).to_numpy()
    return gaps, table["id"].to_numpy()
