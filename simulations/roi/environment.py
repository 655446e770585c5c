"""A small campaign, served and learned from twice, in which it is known what each contact added."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl

from bandit.workflows.learn.learn import learn
from bandit.workflows.serve.serve_batch import serve_batch

AT = dt.datetime(2026, 11, 2, tzinfo=dt.UTC)
WEEK = dt.timedelta(days=7)
WAVES = 2
CONFIG = """
name = "known"
seed = {seed}
[customers]
source = "customers.parquet"
[features]
numeric = ["need", "spend"]
[reward]
unit = "EUR"
window_days = 7.0
[policy]
holdout = 0.15
exploration = 0.1
share = [
  {{ policy = "rules", share = 0.4 }},
  {{ policy = "lin_ts", share = 0.6 }},
]
[[channel]]
name = "email"
cost = 0.05
consent = false
[[channel]]
name = "sms"
cost = 0.2
consent = false
capacity = {sms}
[[offer]]
name = "small"
priority = 2
[[offer]]
name = "large"
priority = 1
eligible = "spend > 20"
"""


def served(folder: Path, seed: int, customers: int, effect: float) -> dict[str, float]:
    """Serve and learn; what contacts added in all, and by offer.

    People buy whether they are asked or not, the more the more they spend. Where they were asked,
    what they buy names the decision: attribution takes all of it. ``effect`` is what a contact by
    the small offer adds on average; the large one adds twice that to those in need, else nothing.
    """
    rng = np.random.default_rng(seed)
    folder.mkdir()
    (folder / "campaign.toml").write_text(CONFIG.format(seed=seed, sms=customers // 8))
    need, spend = rng.normal(size=customers), rng.gamma(2.0, 15.0, customers)
    keys = np.arange(customers)
    frame = pl.DataFrame({"customer_id": keys, "need": need, "spend": spend})
    frame.write_parquet(folder / "customers.parquet")
    truth = {"campaign": 0.0, "small": 0.0, "large": 0.0}
    for number in range(WAVES):
        at = AT + number * WEEK
        serve_batch(folder, wave=f"w{number}", at=at)
        rows = pl.read_parquet(folder / "waves" / f"w{number}" / "decisions-*.parquet")
        told = []
        for row in rows.select("decision_id", "customer_id", "offer").iter_rows(named=True):
            who, offer = row["customer_id"], row["offer"]
            added = {None: 0.0, "small": effect, "large": 2.0 * effect * (need[who] > 0.0)}[offer]
            if offer is not None:
                truth["campaign"] += added
                truth[offer] += added
            bought = rng.random() < 0.1 + 0.004 * min(spend[who], 50.0)
            reward = rng.gamma(2.0, 3.0) * bought + (rng.random() < 0.2) * 5.0 * added
            if reward > 0.0:
                told.append({
                    "event_id": row["decision_id"],
                    "decision_id": row["decision_id"] if offer is not None else None,
                    "customer_id": None if offer is not None else who,
                    "event": "sale",
                    "reward": reward,
                    "occurred_at": (at + dt.timedelta(days=1)).isoformat(),
                })  # fmt: skip
        events = folder / f"told-{number}.csv"
        pl.DataFrame(told, infer_schema_length=None).write_csv(events)
        learn(folder, outcomes=events, at=at + WEEK)
    return truth
