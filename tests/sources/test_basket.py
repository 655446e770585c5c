"""Gaps of baskets against a twin by dictionaries; time, order of rows, and what is told."""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from bandit.config import campaign_file
from bandit.core.errors import ConfigError
from bandit.sources import basket, database
from bandit.sources.catalogue import load_catalogue
from bandit.sources.unusable_rows import count, notes
from tests.sources.small import AT

TOML = """
[customers]
source = "people.parquet"
[[source]]
name = "receipts"
source = "receipts.parquet"
at = "at"
known_at = "known"
[basket]
product = "what"
days = 100.0
offer_column = "sells"
[[channel]]
name = "email"
"""
PRODUCTS = [f"p{i}" for i in range(9)]
PEOPLE = 60


def _receipts(seed: int) -> pl.DataFrame:
    """Lines of some people, tastes in threes, late ones, old ones, and of somebody else."""
    rng = np.random.default_rng(seed)
    rows = []
    for person in range(1, PEOPLE - 5):
        for product in range(9):
            likes = product % 3 == person % 3
            for _ in range(rng.poisson(1.5 if likes else 0.2)):
                at = AT - dt.timedelta(hours=int(rng.integers(-48, 24 * 130)))
                late = dt.timedelta(days=int(rng.integers(0, 8)) * int(rng.random() < 0.3))
                rows += [(person, f"p{product}", at, at + late)] * int(rng.integers(1, 3))
    rows.append((10_000, "p1", AT - dt.timedelta(days=1), AT - dt.timedelta(days=1)))
    return pl.DataFrame(rows, ["customer_id", "what", "at", "known"], orient="row")


def _write(folder: Path, receipts: pl.DataFrame, offers: list[str]) -> None:
    folder.mkdir(exist_ok=True)
    pl.DataFrame({"customer_id": np.arange(1, PEOPLE + 1)}).write_parquet(folder / "people.parquet")
    receipts.write_parquet(folder / "receipts.parquet")
    declared = [
        f'[[offer]]\nname = "o{i}"\nfeatures = {{ sells = "{product}" }}\n'
        for i, product in enumerate(offers)
    ]
    (folder / "campaign.toml").write_text(TOML + "".join(declared))


def _gaps(folder: Path, threads: int = 2) -> dict[str, list[float | None]]:
    campaign = campaign_file.load(folder)
    with database.connect(campaign, at=AT, threads=threads) as data:
        people = data.table("customers")
        chosen = ", ".join(["customer_id", *(f'"{column}"' for column in people.gaps)])
        found = data.rows(f"SELECT {chosen} FROM {people.view} ORDER BY customer_id")
        return {column: [row[i] for row in found] for i, column in enumerate(people.gaps, 1)}


def _twin(receipts: pl.DataFrame, wanted: list[str]) -> dict[str, list[float | None]]:
    """Times that a product was bought at different moments, and the closed form by numpy."""
    moments: dict[int, dict[str, set[dt.datetime]]] = defaultdict(lambda: defaultdict(set))
    for person, product, at, known in receipts.iter_rows():
        if at < AT and known < AT and at >= AT - dt.timedelta(days=100):
            moments[person][product].add(at)
    names = sorted({product for own in moments.values() for product in own})
    people = sorted(moments)
    held = np.array(
        [[round(1000 * math.log(1 + len(moments[i][p]))) / 1000 for p in names] for i in people]
    )
    inverse = np.linalg.inv(held.T @ held + 300.0 * np.eye(len(names)))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    lacking = held @ weights
    found = {}
    for product in wanted:
        j = names.index(product)
        by = {i: None if held[row, j] > 0 else lacking[row, j] for row, i in enumerate(people)}
        found[f"gap_{product}"] = [by.get(i) for i in range(1, PEOPLE + 1)]
    return found


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_gaps_are_the_closed_form_over_what_was_known_before_the_wave(
    seed: int, tmp_path: Path
) -> None:
    receipts = _receipts(seed)
    _write(tmp_path, receipts, ["p0", "p4", "p8", "p4"])
    found, twin = _gaps(tmp_path), _twin(receipts, ["p0", "p4", "p8"])
    assert found.keys() == twin.keys()
    for column, own in found.items():
        assert [g is None for g in own] == [g is None for g in twin[column]]
        known = [(a, b) for a, b in zip(own, twin[column], strict=True) if b is not None]
        # Weights are told in millionths, and a basket holds less than 50.
        np.testing.assert_allclose(*zip(*known, strict=True), atol=5e-5)
        assert len(known) > 10


def test_neither_the_order_of_rows_nor_threads_nor_parts_change_a_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipts = _receipts(5)
    _write(tmp_path / "a", receipts, ["p0", "p4"])
    _write(tmp_path / "b", receipts.sample(fraction=1.0, shuffle=True, seed=1), ["p0", "p4"])
    expected = _gaps(tmp_path / "a")
    assert _gaps(tmp_path / "b", threads=1) == expected
    monkeypatch.setattr(basket, "room", lambda _: 1_500)
    assert _gaps(tmp_path / "b") == expected


def test_a_sample_of_the_people_learns_and_everybody_is_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(tmp_path, _receipts(6), ["p0"])
    whole = _gaps(tmp_path)["gap_p0"]
    monkeypatch.setattr(basket, "MOST_PEOPLE", 20)
    part = _gaps(tmp_path)["gap_p0"]
    assert part != whole
    assert [g is None for g in part] == [g is None for g in whole]


