"""A campaign of a few rows, to be broken one way at a time."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb

from bandit.config import campaign_file
from bandit.config.campaign import Campaign

AT = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)

CUSTOMERS = """customer_id,age,spend,city,joined,member
1,30,10.5,Bern,2020-01-01,true
2,41,0.0,Basel,2021-06-30,false
3,25,7.25,Bern,2019-12-24,true
4,66,3.5,Zug,2024-02-29,false
"""
CONSENTS = """customer_id,channel,granted
1,email,true
2,email,true
2,email,false
3,email,yes
4,sms,true
"""
HISTORY = """customer_id,channel,offer,contacted_at
1,email,shoes,2026-11-20
1,email,hats,2026-11-22 12:00:00
2,letter,books,2026-11-21 00:00:00
3,email,shoes,2020-01-01
"""
TOML = """
[customers]
source = "customers.csv"
[features]
numeric = ["age", "spend"]
boolean = ["member"]
categorical = ["city"]
date = ["joined"]
min_category_share = 0.0
[consents]
source = "consents.csv"
[history]
source = "history.csv"
[pressure]
quiet_days = 7
refusal_days = 90
[[offer]]
name = "shoes"
eligible = "age >= 30"
value = 20
[[offer]]
name = "hats"
channels = ["email"]
[[channel]]
name = "email"
[[channel]]
name = "sms"
[[channel]]
name = "shop"
kind = "inbound"
consent = false
ranks = 2
"""


def write(folder: Path, toml: str = TOML, **files: str) -> Path:
    """The campaign's files; keyword arguments replace or add CSV files by their stem."""
    content = {"customers": CUSTOMERS, "consents": CONSENTS, "history": HISTORY} | files
    for stem, text in content.items():
        (folder / f"{stem}.csv").write_text(text, encoding="utf-8")
    (folder / "campaign.toml").write_text(toml, encoding="utf-8")
    return folder


def campaign(folder: Path, toml: str = TOML, **files: str) -> Campaign:
    """The same, loaded."""
    return campaign_file.load(write(folder, toml, **files))


def duckdb_file(path: Path, *statements: str) -> Path:
    """A database of the user's."""
    connection = duckdb.connect(str(path))
    for statement in statements:
        connection.execute(statement)
    connection.close()
    return path
