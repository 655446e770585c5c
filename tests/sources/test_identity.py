"""Whose rows are, by the map, against a twin that looks each of them up in lists."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from bandit.config import campaign_file
from bandit.sources import database, identity
from bandit.sources.merges import Link, merged

TOML = """
[customers]
source = "customers.csv"
[identity]
source = "ids.csv"
known_at = "told"
[features]
numeric = ["x"]
[history]
source = "history.csv"
id = "card"
[consents]
source = "consents.csv"
id = "card"
[[offer]]
name = "a"
[[channel]]
name = "email"
"""
START, DAYS = dt.date(2026, 1, 1), 40
Row = tuple[str, str, str, int, int]
"""Customer, id, kind, valid from and known from, in days since the start."""


def day(number: int) -> str:
    return (START + dt.timedelta(days=number)).isoformat()


def twin(rows: list[Row], card: str, at: int, now: int) -> str | None:
    """The person who has a card at a day, as known at another; None where nobody surely has it."""
    told = [row for row in rows if max(row[3], row[4]) <= now]
    mine = [row for row in told if row[1] == card and row[2] == "card"]
    if not mine:
        return None
    before = [since for *_, since, _ in mine if since <= at]
    since = max(before) if before else min(since for *_, since, _ in mine)
    owners = {customer for customer, *_, valid, _ in mine if valid == since}
    if len(owners) > 1:
        return None
    links = [Link(i, r[1], r[0], r[3]) for i, r in enumerate(told) if r[2] == "customer"]
    (owner,) = owners
    return str(merged(links).person.get(owner, owner))


@pytest.mark.parametrize("seed", range(6))
def test_every_row_is_whose_the_twin_says(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    people = [f"p{i}" for i in range(12)]
    rows: list[Row] = []
    for _ in range(60):
        since, told = (int(d) for d in rng.integers(0, DAYS, 2))
        merge = rng.random() < 0.2
        id_ = str(rng.choice(people)) if merge else f"c{rng.integers(15)}"
        kind = "customer" if merge else "card"
        rows.append((str(rng.choice(people)), id_, kind, since, told))
    events = [(f"c{rng.integers(17)}", int(rng.integers(0, DAYS))) for _ in range(200)]
    now = int(rng.integers(5, DAYS))
    for name, lines in {
        "customers": ["customer_id,x", *(f"{p},1" for p in people)],
        "ids": ["customer_id,id,kind,valid_from,told",
                *(f"{c},{i},{k},{day(v)},{day(t)}" for c, i, k, v, t in rows)],
        "history": ["customer_id,channel,offer,contacted_at",
                    *(f"{card},email,a,{day(at)}" for card, at in events)],
        "consents": ["customer_id,channel,granted", *(f"{card},email,yes" for card, _ in events)],
    }.items():  # fmt: skip
        (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "campaign.toml").write_text(TOML)
    campaign = campaign_file.load(tmp_path)
    moment = dt.datetime.combine(START, dt.time(), dt.UTC) + dt.timedelta(days=now)
    with database.connect(campaign, at=moment) as data:
        for role, then in (("history", True), ("consents", False)):
            found = data.rows(
                f"SELECT {identity.WRITTEN}, {identity.PERSON} FROM {data.table(role).view}"
                f" ORDER BY ALL"
            )
            wanted = [(card, twin(rows, card, at if then else now, now)) for card, at in events]
            assert found == sorted(wanted, key=lambda w: (w[0], w[1] is None, w[1] or "")), role
