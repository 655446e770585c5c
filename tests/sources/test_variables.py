"""Variables against a twin in Polars, at random; what the future says; wrong input, by name."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from bandit.config import campaign_file
from bandit.config.campaign import Campaign
from bandit.core.errors import ConfigError, DataError
from bandit.sources import database, event_parts, unusable_rows, variables
from bandit.sources.catalogue import load_catalogue
from reference import variables as twin
from tests.sources import small
from tests.sources.small import AT

SOURCE = """
[[source]]
name = "purchases"
source = "purchases.{kind}"
at = "at"
known_at = "known_at"
"""
ASKED = """
[variables]
n = { function = "count" }
n30 = { function = "count", days = 30 }
web = { function = "count", days = 90, where = "shop = 'web'" }
has = { function = "any", days = 20 }
shops = { function = "distinct", column = "shop", days = 200 }
spent = { function = "sum", column = "amount" }
spent_web = { function = "sum", column = "amount", days = 45.5, where = "shop = 'web'" }
mean = { function = "mean", column = "amount", where = "items > 1" }
least = { function = "min", column = "amount" }
most = { function = "max", column = "amount", days = 60 }
first_shop = { function = "first", column = "shop" }
last_shop = { function = "last", column = "shop", days = 100 }
last_items = { function = "last", column = "items" }
since = { function = "days_since" }
since_first = { function = "days_since_first", where = "shop <> 'web'" }
gap = { function = "median_gap" }
gap_web = { function = "median_gap", days = 120, where = "shop = 'web'" }
each = { function = "ratio", column = "amount", per = "items" }
web_share = { function = "share", where = "shop = 'web'", days = 90 }
web_money = { function = "share", column = "amount", where = "shop = 'web'" }
growth = { function = "trend", days = 40 }
money_growth = { function = "trend", column = "amount", days = 40, where = "items > 1" }
rfm = { function = "rfm", column = "amount" }
rfm_year = { function = "rfm", column = "amount", days = 100 }
"""
FITS = {
    "web": pl.col("shop") == "web",
    "spent_web": pl.col("shop") == "web",
    "mean": pl.col("items") > 1,
    "since_first": pl.col("shop") != "web",
    "gap_web": pl.col("shop") == "web",
    "web_share": pl.col("shop") == "web",
    "web_money": pl.col("shop") == "web",
    "money_growth": pl.col("items") > 1,
}


parts_of = event_parts.summed


def _log(seed: int, rows: int, people: int) -> pl.DataFrame:
    """Events of some customers of `small`'s kind: ties, gaps, late ones, missing cells."""
    rng = np.random.default_rng(seed)
    at = [AT - dt.timedelta(hours=int(h)) for h in rng.integers(-24 * 20, 24 * 250, rows)]
    late = rng.integers(0, 24 * 40, rows) * (rng.random(rows) < 0.3)
    return pl.DataFrame({
        "customer_id": rng.integers(1, people + 1, rows),
        "at": at,
        "known_at": [a + dt.timedelta(hours=int(h)) for a, h in zip(at, late, strict=True)],
        "amount": [None if r < 0.1 else round(float(r) * 90 - 8, 2) for r in rng.random(rows)],
        "items": rng.integers(0, 4, rows),
        "shop": rng.choice(["web", "store", "app", ""], rows),
    }).with_columns(
        pl.col("at", "known_at").cast(pl.Datetime("us", "UTC")),
        pl.when(pl.col("shop") != "").then("shop").alias("shop"),
    )  # fmt: skip


def _campaign(folder: Path, log: pl.DataFrame, kind: str, asked: str = ASKED) -> Campaign:
    people = "customer_id,age,spend,city,joined,member\n" + "".join(
        f"{i},30,1.5,Bern,2020-01-01,true\n" for i in range(1, 31)
    )
    small.write(folder, small.TOML + SOURCE.format(kind=kind) + asked, customers=people)
    if kind == "parquet":
        log.write_parquet(folder / "purchases.parquet")
    else:
        text = log.with_columns(pl.col("at", "known_at").dt.strftime("%Y-%m-%d %H:%M:%S%z"))
        text.write_csv(folder / "purchases.csv")
    return campaign_file.load(folder)


