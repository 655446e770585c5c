"""A small campaign, served and learned from twice, in which it is known what each contact added."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from bandit.config import campaign_file
from bandit.core.types import SILENT
from bandit.workflows.learn.deliver import take_in
from bandit.workflows.learn.learn import learn
from bandit.workflows.serve.serve_batch import serve_batch

AT = dt.datetime(2026, 11, 2, tzinfo=dt.UTC)
WEEK = dt.timedelta(days=7)
WAVES = 2
CAUSED = 0.08
"""How many of the contacted buy because of it: four of five contacted buyers would have anyway."""
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
[model]
share = false
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


class Truth(NamedTuple):
    """What contacts added in all ("campaign") and by offer; of contacted buyers the ``organic``.

    ``buyers`` are all of them: customers who bought after a contact, in a wave.
    """

    added: dict[str, float]
    buyers: int
    organic: int


def served(folder: Path, seed: int, customers: int, effect: float) -> Truth:
    """Serve, learn of each wave before the next is served, and hear of the last.

    People buy whether they are asked or not, the more the more they spend. Where they were asked,
    what they buy names the decision: attribution takes all of it. ``effect`` is what a contact by
    the small offer adds on average, by a purchase of one in twelve; the large one adds twice that
    to those in need, else nothing.
    """
    rng = np.random.default_rng(seed)
    folder.mkdir()
    (folder / "campaign.toml").write_text(CONFIG.format(seed=seed, sms=customers // 8))
    need, spend = rng.normal(size=customers), rng.gamma(2.0, 15.0, customers)
    keys = np.arange(customers)
    frame = pl.DataFrame({"customer_id": keys, "need": need, "spend": spend})
    frame.write_parquet(folder / "customers.parquet")
    truth = {"small": 0.0, "large": 0.0}
    buyers = organic = 0
    for number in range(WAVES):
        at = AT + number * WEEK
        serve_batch(folder, wave=f"w{number}", at=at)
        rows = pl.read_parquet(folder / "waves" / f"w{number}" / "decisions-*.parquet")
        who, offer = rows["customer_id"].to_numpy(), rows["offer"].fill_null("").to_numpy()
        adds = np.where(offer == "small", effect, 2.0 * effect * (need[who] > 0.0))
        asked = offer != ""
        added = np.where(asked, adds, 0.0)
        for name in ("small", "large"):
            truth[name] += float(added[offer == name].sum())
        bought = rng.random(len(who)) < 0.1 + 0.004 * np.minimum(spend[who], 50.0)
        caused = (rng.random(len(who)) < CAUSED) * added / CAUSED
        reward = rng.gamma(2.0, 3.0, len(who)) * bought + caused
        buyers += int((asked & (reward > 0.0)).sum())
        organic += int((asked & bought).sum())
        decision = pl.col("decision_id")
        told = rows.select(
            event_id=decision,
            decision_id=pl.when(pl.lit(asked)).then(decision),
            customer_id=pl.when(~pl.lit(asked)).then(pl.col("customer_id")),
            event=pl.lit("sale"),
            reward=pl.lit(reward),
            occurred_at=pl.lit((at + dt.timedelta(days=1)).isoformat()),
        ).filter(pl.col("reward") > 0.0)
        events = folder / f"told-{number}.csv"
        told.write_csv(events)
        if number + 1 < WAVES:
            learn(folder, outcomes=events, at=at + WEEK)
        else:
            take_in(campaign_file.load(folder), events, at + WEEK, SILENT)
    return Truth({"campaign": sum(truth.values()), **truth}, buyers, organic)
