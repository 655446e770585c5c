from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from bandit.config.campaign import Campaign
from bandit.core.errors import ConfigError
from bandit.sources import database
from bandit.sources.catalogue import Catalogue, actions, load_catalogue
from tests.sources import small

TABLES = """
[customers]
source = "customers.csv"
[offers]
{offers}
[channels]
{channels}
"""
OFFERS = 'source = "offers.csv"'
CHANNELS = 'source = "channels.csv"'
CHANNEL_ROWS = "name,kind,cost,consent,ranks\nemail,outbound,0.1,true,1\nshop,inbound,,false,3\n"


def _load(campaign: Campaign) -> Catalogue:
    with database.connect(campaign) as data:
        return load_catalogue(campaign, data)


def _tables(folder: Path, offers: str, channels: str = CHANNEL_ROWS) -> Catalogue:
    toml = TABLES.format(offers=OFFERS, channels=CHANNELS)
    return _load(small.campaign(folder, toml, offers=offers, channels=channels))


def _faults(folder: Path, offers: str, channels: str = CHANNEL_ROWS) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        _tables(folder, offers, channels)
    return str(caught.value).splitlines()


def test_offers_and_channels_of_the_toml(tmp_path: Path) -> None:
    catalogue = _load(small.campaign(tmp_path))
    assert [o.name for o in catalogue.offers] == ["shoes", "hats"]
    assert actions(catalogue).pairs == (
        ("shoes", "email"), ("shoes", "sms"), ("shoes", "shop"), ("hats", "email"),
    )  # fmt: skip


def test_offers_and_channels_of_csv_tables(tmp_path: Path) -> None:
    rows = (
        "name,family,value,cost,channels,eligible,starts,ends,priority,max_contacts\n"
        'shoes,feet,12.5,1,"email, shop",age > 3,2026-01-01,2026-12-31,2,100\n'
        "hats,,spend * 2,,,,,,,\n"
    )
    catalogue = _tables(tmp_path, rows)
    shoes, hats = catalogue.offers
    assert (shoes.value, shoes.channels, shoes.priority) == (12.5, ("email", "shop"), 2)
    assert (shoes.starts, shoes.ends) == (dt.date(2026, 1, 1), dt.date(2026, 12, 31))
    assert (hats.value, hats.family, hats.channels) == ("spend * 2", None, None)
    assert [(c.name, c.kind, c.ranks, c.consent) for c in catalogue.channels] == [
        ("email", "outbound", 1, True), ("shop", "inbound", 3, False),
    ]  # fmt: skip
    assert len(actions(catalogue)) == 5


def test_lists_dates_and_decimals_of_a_database(tmp_path: Path) -> None:
    small.duckdb_file(
        tmp_path / "u.duckdb",
        "CREATE TABLE offers AS SELECT 'o' || range AS name, ['email'] AS channels,"
        " 1.5::DECIMAL(9, 2) AS cost, TIMESTAMP '2026-01-01 10:00:00' AS starts, 3.0 AS priority"
        " FROM range(300)",
        "CREATE TABLE channels AS SELECT 'email' AS name",
    )
    toml = TABLES.format(
        offers='source = "u.duckdb"\ntable = "offers"',
        channels='source = "u.duckdb"\nquery = "SELECT name FROM channels"',
    )
    catalogue = _load(small.campaign(tmp_path, toml))
    assert len(catalogue.offers) == 300
    assert catalogue.offers[7].cost == 1.5
    assert catalogue.offers[7].starts == dt.date(2026, 1, 1)
    assert catalogue.offers[7].priority == 3


def test_codes_that_look_like_numbers_are_names(tmp_path: Path) -> None:
    rows = "name,family,channels,eligible\n101,7,5,true\n102,7,5,true\n"
    catalogue = _tables(tmp_path, rows, "name,consent\n5,1\n6,0\n")
    assert [(o.name, o.family, o.channels, o.eligible) for o in catalogue.offers] == [
        ("101", "7", ("5",), "true"), ("102", "7", ("5",), "true"),
    ]  # fmt: skip
    assert [(c.name, c.consent) for c in catalogue.channels] == [("5", True), ("6", False)]