def _made(
    campaign: Campaign,
    at: dt.datetime = AT,
    threads: int = 1,
    one: variables.One | None = None,
) -> pl.DataFrame:
    with database.connect(campaign, at=at, threads=threads, one=one) as data:
        names = ", ".join(f'"{name}"' for name in data.table("customers").made)
        query = f"SELECT customer_id, {names} FROM {data.table('customers').view} ORDER BY 1"
        found: pl.DataFrame = data.connection.sql(query).pl()
        return found


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_one_customer_alone_has_what_everybody_gives_them(tmp_path: Path, kind: str) -> None:
    """Each function, bit for bit; fifths of everybody are handed over. Also of who has no event."""
    campaign = _campaign(tmp_path, _log(3, 900, 25), kind)
    whole = _made(campaign)
    for who in (1, 7, 19, 30):
        row = whole.filter(customer_id=who)
        ranks = {name: row[name].item() for name in ("rfm", "rfm_year")}
        one = variables.One(str(who), ranks)
        assert _made(campaign, one=one).filter(customer_id=who).equals(row)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float | int):
        return one == pytest.approx(other, rel=1e-12, abs=1e-9)
    return bool(one == other)


@pytest.fixture(params=["sql", "parts"])
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of making variables; the one of many customers here with parts of few events."""
    if request.param == "parts":
        _in_parts(monkeypatch)


def _counted(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What becomes of each part: added up here, or a file that is left to SQL."""
    found: list[object] = []

    def summed(*given: Any) -> Iterator[event_parts.Summed | Path]:
        for one in parts_of(*given):
            found.append(type(one))
            yield one

    monkeypatch.setattr(event_parts, "summed", summed)
    return found


def _in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_parts, "LARGE", 0)
    monkeypatch.setattr(event_parts, "ROWS", 500)


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize(("seed", "kind"), [(i, ["parquet", "csv"][i % 2]) for i in range(6)])
def test_every_function_is_what_a_twin_in_polars_says(tmp_path: Path, seed: int, kind: str) -> None:
    log = _log(seed, 400 + 200 * seed, 25)
    campaign = _campaign(tmp_path, log, kind)
    made = _made(campaign)
    for name, variable in campaign.variables.items():
        expected = twin.variable(log, variable, AT, FITS.get(name))
        empty = twin.EMPTY.get(variable.function)
        for customer, value in made.select("customer_id", name).iter_rows():
            assert _same(value, expected.get(customer, empty)), (name, customer)


@pytest.mark.usefixtures("_way")
def test_rows_from_the_future_change_nothing(tmp_path: Path) -> None:
    """A tenth more rows: happened later, known later, or at the very moment of the wave."""
    log = _log(11, 900, 25)
    before = _made(_campaign(tmp_path, log, "parquet"))
    late = _log(12, 90, 25).with_row_index("row")
    past = AT - dt.timedelta(days=3)
    moment = pl.lit(AT).cast(pl.Datetime("us", "UTC"))
    later = moment + pl.duration(hours=pl.col("row"))
    planted = late.with_columns(
        at=pl.when(pl.col("row") % 3 == 0).then(later).otherwise(pl.lit(past)),
        known_at=pl.when(pl.col("row") % 3 == 0).then(pl.lit(past)).otherwise(later),
    ).drop("row")
    both = pl.concat([log, planted.cast(dict(log.schema))]).sample(
        fraction=1.0, shuffle=True, seed=1
    )
    assert _made(_campaign(tmp_path, both, "parquet")).equals(before)


@pytest.mark.usefixtures("_way")
def test_the_order_of_rows_and_the_number_of_threads_change_no_bit(tmp_path: Path) -> None:
    log = _log(3, 5_000, 28)
    one = _made(_campaign(tmp_path, log, "parquet"), threads=1)
    shuffled = log.sample(fraction=1.0, shuffle=True, seed=4)
    two = _made(_campaign(tmp_path, shuffled, "parquet"), threads=2)
    assert one.equals(two, null_equal=True)
    for name in one.columns:
        assert one[name].to_list() == two[name].to_list()


