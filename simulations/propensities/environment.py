"""A generated operator with a learned snapshot, and its next wave under limits."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bandit.config import campaign_file
from bandit.core import spill
from bandit.core.types import SILENT
from bandit.features.drift import Drift
from bandit.record.rejects import Rejects
from bandit.sources import customers, database
from bandit.sources.catalogue import load_catalogue
from bandit.workflows.learn.learn import learn
from bandit.workflows.serve import limits, overrides, pricing, reading
from bandit.workflows.serve.contact_history import ContactHistory
from bandit.workflows.serve.limits import Limits
from bandit.workflows.serve.prepare import Prepared
from bandit.workflows.serve.serve_batch import serve_batch
from bandit.workflows.serve.serving_model import serving_model
from bandit.workflows.serve.wave import Run, Wave
from bandit.worlds.baskets import Grocer
from bandit.worlds.files import Plan
from bandit.worlds.operator import World

WINDOW = dt.timedelta(days=14)


class Setting(NamedTuple):
    """A wave at frozen prices; ``free`` is the same wave without them."""

    world: World
    wave: Wave
    free: Wave
    caps: Limits
    batch: Prepared


KINDS = """[reward.events]
sale = "reward"
refusal = -8.0
unsubscribe = -8.0

[pressure]
"""


COUNTS = """no_contact_value = 0.0

[reward.events]
sale = "value"
refusal = -8.0
unsubscribe = -8.0

[pressure]
"""
DEPTHS = """
[offer.discount]
price = 60.0
unit_cost = 20.0
depths = [0.0, 0.1, 0.2]
"""
BASKET = """[[source]]
name = "purchases"
source = "purchases.parquet"
at = "bought_at"

[basket]

[reward]
"""
CURVES = """
[model]
link = "logit"
"""
MODELS: dict[str, frozenset[str]] = {
    "hybrid": frozenset(),
    "kinds, of money": frozenset({"money"}),
    "kinds, counted": frozenset({"counts"}),
    "scores": frozenset({"counts", "scores"}),
    "depths": frozenset({"counts", "depths"}),
    "baskets": frozenset({"counts", "baskets"}),
    "all of it": frozenset({"counts", "scores", "depths", "baskets"}),
    "curves": frozenset({"counts", "curves"}),
    "all of it, curves": frozenset({"counts", "scores", "depths", "baskets", "curves"}),
}
"""What a campaign's model is made of, by its name: one learned reward, or sale, refusal and
unsubscription each by a model of its own; sales counted and worth the offer's margin; a score an
offer; the last offer in three depths; offers of products and a table of purchases; counts through
the logit link."""


def operator(folder: Path, count: int, model: str = "hybrid") -> tuple[World, dt.datetime]:
    """A campaign of one of `MODELS` that has learned from two waves, and the time of its third."""
    parts = MODELS[model]
    world = World(customers=count, offers=6, channels=3, seed=3, scores=6 * ("scores" in parts))
    plan = Plan(shares=(("rules", 0.3), ("lin_ts", 0.6)), exploration=0.1, alpha=1.0)
    world.write(folder, plan=plan)
    file = folder / "campaign.toml"
    file.write_text(_told(file.read_text(), parts, world))
    if "baskets" in parts:
        bought = Grocer(count, seed=3).purchases(np.arange(1, count + 1))
        pq.write_table(bought, folder / "purchases.parquet")
    at = world.origin
    for number in range(2):
        serve_batch(folder, wave=f"w{number}", at=at)
        decisions = pq.read_table(sorted((folder / "waves" / f"w{number}").glob("decisions-*")))
        # The world knows no depths: it answers to the offer.
        offer = pc.replace_substring_regex(decisions["offer"].cast("string"), r"-\d+$", "")
        place = decisions.schema.get_field_index("offer")
        events = world.respond(decisions.set_column(place, "offer", offer), at)
        pq.write_table(events, folder / f"events{number}.parquet")
        at += WINDOW
        learn(folder, outcomes=folder / f"events{number}.parquet", at=at)
    return world, at + WINDOW


def _told(text: str, parts: frozenset[str], world: World) -> str:
    """campaign.toml with what the model is made of."""
    told = world.assortment
    if "money" in parts:
        text = text.replace("[pressure]\n", KINDS)
    if "counts" in parts:
        text = text.replace("[pressure]\n", COUNTS)
    if "baskets" in parts:
        text = text.replace("[reward]\n", BASKET)
    for place, (name, margin) in enumerate(zip(told.offers, told.margin_eur.tolist(), strict=True)):
        # An offer in depths has the margin that each of them leaves.
        whole = "depths" in parts and name == told.offers[-1]
        more = f"value = {margin}\n" if "counts" in parts and not whole else ""
        if "baskets" in parts:
            more += f'features = {{ product = "product {place:02d}" }}\n'
        offer = f'[[offer]]\nname = "{name}"\n'
        text = text.replace(offer, offer + more)
    return text + DEPTHS * ("depths" in parts) + CURVES * ("curves" in parts)


def constrained(folder: Path, count: int, caps: Sequence[str], model: str = "hybrid") -> Setting:
    """The third wave with these limits, prices found and frozen."""
    world, at = operator(folder, count, model)
    campaign = campaign_file.load(folder)
    past = ContactHistory.of(campaign, at, "w2")
    with ExitStack() as stack:
        data = stack.enter_context(database.connect(campaign, extra_files=past.files))
        changes = [overrides.parse(text) for text in caps]
        campaign, catalogue = overrides.apply(campaign, load_catalogue(campaign, data), changes)
        start = serving_model(campaign, data, None, at)
        run = Run(campaign, "w2", at, campaign.seed, batch_size=count)
        wave = Wave.of(run, catalogue, start, customers.customer_type(data, campaign))
        # Groups are redrawn too: the propensity is over all that is random.
        base = replace(wave.plan.policy.base, group_seed=None, share_seed=None)
        policy = replace(wave.plan.policy, base=base)
        wave = wave._replace(plan=wave.plan._replace(policy=policy))
        resources = limits.of(campaign, catalogue, wave.plan)
        refused = stack.enter_context(Rejects(folder / "refused.parquet"))
        batches = reading.prepared(wave, data, past, refused, Drift(start.spec))
        spool = reading.spooled(spill.new(stack), batches, count, SILENT)
        priced = pricing.find(wave, resources, spool, SILENT)
        batch = next(iter(spool))
    return Setting(world, wave.at_prices(priced.costs), wave, resources, batch)


def distribution(wave: Wave, batch: Prepared) -> np.ndarray:
    """Stated probability of each action in the first slot, float64[n, k]."""
    allowed = batch.mask & wave.plan.placements[0].actions
    return wave.plan.policy.base.probabilities(
        wave.posterior,
        batch.contexts,
        eligible=allowed,
        values=batch.values,
        costs=wave.plan.charges,
    )