def test_every_fault_of_a_table_is_told(tmp_path: Path) -> None:
    rows = (
        "name,cost,starts,ends,channels\n"
        "shoes,-3,2026-13-45,,email\n"
        "../hats,1,2026-05-01,2026-04-01,emial\n"
        "socks,1,2026-05-01,2026-04-01,emial\n"
        ",1,,,email\n"
    )
    where = f"{tmp_path}/offers.csv"
    assert _faults(tmp_path, rows) == [
        f"{where}, row 1: starts = '2026-13-45': needed is a date or time such as 2026-11-23 or"
        " 2026-11-23 10:00:00",
        f"{where}, row 1: cost = -3.0: input should be greater than or equal to 0",
        f"{where}, row 2: name: '../hats' will not do: a name is up to 100 letters, digits, dots,"
        " dashes and underscores and begins with a letter, digit or underscore",
        f"{where}, row 3: row: ends 2026-04-01 lies before starts 2026-05-01; swap them",
        f"{where}, row 4: name: field required",
    ]


def test_faults_of_both_tables_are_told_together(tmp_path: Path) -> None:
    found = _faults(
        tmp_path, "name,elligible\nshoes,age > 3\n", "name,kind\nemail,sideways\nemail,outbound\n"
    )
    assert found[0] == (
        f"{tmp_path}/offers.csv: unknown column 'elligible'; did you mean 'eligible'?;"
        " leave it out with a query"
    )
    assert found[1].startswith(f"{tmp_path}/channels.csv, row 1: kind = 'sideways': input should")


def test_an_empty_table_and_one_without_names(tmp_path: Path) -> None:
    assert _faults(tmp_path, "name,cost\n") == [
        f"{tmp_path}/offers.csv is empty; it must hold at least one row"
    ]
    assert _faults(tmp_path, "cost\n1\n") == [
        f"{tmp_path}/offers.csv: column 'name' is missing; add it"
    ]


CROSS = {
    "unknown channel": (
        '[[offer]]\nname = "a"\nchannels = ["emial"]\n',
        "offer 'a' names an unknown channel 'emial'; did you mean 'email'?",
    ),
    "no channel": (
        '[[offer]]\nname = "a"\nchannels = []\n',
        "offer 'a' has no channel; name one, or leave channels out for all",
    ),
    "twice": (
        '[[offer]]\nname = "a"\n[[offer]]\nname = "A"\n',
        "offer 'A' stands twice; rename one (upper and lower case are the same)",
    ),
    "channel twice": (
        '[[offer]]\nname = "a"\n[[channel]]\nname = "Email"\n',
        "channel 'Email' stands twice; rename one (upper and lower case are the same)",
    ),
    "cap": (
        '[[offer]]\nname = "a"\n[[group_cap]]\nname = "g"\noffers = ["b"]\nchannels = ["sms"]\n'
        "capacity = 3\n",
        "group_cap 'g' names an unknown offer 'b'; known here: a\n"
        "group_cap 'g' names an unknown channel 'sms'; known here: email",
    ),
}


@pytest.mark.parametrize("case", CROSS)
def test_names_are_checked_against_each_other(tmp_path: Path, case: str) -> None:
    extra, said = CROSS[case]
    toml = f'[customers]\nsource = "customers.csv"\n[[channel]]\nname = "email"\n{extra}'
    with pytest.raises(ConfigError) as caught:
        _load(small.campaign(tmp_path, toml))
    assert str(caught.value) == said


def test_declared_columns_of_a_csv_are_numbers_where_every_cell_is_one(tmp_path: Path) -> None:
    """Text is what a CSV has; with a decimal comma 9,5 is a number and 9.5 none."""
    toml = TABLES.format(offers=f'{OFFERS}\ndecimal = ","', channels=CHANNELS)
    toml += '[model]\ncolumns = ["price", "size", "depths_of", "depth"]\n'
    rows = (
        "name,family,price,size,depths_of,depth\n"
        'a,net,"9,5",12,17,0\nb,net,,9.5,17,"0,25"\nc,,"1,5",XL,,0\n'
    )
    catalogue = _load(small.campaign(tmp_path, toml, offers=rows, channels=CHANNEL_ROWS))
    a, b, c = (offer.features for offer in catalogue.offers)
    assert a == {"price": 9.5, "size": "12", "depths_of": "17", "depth": 0.0}
    assert b == {"size": "9.5", "depths_of": "17", "depth": 0.25}
    assert c == {"price": 1.5, "size": "XL", "depth": 0.0}