def test_parts_of_the_customers_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = _campaign(tmp_path, _log(5, 2_000, 28), "parquet")
    whole = _made(campaign)
    monkeypatch.setattr(variables, "STATE_BYTES", 300_000)
    monkeypatch.setattr(variables, "GAP_BYTES", 300_000)
    assert _made(campaign).equals(whole)


MANY_KINDS = """
[variables]
first_day = { function = "first", column = "day", days = 150 }
last_gift = { function = "last", column = "gift" }
last_price = { function = "last", column = "price", where = "items > 0" }
days = { function = "distinct", column = "day" }
prices = { function = "distinct", column = "price", days = 90 }
least_price = { function = "min", column = "price" }
huge = { function = "sum", column = "huge" }
huge_each = { function = "ratio", column = "huge", per = "items", days = 100 }
gap = { function = "median_gap", days = 120 }
rfm = { function = "rfm", column = "huge", days = 200 }
"""


@pytest.mark.parametrize("largest", [1e6, 9e12])
@pytest.mark.parametrize("text", [False, True])
def test_parts_of_events_say_bit_for_bit_what_sql_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: bool, largest: float
) -> None:
    """Cells of each kind, some empty, −0 as 0; keys of text; sums with no room in 64 bits."""
    log = _log(8, 3_000, 28)
    rng = np.random.default_rng(2)
    some = [None if r < 0.2 else r for r in rng.random(len(log))]
    prices = [-1.0, -0.0, 0.0, 0.5]
    log = log.with_columns(
        pl.Series("huge", [None if r is None else (r - 0.6) * largest for r in some]),
        pl.Series("price", [None if r is None else prices[int(r * 20) % 4] for r in some]),
        pl.Series("gift", rng.random(len(log)) < 0.5),
        day=pl.col("at").dt.date(),
    )
    if text:
        log = log.with_columns("k" + pl.col("customer_id").cast(str))
    campaign = _campaign(tmp_path, log, "parquet", MANY_KINDS)
    if text:
        people = (tmp_path / "customers.csv").read_text().splitlines()
        keyed = "\n".join([people[0], *(f"k{line}" for line in people[1:]), ""])
        (tmp_path / "customers.csv").write_text(keyed)
    whole = _made(campaign)
    found = _counted(monkeypatch)
    _in_parts(monkeypatch)
    assert _made(campaign, threads=2).equals(whole)
    assert (event_parts.Summed in found) == (largest < 1e12)
    assert len(found) > 3


