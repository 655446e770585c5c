"""The user's side of a campaign: people, their consents in any spelling, campaign.toml and edits.

It knows what was meant by each row that it writes, so that nothing has to be read back.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from copy import copy
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import duckdb
import polars as pl

from tests import campaigns
from tests.spellings import ANSWERS, CHANNELS, EXACT, SPELLINGS

CUSTOMERS = 60
PRESSURE = "slots = 2\nmax_contacts = 3\nper_days = 20\nquiet_days = 2"
MORE = """
[simulate]
folds = 2
[[simulate.candidate]]
policy = "rules"
[[simulate.candidate]]
policy = "no_contact"
[limits]
reject_share = 1.0
"""
EXTRA = '[[offer]]\nname = "extra"\npriority = 9\n'
CABLE = '[[offer]]\nname = "cable"\nfamily = "net"\npriority = 2\n'
POST = '[[channel]]\nname = "post"\ncost = 0.9\nconsent = false\n'
EDITED = {
    "a cost": ["cost = 0.1\n", "cost = 2.5\n"],
    "a value": ['value = "1 + spend / 100"', "value = 7.5", 'value = "2 * age"'],
    "a rule": ["region = 'north' or age > 40", "sqrt(spend - 30) > 2"],
    "an offer's name": ['name = "cable"', 'name = "tv"'],
    "an offer's place": ["priority = 1\n", "priority = 8\n"],
    "an offer more": ["[simulate]\n", f"{EXTRA}[simulate]\n"],
    "an offer less": [CABLE, "# no cable\n"],
    "a channel's name": ['"home"', '"portal"'],
    "another channel's name": ['name = "sms"', 'name = "text"'],
    "a channel's cost": ["cost = 0.05", "cost = 0.75"],
    "a channel more": ['[[channel]]\nname = "home"', f'{POST}[[channel]]\nname = "home"'],
    "the features": ['numeric = ["age", "spend"]', 'numeric = ["spend"]'],
    "the pressure": ["quiet_days = 2", "quiet_days = 5"],
    "the slots": ["slots = 2\n", "slots = 1\n"],
    "the shares": [
        '"rules", share = 0.4 },\n  { policy = "lin_ts", share = 0.6',
        '"rules", share = 0.8 },\n  { policy = "lin_ts", share = 0.2',
    ],
    "the holdout": ["holdout = 0.1", "holdout = 0.3"],
    "no contact's value": ["window_days = 7.0", "window_days = 7.0\nno_contact_value = 0.2"],
}
"""What the user may edit: each text becomes the next one, the last the first."""


class Refusal(NamedTuple):
    """A row of the consents: whose, of which channel (None: of all), and how it is written."""

    customer: int
    channel: str | None
    written: tuple[str, str | None, str | None]


class World:
    """The files of one user, in ``folder``; ``gone`` are people who have left for good."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count, self.look = CUSTOMERS, 0
        self.gone: set[int] = set()
        self.refusals: list[Refusal] = []
        campaigns.write(folder, customers=CUSTOMERS, pressure=PRESSURE, more=MORE)
        self.write()

    @property
    def people(self) -> pl.DataFrame:
        """Who is in the user's table."""
        everybody = campaigns.people(self.count, self.look)
        return everybody.filter(~pl.col("customer_id").is_in(list(self.gone)))

    @property
    def settings(self) -> dict[str, Any]:
        """campaign.toml as it stands."""
        return tomllib.loads((self.folder / "campaign.toml").read_text())

    def write(self) -> None:
        """The tables anew; consents are text, as a CSV's would be."""
        grants = [
            (str(customer), channel, "true")
            for customer in self.people["customer_id"]
            for channel in ("email", "sms", "text")
        ]
        rows = grants + [r.written for r in self.refusals if r.customer not in self.gone]
        columns = ("customer_id", "channel", "granted")
        agreed = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")
        with duckdb.connect(self.folder / "customers.duckdb") as connection:
            for name, frame in (("customers", self.people), ("consents", agreed)):
                connection.register("frame", frame.to_arrow())
                connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM frame")

    def change(self, draw: Random) -> None:
        """Other values, some people more or fewer."""
        self.count = draw.choice([CUSTOMERS, CUSTOMERS - 8, CUSTOMERS + 8])
        self.look = draw.randrange(3)
        self.write()

    def refuse(self, draw: Random, count: int) -> None:
        """Some refuse, each in one of thirty spellings; the channel or all."""
        for _ in range(count):
            customer = draw.choice(self.people["customer_id"].to_list())
            number = draw.randrange(len(CHANNELS) + 4)
            spelled = CHANNELS[number] if number < len(CHANNELS) else "sms"
            meant = "email" if number < EXACT else "sms" if spelled == "sms" else None
            key = draw.choice(SPELLINGS["integer"])(customer)
            self.refusals.append(Refusal(customer, meant, (key, spelled, draw.choice(ANSWERS))))
        self.write()

    def agree(self, draw: Random) -> None:
        """Somebody who refused agrees again."""
        if self.refusals:
            customer = draw.choice(self.refusals).customer
            self.refusals = [r for r in self.refusals if r.customer != customer]
            self.write()

    def edit(self, draw: Random) -> None:
        """Something in campaign.toml becomes another, or what it was again."""
        forms, path = EDITED[draw.choice(sorted(EDITED))], self.folder / "campaign.toml"
        text = path.read_text()
        there = [f for f in forms if f in text]
        if there:
            now = max(there, key=len)
            after = forms[(forms.index(now) + 1) % len(forms)]
            path.write_text(text.replace(now, after))

    def as_of_now(self) -> Callable[[int, str, dict[str, bool]], bool]:
        """`allowed` by the consents of this moment, whatever comes."""
        now = copy(self)
        now.refusals, now.gone = list(self.refusals), set(self.gone)
        return now.allowed

    def allowed(self, customer: int, channel: str, channels: dict[str, bool]) -> bool:
        """Whether ``customer`` agreed to ``channel`` of ``channels``, which says who needs it.

        A refusal of a channel that the campaign does not have is one of all.
        """
        if not channels[channel]:
            return True
        own = [r for r in self.refusals if r.customer == customer]
        refused = any(r.channel == channel or r.channel not in channels for r in own)
        here = customer in set(self.people["customer_id"])
        return channel in {"email", "sms", "text"} and here and not refused
