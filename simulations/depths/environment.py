"""The shop of `bandit.worlds`, as campaign.toml declares it, and what the program learns of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations_with_replacement

import numpy as np
import pyarrow as pa

from bandit import ActionSpace, Encoder, LinTS, Posterior
from bandit.config.campaign import Campaign
from bandit.core.types import Array, Bool, Float32, Float64, Int32
from bandit.features.action_features import action_features
from bandit.models.moments import Moments
from bandit.models.odds import Seen
from bandit.sources.catalogue import Catalogue, actions
from bandit.workflows.judge import kinds
from bandit.workflows.serve.moments import Known, rising
from bandit.worlds import Shop
from bandit.worlds.depths import COLUMNS, CONTACT_EUR, REDEMPTION_EUR

AT = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
FITTED, ALPHA, RIDGE = 20_000, 0.2, 100.0
"""Alpha and ridge as `bandit init` writes them."""
ABOUT = {"age": 45.0, "income": 3.0, "visits": 12.0, "coupons": 5.0, "distance": 4.0}
"""Of each column a round number in the middle, that products are made about."""


@dataclass(frozen=True)
class Setting:
    """``per_wave`` other customers in each wave, one channel, no limits.

    With ``products`` the customers' query has every product of two columns besides, squares among
    them: ``(coupons - 5) * (income - 3) AS coupons_income``. ``link``: counts go through the logit
    link.
    """

    shop: Shop
    per_wave: int
    products: bool = False
    link: bool = False

    @cached_property
    def campaign(self) -> Campaign:
        shop = self.shop
        offers = tuple(
            {
                "name": name,
                "discount": {
                    "price": price, "unit_cost": cost, "redemption_cost": REDEMPTION_EUR,
                    "depths": shop.depths,
                },
            }
            for name, price, cost in zip(
                shop.names, shop.price_eur.tolist(), shop.unit_cost_eur.tolist(), strict=True
            )
        )  # fmt: skip
        content = {
            "folder": ".", "customers": {"source": "customers.duckdb", "table": "customers"},
            "offer": offers, "channel": ({"name": "mail", "cost": CONTACT_EUR},),
        }  # fmt: skip
        return Campaign.model_validate(content, strict=False)

    @cached_property
    def catalogue(self) -> Catalogue:
        return Catalogue(self.campaign.offer, self.campaign.channel)

    @cached_property
    def space(self) -> ActionSpace:
        return actions(self.catalogue)

    @cached_property
    def values(self) -> Float64:
        """The margin of a sale, float64[k]."""
        return np.array([1.0, *(float(offer.value) for offer in self.campaign.offer)])

    @cached_property
    def costs(self) -> Float64:
        return np.array([0.0, *[CONTACT_EUR] * (len(self.space) - 1)])

    @cached_property
    def encoder(self) -> Encoder:
        found = self.table(np.arange(1, FITTED + 1))
        return Encoder.fit(found, numeric=found.column_names[1:], at=AT)

    @cached_property
    def known(self) -> Known:
        d, columns = self.encoder.spec.n_features, self.campaign.model.columns
        return Known(self.space, action_features(self.space, self.catalogue, columns, d), None)

    def ids(self, wave: int) -> Array:
        return FITTED + 1 + wave * self.per_wave + np.arange(self.per_wave)

    def table(self, ids: Array) -> pa.Table:
        """What the customers' source gives out, the key first."""
        found = self.shop.columns(ids)
        about = {name: found[name].to_numpy() - ABOUT[name] for name in COLUMNS}
        pairs = combinations_with_replacement(COLUMNS, 2) if self.products else ()
        return pa.table({**found, **{f"{a}_{b}": pa.array(about[a] * about[b]) for a, b in pairs}})

    def contexts(self, ids: Array) -> Float32:
        return self.encoder.transform(self.table(ids), at=AT)

    def prior(self) -> Posterior:
        spec = self.encoder.spec
        return Posterior.prior(len(self.space), spec.n_features, RIDGE, spec.constant)

    def moments(self, sums: Posterior, rows: Sequence[Seen]) -> Moments:
        """As a wave serves what was learned, of ``rows`` the sums."""
        read = (lambda: iter(rows)) if self.link else None
        found = kinds.moments(sums, None, self.known, read)
        return rising(found, self.catalogue, self.space, None)

    def choose(self, found: Moments, x: Float32, ids: Array, eligible: Bool, seed: int) -> Int32:
        choice = LinTS(ALPHA * found.noise_scale).choose(
            found, x, eligible=eligible, values=self.values, costs=self.costs,
            keys=ids.astype(np.uint64), seed=seed,
        )  # fmt: skip
        return choice.action