def test_one_whose_events_have_no_room_is_left_to_sql(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest = pl.when(pl.arange(pl.len()) % 7 > 0).then(3).otherwise("customer_id")
    log = _log(9, 3_000, 28).with_columns(customer_id=guest.cast(pl.Int64))
    campaign = _campaign(tmp_path, log, "parquet")
    whole = _made(campaign)
    found = _counted(monkeypatch)
    _in_parts(monkeypatch)
    assert _made(campaign).equals(whole)
    assert event_parts.Summed in found
    assert sum(one is not event_parts.Summed for one in found) == 1


def test_what_arrow_orders_otherwise_is_left_to_sql(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = '[variables]\nlast = { function = "last", column = "at" }\n'
    campaign = _campaign(tmp_path, _log(8, 300, 28), "parquet", asked)
    whole = _made(campaign)
    _in_parts(monkeypatch)
    monkeypatch.setattr(event_parts, "write", None)
    assert _made(campaign).equals(whole)


def test_windows_are_days_of_the_campaigns_clocks(tmp_path: Path) -> None:
    """Clocks go back on 25 October: from the 26th, two days are 49 hours."""
    log = pl.DataFrame({
        "customer_id": [1, 2],
        "at": [dt.datetime(2026, 10, 23, 22, 30, tzinfo=dt.UTC)] * 2,
        "known_at": [dt.datetime(2026, 10, 24, tzinfo=dt.UTC)] * 2,
    })  # fmt: skip
    asked = '[variables]\nn = { function = "count", days = 2 }\n'
    campaign = _campaign(tmp_path, log, "parquet", asked)
    local = campaign.model_copy(update={"time_zone": "Europe/Berlin"})
    midnight = dt.datetime(2026, 10, 25, 23, tzinfo=dt.UTC)
    assert _made(local, midnight)["n"].to_list()[:2] == [1, 1]
    assert _made(campaign, midnight)["n"].to_list()[:2] == [0, 0]


EVENTS = """customer_id,at,known_at,amount,items,shop
1,2026-11-01,2026-11-02,10,1,web
2,2026-11-03,2026-11-04,20,2,web
"""
ONE = '[variables]\nspent = { function = "sum", column = "amount" }\n'


def _fails(folder: Path, asked: str, source: str = "", **files: str) -> str:
    toml = small.TOML + (source or SOURCE.format(kind="csv")) + asked
    small.write(folder, toml, **({"purchases": EVENTS} | files))
    with pytest.raises(ConfigError) as caught:
        _made(campaign_file.load(folder))
    return str(caught.value)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ('[variables]\nx = { function = "cuont" }', "variables.x.function = 'cuont'"),
        ('[variables]\nx = { function = "sum" }', "sum is of a column; add column"),
        ('[variables]\nx = { function = "count", column = "shop" }', "leave column out"),
        ('[variables]\nx = { function = "share" }', "share needs where"),
        ('[variables]\nx = { function = "trend" }', "trend needs days"),
        ('[variables]\nx = { function = "ratio", column = "amount" }', "ratio needs per"),
        ('[variables]\nx = { function = "count", days = 0 }', "variables.x.days = 0"),
        ('[variables]\nx = { function = "count", source = "sales" }', "is no [[source]]"),
        ('[variables]\n"x y" = { function = "count" }', "x y"),
        (
            '[variables]\nx = { function = "sum", column = "amont" }',
            "variables.x: {folder}/purchases.csv has no column 'amont'; did you mean 'amount'?",
        ),
        (
            '[variables]\nx = { function = "count", where = "shp = 1" }',
            "variables.x: 'shp = 1': unknown column 'shp'; did you mean 'shop'?",
        ),
        (
            '[variables]\nx = { function = "count", where = "pg_sleep(9) > 0" }',
            "function 'pg_sleep' is not allowed",
        ),
        (
            '[variables]\nx = { function = "count", where = "amount" }',
            "variables.x: 'amount' gives BIGINT, not true or false",
        ),
        (
            '[variables]\nAge = { function = "count" }',
            "variable 'Age' is called as column 'age' of {folder}/customers.csv",
        ),
        (
            ONE + '[[segment]]\nname = "spent"\nwhere = "age > 3"',
            "segment 'spent' is called as variable 'spent'",
        ),
        (
            ONE + '[[segment]]\nname = "vip"\nwhere = "spnt > 3"',
            "segment 'vip': 'spnt > 3': unknown column 'spnt'; did you mean 'spent'?",
        ),
        (
            ONE + '[[segment]]\nname = "vip"\nwhere = "spent + 3"',
            "segment 'vip': 'spent + 3' gives DOUBLE, not true or false",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(tmp_path: Path, asked: str, told: str) -> None:
    assert told.format(folder=tmp_path) in _fails(tmp_path, asked)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (
            SOURCE.format(kind="csv").replace('"known_at"', '"loaded"'),
            "{folder}/purchases.csv has no column 'loaded'",
        ),
        (
            SOURCE.format(kind="csv") + 'customer = "cust"\n',
            "{folder}/purchases.csv has no column 'cust'",
        ),
        (
            SOURCE.format(kind="csv").replace("purchases.csv", "sales.csv"),
            "[source.purchases] source = 'sales.csv': {folder}/sales.csv does not exist",
        ),
        (SOURCE.format(kind="csv").replace('at = "at"\n', "", 1), "source.1.at is missing"),
        (SOURCE.format(kind="csv") * 2, "two [[source]] are called 'purchases'"),
        (
            SOURCE.format(kind="csv")
            + "query = \"SELECT * FROM source WHERE known_at < now()\"\n",
            "asks the clock",
        ),
    ],
)  # fmt: skip
def test_a_source_that_is_wrong_is_named(tmp_path: Path, source: str, told: str) -> None:
    assert told.format(folder=tmp_path) in _fails(tmp_path, ONE, source)


def test_rows_that_cannot_be_used_are_refused_counted_and_kept(tmp_path: Path) -> None:
    events = EVENTS + (
        ",2026-11-01,2026-11-01,1,1,web\n"
        "x3,2026-11-01,2026-11-01,1,1,web\n"
        "3,soon,2026-11-01,1,1,web\n"
        "3,2026-11-01,,1,1,web\n"
        "3,2026-11-01,2026-11-01,a lot,1,web\n"
        "3,2026-11-01,2026-11-01,1e300,1,web\n"
        "3,2026-11-01,2026-11-01,7,1,web\n"
        "99,2026-11-01,2026-11-01,7,1,web\n"
    )
    toml = small.TOML + SOURCE.format(kind="csv") + ONE
    campaign = small.campaign(tmp_path, toml, purchases=events)
    with database.connect(campaign, at=AT) as data:
        counted = [f for f in unusable_rows.count(data, campaign) if f.table == "source.purchases"]
        assert [(f.rows, f.total) for f in counted] == [(2, 10), (2, 10), (2, 10)]
        rows = [
            r for batch in unusable_rows.stream(data, campaign) for r in batch.to_pylist()
            if r["table"] == "source.purchases"
        ]  # fmt: skip
        told = {(r["key"], r["column"], r["value"]) for r in rows}
        assert told == {
            ("", "customer_id", ""),
            ("x3", "customer_id", "x3"),
            ("3", "at", "soon"),
            ("3", "known_at", ""),
            ("3", "amount", "a lot"),
            ("3", "amount", "1e300"),
        }
        with pytest.raises(DataError, match=r"more than limits\.reject_share"):
            unusable_rows.hold_share(campaign, counted)
        notes = unusable_rows.notes(data, campaign, load_catalogue(campaign, data))
        people = "1 of 4 people with events are not among the customers"
        assert any(people in note for note in notes)
    assert _made(campaign)["spent"].to_list() == [10.0, 20.0, 7.0, 0.0]


def test_a_variable_that_no_event_makes_is_told(tmp_path: Path) -> None:
    asked = '[variables]\nx = { function = "count", where = "shop = \'wbe\'" }\n'
    toml = small.TOML + SOURCE.format(kind="csv") + asked
    campaign = small.campaign(tmp_path, toml, purchases=EVENTS)
    with database.connect(campaign, at=AT) as data:
        notes = unusable_rows.notes(data, campaign, load_catalogue(campaign, data))
    assert [n for n in notes if "variable 'x': no event" in n]


def test_ids_of_another_type_are_read_as_the_customers_are(tmp_path: Path) -> None:
    """Numbers as floats or as text are the same customers; a fraction is nobody."""
    log = pl.DataFrame({
        "customer_id": [1.0, 2.0, 2.5],
        "at": [AT - dt.timedelta(days=2)] * 3,
        "known_at": [AT - dt.timedelta(days=1)] * 3,
        "amount": [1, 2, 4],
    })  # fmt: skip
    campaign = _campaign(tmp_path, log, "parquet", ONE)
    assert _made(campaign)["spent"].to_list()[:3] == [1.0, 2.0, 0.0]


def test_a_customers_segments_come_by_priority(tmp_path: Path) -> None:
    more = (
        '[[segment]]\nname = "all"\nwhere = "true"\npriority = 9\n'
        '[[segment]]\nname = "big"\nwhere = "spent >= 20"\n'
        '[[segment]]\nname = "unknown"\nwhere = "spent / 0 > 1"\npriority = 1\n'
    )
    toml = small.TOML + SOURCE.format(kind="csv") + ONE + more
    toml = toml.replace('eligible = "age >= 30"', "eligible = \"in_segment('Big') AND age > 1\"")
    campaign = small.campaign(tmp_path, toml, purchases=EVENTS)
    made = _made(campaign)
    assert made.columns == ["customer_id", "spent", "big", "unknown", "all"]
    assert made["big"].to_list() == [False, True, False, False]
    assert not any(made["unknown"])
    with database.connect(campaign, at=AT) as data:
        query = f"SELECT segment FROM {data.table('customers').view} ORDER BY customer_id"
        assert [s for (s,) in data.rows(query)] == ["all", "big", "all", "all"]