def test_products_beyond_the_most_bought_are_left_out_but_those_that_offers_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipts = _receipts(7)
    counted = receipts["what"].value_counts().sort("count", "what", descending=[True, False])
    often, rare = counted["what"][:3].to_list(), counted["what"][-1]
    monkeypatch.setattr(basket, "MOST_ITEMS", 3)
    _write(tmp_path, receipts, [rare])
    found = _gaps(tmp_path)[f"gap_{rare}"]
    assert found == pytest.approx(
        _twin(receipts.filter(pl.col("what").is_in([*often, rare])), [rare])[f"gap_{rare}"],
        abs=5e-5, nan_ok=True,
    )  # fmt: skip


def _told(folder: Path) -> str:
    campaign = campaign_file.load(folder)
    with database.connect(campaign, at=AT) as data:
        return "\n".join(notes(data, campaign, load_catalogue(campaign, data)))


def test_empty_baskets_unbought_products_and_names_of_none_are_told(tmp_path: Path) -> None:
    old = (3, "p9", AT - dt.timedelta(days=300), AT - dt.timedelta(days=300))
    receipts = pl.concat([_receipts(8), pl.DataFrame([old], _receipts(8).schema, orient="row")])
    _write(tmp_path, receipts, ["p0", "p9", "q5", "q6"])
    told = _told(tmp_path)
    some = receipts.filter(
        (pl.col("at") < AT) & (pl.col("known") < AT) & (pl.col("at") >= AT - dt.timedelta(days=100))
    )
    empty = PEOPLE - some.filter(pl.col("customer_id") <= PEOPLE)["customer_id"].n_unique()
    assert empty > 0
    assert f"{empty} of {PEOPLE} customers bought nothing in 100 days" in told
    assert "nobody bought 'p9' in 100 days" in told
    assert "2 of 4 products that offers name in 'sells' stand nowhere" in told
    assert "such as 'q5'" in told
    assert _gaps(tmp_path).keys() == {"gap_p0"}
    _write(tmp_path, receipts, ["P0"])
    assert f"{empty} of {PEOPLE} customers bought nothing in 100 days" in _told(tmp_path)


@pytest.mark.parametrize("kind", [pl.Int32, pl.Float64, pl.String])
def test_a_product_may_be_a_number(tmp_path: Path, kind: type[pl.DataType]) -> None:
    receipts = _receipts(8)
    _write(tmp_path, receipts, ["p1", "p4"])
    wanted = _gaps(tmp_path)
    code = pl.col("what").str.slice(1).cast(pl.Int32)
    _write(tmp_path, receipts.with_columns(what=code.cast(kind)), ["p1", "p4"])
    file = tmp_path / "campaign.toml"
    file.write_text(file.read_text().replace('"p1"', "1").replace('"p4"', "4"))
    assert _gaps(tmp_path) == {"gap_1": wanted["gap_p1"], "gap_4": wanted["gap_p4"]}
    assert "stand nowhere" not in _told(tmp_path)


def test_where_nobody_bought_anything_nobody_has_a_gap(tmp_path: Path) -> None:
    _write(tmp_path, _receipts(8).clear(), ["p0"])
    assert _gaps(tmp_path) == {}
    assert f"{PEOPLE} of {PEOPLE} customers bought nothing" in _told(tmp_path)


def test_a_purchase_without_a_customer_or_a_date_is_refused_and_counted(tmp_path: Path) -> None:
    rows = [(None, "p0", AT - dt.timedelta(days=1), AT), (1, "p0", None, AT)]
    more = pl.DataFrame(rows, _receipts(9).schema, orient="row")
    _write(tmp_path, pl.concat([_receipts(9), more]), ["p0"])
    campaign = campaign_file.load(tmp_path)
    with database.connect(campaign, at=AT) as data:
        assert {(r.table, r.rows) for r in count(data, campaign)} == {("source.receipts", 1)}
    found = _gaps(tmp_path)
    _write(tmp_path, _receipts(9), ["p0"])
    assert _gaps(tmp_path) == found


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('product = "what"', 'product = "wot"', "no column 'wot'"),
        (
            'offer_column = "sells"',
            'offer_column = "sold"',
            "offer_column = 'sold': no offer names a product there",
        ),
        ("[basket]", '[basket]\nsource = "shop"', "source = 'shop' is no \\[\\[source\\]\\]"),
        ("[basket]", "[model]\nshare = false\n[basket]", "learned of the offers that name it"),
        ("days = 100.0", "days = 0.0", "basket.days = 0.0"),
        ("[basket]", '[log]\nsource = "l.csv"\naction = "a"\nreward = "r"\n[basket]', "of a log"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    _write(tmp_path, _receipts(1), ["p0"])
    file = tmp_path / "campaign.toml"
    file.write_text(file.read_text().replace(old, new, 1))
    with pytest.raises(ConfigError, match=f"(?s){said}"):
        _told(tmp_path)


def test_a_column_of_the_customers_that_is_called_as_a_gap_is_named(tmp_path: Path) -> None:
    _write(tmp_path, _receipts(1), ["p0"])
    people = pl.DataFrame({"customer_id": [1, 2], "gap_p0": [0.1, 0.2]})
    people.write_parquet(tmp_path / "people.parquet")
    with pytest.raises(ConfigError, match="the gap 'gap_p0' is called as column 'gap_p0'"):
        _told(tmp_path)
