r"""A grocer whose customers buy some of what they need elsewhere.

Customer i has a taste of two dimensions and needs product p with probability

    σ(1.6 · taste_i · place_p + base_p),  places spread over a circle.

Of what is needed a third is bought elsewhere: here no purchase tells of it. The rest is bought
``1 + geometric`` times in the year before the origin. Offers are coupons for the first products; a
contact on channel c sells with

    P(sale) = reach_c · 0.40 if it is bought elsewhere, · 0.06 if it is bought here, · 0.01 else,

which is no function of what the learner sees: a mixture over a class that only baskets tell of.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from bandit.core.types import Array, Bool, Float64
from bandit.worlds import events
from bandit.worlds.draws import logistic, uniform
from bandit.worlds.people import ORIGIN

DATABASE = "customers.duckdb"
ELSEWHERE, AGAIN = 1.0 / 3.0, 0.8
SELLS = np.array([0.01, 0.06, 0.40])
"""Of a contact with an offer that is not needed, is bought here, is bought elsewhere."""
REACH, COST_EUR, MARGIN_EUR = np.array([1.0, 0.6]), np.array([0.10, 0.02]), 5.0
CHANNELS = ("post", "email")
TOML = """name = "grocer"
seed = {seed}
[customers]
source = "customers.duckdb"
table = "customers"
[features]
numeric = ["age", "visits"]
[[source]]
name = "purchases"
source = "customers.duckdb"
table = "purchases"
at = "bought_at"
[basket]
[reward]
unit = "EUR"
window_days = 7.0
ridge = 100.0
[policy]
holdout = 0.1
exploration = 0.05
share = [{{ policy = "lin_ts", share = 1.0, alpha = 0.2 }}]
"""


@dataclass(frozen=True)
class Grocer:
    """``customers`` with ids 1..n, ``products``, of which the first ``offers`` have a coupon."""

    customers: int
    offers: int = 6
    products: int = 40
    seed: int = 0

    @property
    def origin(self) -> dt.datetime:
        """Day 0, a Monday morning."""
        return dt.datetime.combine(ORIGIN, dt.time(6), tzinfo=dt.UTC)

    @property
    def actions(self) -> list[tuple[str, str] | None]:
        """(offer, channel) of each column of the truth; column 0 is no contact."""
        return [None, *((f"coupon_{o}", c) for o in range(self.offers) for c in CHANNELS)]

    def needs(self, ids: Array) -> tuple[Bool, Bool]:
        """Who needs what, and what of it is bought elsewhere, bool[n, products] each."""
        ids, p = np.asarray(ids, np.int64)[:, None], np.arange(self.products)
        angle = 2.0 * np.pi * uniform(self.seed, "place", p)
        place = np.stack([np.cos(angle), np.sin(angle)])
        base = 0.8 * logistic(self.seed, "product", p) - 0.7
        wanted = 1.6 * logistic(self.seed, "taste", ids, np.arange(2)) @ place + base
        needed = uniform(self.seed, "need", ids, p) < 1.0 / (1.0 + np.exp(-wanted))
        return needed, needed & (uniform(self.seed, "elsewhere", ids, p) < ELSEWHERE)

    def purchases(self, ids: Array) -> pa.Table:
        """customer_id, product, bought_at of the year before the origin."""
        needed, elsewhere = self.needs(ids)
        p = np.arange(self.products)
        draw = uniform(self.seed, "times", np.asarray(ids)[:, None], p)
        times = np.where(needed & ~elsewhere, 1 + np.log(draw) // np.log(AGAIN), 0).astype(np.int64)
        who, what = np.broadcast_arrays(np.arange(len(ids))[:, None], p)
        row, product = (np.repeat(of.ravel(), times.ravel()) for of in (who, what))
        visit = np.arange(len(row)) - np.repeat(np.cumsum(times) - times.ravel(), times.ravel())
        day = 1.0 + 360.0 * uniform(self.seed, "day", np.asarray(ids)[row], product, visit)
        at = np.datetime64(self.origin.replace(tzinfo=None), "s") - (day * 86_400).astype("m8[s]")
        names = np.array([f"product {number:02d}" for number in p])
        return pa.table(
            {"customer_id": np.asarray(ids)[row], "product": names[product], "bought_at": at}
        )

    def chances(self, ids: Array) -> Float64:
        """P(sale) of each action, float64[n, k]; 0 without a contact."""
        needed, elsewhere = (of[:, : self.offers] for of in self.needs(ids))
        sells = SELLS[needed.astype(np.int64) + elsewhere]
        pairs = (sells[:, :, None] * REACH).reshape(len(sells), -1)
        return np.concatenate((np.zeros((len(sells), 1)), pairs), axis=1)

    def net_values(self, ids: Array) -> Float64:
        """What each action truly earns, costs paid, float64[n, k], EUR."""
        cost = np.concatenate(([0.0], np.tile(COST_EUR, self.offers)))
        return MARGIN_EUR * self.chances(ids) - cost

    def respond(self, decisions: pa.Table, at: dt.datetime) -> pa.Table:
        """Sales that follow a wave's decisions, as `schema.outcomes`, a day after it."""
        ids = decisions["customer_id"].to_numpy()
        number = {pair: a for a, pair in enumerate(self.actions)}
        pairs = zip(decisions["offer"].to_pylist(), decisions["channel"].to_pylist(), strict=True)
        action = np.array([0 if o is None else number[o, c] for o, c in pairs])
        chance = self.chances(ids)[np.arange(len(ids)), action]
        day = (at.date() - ORIGIN).days
        hit = uniform(self.seed, "sale", ids, np.full(len(ids), day), action) < chance
        n = int(hit.sum())
        return events.table(
            kind="sale", day=day, at=at, customers=ids[hit],
            decisions=decisions["decision_id"].combine_chunks().filter(pa.array(hit)),
            slots=np.ones(n, np.int64), rewards=np.full(n, MARGIN_EUR), delay_days=np.ones(n),
        )  # fmt: skip

    def write(self, folder: Path) -> None:
        """customers.duckdb and campaign.toml in `folder`, which is made if it does not exist."""
        folder.mkdir(parents=True, exist_ok=True)
        ids = np.arange(1, self.customers + 1)
        age = np.round(45.0 + 15.0 * logistic(self.seed, "age", ids))
        visits = np.floor(30.0 * uniform(self.seed, "visits", ids))
        tables = {
            "customers": pa.table({"customer_id": ids, "age": age, "visits": visits}),
            "purchases": self.purchases(ids),
        }
        with duckdb.connect(str(folder / DATABASE)) as connection:
            for name, table in tables.items():
                connection.register("rows", table)
                connection.execute(f"CREATE TABLE {name} AS SELECT * FROM rows")
        channels = (
            f'[[channel]]\nname = "{channel}"\ncost = {cost}\nconsent = false\n'
            for channel, cost in zip(CHANNELS, COST_EUR.tolist(), strict=True)
        )
        offers = (
            f'[[offer]]\nname = "coupon_{o}"\nfeatures = {{ product = "product {o:02d}" }}\n'
            for o in range(self.offers)
        )
        lines = [TOML.format(seed=self.seed), *channels, *offers]
        (folder / "campaign.toml").write_text("".join(lines), encoding="utf-8")
