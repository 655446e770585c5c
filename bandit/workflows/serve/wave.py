"""A wave: its identity, and everything that is fixed before its first customer is read."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from bandit.allocation.slots import Placement
from bandit.config.campaign import Campaign
from bandit.config.worths import Worths, worths
from bandit.core.types import Array, Bool, Choice, Float64
from bandit.models.moments import Moments
from bandit.record.manifests import Served
from bandit.sources.catalogue import Catalogue, actions
from bandit.workflows.serve import plan
from bandit.workflows.serve.experiments import snapshot_of
from bandit.workflows.serve.moments import moments
from bandit.workflows.serve.pinned import Pin, pin
from bandit.workflows.serve.plan import Plan
from bandit.workflows.serve.serving_model import ServingModel


class Run(NamedTuple):
    """A wave's identity and how it is run; the last two change no result.

    ``experiments`` are those that run in it; the campaign asks for their populations.
    """

    campaign: Campaign
    wave: str
    at: dt.datetime
    seed: int
    dry_run: bool = False
    batch_size: int | None = None
    threads: int | None = None
    experiments: tuple[Served, ...] = ()


class Wave(NamedTuple):
    """``posterior`` covers the plan's actions: the snapshot's, and new ones at the prior.

    ``model`` is the record of what it was pooled with, None where each action learned alone;
    ``pinned`` are the snapshots that arms of experiments decide by, by version.
    """

    run: Run
    catalogue: Catalogue
    start: ServingModel
    plan: Plan
    posterior: Moments
    model: dict[str, Any] | None
    customer_type: pa.DataType
    pinned: Mapping[str, Pin] = MappingProxyType({})

    @classmethod
    def of(
        cls, run: Run, catalogue: Catalogue, start: ServingModel, customer_type: pa.DataType
    ) -> Wave:
        """Extend the posterior to the catalogue's actions and make the plan."""
        others = [known.actions for known in start.pinned.values()]
        space = start.actions.union(actions(catalogue), *others)
        posterior, model = moments(run.campaign, catalogue, start, space)
        pins = {
            version: pin(run.campaign, catalogue, known, space)
            for version, known in start.pinned.items()
        }
        the_plan = plan.make(
            run.campaign, catalogue, space, run.at, posterior, run.wave, run.experiments, pins
        )
        return cls(run, catalogue, start, the_plan, posterior, model, customer_type, pins)

    @property
    def worths(self) -> Worths | None:
        """What events are worth after the plan's actions; None where they say so themselves."""
        return worths(self.run.campaign.reward, self.catalogue.offers, self.plan.space)

    @property
    def content(self) -> str:
        """Digest of what the wave is made from: a wave made from something else has other ids."""
        run = self.run
        made_from = [
            run.at.isoformat(), run.seed, run.campaign.digest, self.start.version,
            self.plan.space.names, *self.plan.prices.tolist(),
            *([s.name, s.digest, s.ranges, s.known, *s.pinned.items()] for s in run.experiments),
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(made_from).encode()).hexdigest()[:32]

    def decides(self, arm: str | None) -> Moments:
        """What the members of an "experiment:arm" are decided by; None is no member."""
        pinned = self.plan.pinned.get(arm or "")
        return self.posterior if pinned is None else pinned.posterior

    def snapshot_of(self, group: str) -> str:
        """The version that decided for a group: an arm may have one of its own."""
        return snapshot_of(self.run.experiments, group) or self.start.version

    def at_prices(self, prices: Float64) -> Wave:
        """The same wave at prices per contact float64[p, k], or float64[k] for all populations."""
        shape = self.plan.prices.shape
        table = np.ascontiguousarray(np.broadcast_to(prices, shape))
        return self._replace(plan=self.plan._replace(prices=table))


class Taken(NamedTuple):
    """One slot of one placement: ``rows`` int64[m], the customers it was filled for, in order.

    Where lots were drawn, ``planned`` int32[m] is what stood before them and ``keep`` float32[m]
    the probability that they leave it. ``reason`` int8[m]: why there is no contact, by its place in
    `core.reasons.REASONS`, -1 for a contact; None where nobody asked.
    """

    placement: Placement
    slot: int
    rows: Array
    choice: Choice
    allowed: Bool
    planned: Array | None = None
    keep: Array | None = None
    reason: Array | None = None
