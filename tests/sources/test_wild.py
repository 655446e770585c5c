"""Files as they lie about: read as they are, or with what the message proposes.

The first lines of three public files (wild/PROVENANCE.md), and the data sets of the examples where
they are at hand.
"""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from bandit.config import campaign_file
from bandit.core.errors import BanditError
from bandit.sources import customers, database
from bandit.sources.catalogue import load_catalogue
from tests.sources import small

WILD = Path(__file__).parent / "wild"
TOML = """
[customers]
source = "{source}"
{more}
[features]
{features}
[[offer]]
name = "a"
[[channel]]
name = "shop"
kind = "inbound"
consent = false
"""
NUMBERED = 'query = "SELECT row_number() OVER () AS customer_id, * FROM source"'


def _read(folder: Path, source: Path, features: str, more: str = "") -> list[dict[str, Any]]:
    text = TOML.format(source=source, features=features, more=more)
    (folder / "campaign.toml").write_text(text, encoding="utf-8")
    campaign = campaign_file.load(folder)
    found: list[dict[str, Any]] = []
    with database.connect(campaign, threads=1) as data:
        for batch in customers.stream(data, campaign, load_catalogue(campaign, data), at=small.AT):
            assert not batch.rejects
            found += [
                {"id": id_, **row}
                for id_, row in zip(batch.ids.to_pylist(), batch.columns.to_pylist(), strict=True)
            ]
    return found


def _as_proposed(folder: Path, source: Path, features: str, more: str = "") -> list[dict[str, Any]]:
    """Read with each setting that the messages propose, until they propose none."""
    for _ in range(5):
        try:
            return _read(folder, source, features, more)
        except BanditError as e:
            proposed = re.search(r"add (\w+ = (?:\"[^\"]*\"|\[[^]]*\]))", str(e))
            if proposed is None:
                raise
            more += "\n" + proposed[1]
    raise AssertionError(more)


def test_bank_marketing(tmp_path: Path) -> None:
    """No customer id: the manual's query gives one."""
    features = 'numeric = ["age", "balance"]\nboolean = ["housing"]\ncategorical = ["job"]'
    with pytest.raises(BanditError, match="row_number"):
        _read(tmp_path, WILD / "bank-full.csv", features)
    rows = _read(tmp_path, WILD / "bank-full.csv", features, NUMBERED)
    assert [r["id"] for r in rows] == list(range(1, 10))
    assert rows[0] == {
        "id": 1,
        "age": 58.0,
        "balance": 2143.0,
        "housing": True,
        "job": "management",
    }
    assert rows[8]["balance"] == -372.0


def test_customer_personality(tmp_path: Path) -> None:
    features = 'numeric = ["Income", "Year_Birth"]\ncategorical = ["Education"]\n'
    features += 'date = ["Dt_Customer"]\nboolean = ["Complain"]'
    rows = _read(tmp_path, WILD / "marketing_campaign.csv", features, 'key = "ID"')
    by_key = {r["id"]: r for r in rows}
    assert sorted(by_key) == [1994, 2174, 2278, 4141, 5524]
    assert by_key[1994]["Income"] is None
    assert by_key[2278]["Education"] == "2n Cycle"
    assert by_key[5524]["Dt_Customer"] == dt.datetime(2012, 9, 4)  # noqa: DTZ001  # UTC
    assert by_key[5524]["Complain"] is False


def test_air_quality(tmp_path: Path) -> None:
    """Decimal commas and days first are proposed, one after the other; the end has no names."""
    source = WILD / "AirQualityUCI.csv"
    rows = _as_proposed(tmp_path, source, 'numeric = ["T", "AH"]\ndate = ["Date"]', NUMBERED)
    assert [(r["T"], r["AH"]) for r in rows] == [(13.6, 0.7578), (13.3, 0.7255)]


def test_the_same_columns_with_a_bom_tabs_and_a_line_that_names_them(tmp_path: Path) -> None:
    lines = (WILD / "marketing_campaign.csv").read_text(encoding="utf-8").replace(";", "\t")
    lines = re.sub(r"(\d{4})-(\d\d)-(\d\d)", r"\3.\2.\1", lines)
    path = tmp_path / "export.txt"
    path.write_bytes(b"\xef\xbb\xbf" + f"sep=\t\n{lines}".replace("\n", "\r\n").encode())
    features = 'numeric = ["Income"]\ndate = ["Dt_Customer"]'
    rows = _as_proposed(tmp_path, path, features, 'key = "ID"')
    assert {r["id"]: r["Dt_Customer"].date() for r in rows}[5524] == dt.date(2012, 9, 4)


def test_hillstrom(tmp_path: Path, shared_data: Path) -> None:
    path = shared_data / "hillstrom/hillstrom.csv.gz"
    features = 'numeric = ["recency", "history"]\nboolean = ["mens", "womens", "newbie"]\n'
    features += 'categorical = ["zip_code", "channel", "history_segment"]'
    rows = _read(tmp_path, path, features, NUMBERED)
    assert len(rows) == 64_000
    first = {k: rows[0][k] for k in ("recency", "history", "mens", "zip_code", "channel")}
    assert first == {
        "recency": 10.0, "history": 142.44, "mens": True, "zip_code": "Surburban",
        "channel": "Phone",
    }  # fmt: skip


def test_complete_journey(tmp_path: Path, shared_data: Path) -> None:
    path = shared_data / "completejourney/demographics.parquet"
    rows = _read(tmp_path, path, 'categorical = ["age", "income"]', 'key = "household_id"')
    wanted = pl.read_parquet(path).sort("household_id")
    assert [(r["id"], r["age"], r["income"]) for r in rows] == wanted.select(
        "household_id", "age", "income"
    ).rows()


def test_starbucks(tmp_path: Path, shared_data: Path) -> None:
    """Days are text such as 20170212: the setting is proposed."""
    path = shared_data / "starbucks/profile.parquet"
    features = 'numeric = ["income"]\ncategorical = ["gender"]\ndate = ["became_member_on"]'
    rows = _as_proposed(tmp_path, path, features, 'key = "id"')
    wanted = pl.read_parquet(path).sort("id")
    days = [f"{r['became_member_on']:%Y%m%d}" for r in rows]
    assert [r["id"] for r in rows] == wanted["id"].to_list()
    assert days == wanted["became_member_on"].to_list()
