"""Waves at a generated operator: outcomes late, channels capped, tastes drifting, scores on hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from bandit import ActionSpace, Encoder, allocation
from bandit.config.campaign import Campaign
from bandit.core.types import Array, Bool, Float64, Int32
from bandit.features import ranks
from bandit.features.action_features import action_features
from bandit.features.score_layout import layout
from bandit.features.spec import Column, FeatureSpec
from bandit.sources.catalogue import Catalogue
from bandit.workflows.serve.moments import Known
from bandit.worlds import World

DAYS_BETWEEN_WAVES = 7
CAPS = {"call": 0.05, "post": 0.25}
"""Share of the customers that a channel may reach in a wave."""
FITTED = 20_000
COLUMNS: dict[str, Any] = {
    "numeric": [
        "age", "tenure_months", "arpu_eur", "data_gb", "voice_minutes", "roaming_days",
        "household", "app_days", "open_rate",
    ],
    "boolean": ["fibre_available", "has_fibre", "has_tv"],
    "categorical": ["plan"],
    "date": ["device_since", "contract_end"],
}  # fmt: skip


class Crowd(NamedTuple):
    """Customers of a wave; ``net`` float64[n, k] is what each action truly earns, costs paid."""

    ids: Array
    contexts: Array
    eligible: Bool
    net: Float64


@dataclass(frozen=True)
class Setting:
    """An operator with ``per_wave`` other customers each week; ``score`` turns what scores say.

    ``caps`` as `CAPS` are those of its channels; ``columns`` numbers that are declared of offers.
    """

    name: str
    world: World
    per_wave: int
    half_life_days: float | None = None
    score: str = "as they are"
    caps: Mapping[str, float] = field(default_factory=lambda: CAPS)
    columns: Mapping[str, Float64] = field(default_factory=dict)

    @cached_property
    def space(self) -> ActionSpace:
        return ActionSpace.of_pairs(pair for pair in self.world.actions if pair is not None)

    @cached_property
    def encoder(self) -> Encoder:
        return Encoder.fit(self.frame(np.arange(1, FITTED + 1)), **COLUMNS, at=self.world.origin)

    @cached_property
    def spec(self) -> FeatureSpec:
        """The encoder's features, and those of the scores in the way of a campaign."""
        ids = np.arange(1, FITTED + 1)
        columns = [*self.encoder.spec.columns]
        for offer, score in zip(self.world.assortment.offers, self._scores(ids).T, strict=False):
            cuts = np.quantile(score, ranks.shares(), method="inverted_cdf")
            found = ranks.ranks(cuts.tolist()) or ranks.Ranks((), ())
            columns.append(
                Column(f"score_{offer}", "score", offers=(offer,), cuts=found.cuts,
                       terms=found.terms)
            )  # fmt: skip
        return FeatureSpec(True, tuple(columns))

    @cached_property
    def catalogue(self) -> Catalogue:
        """Offers and channels as campaign.toml declares them."""
        told, columns = self.world.assortment, self.columns.items()
        content = {
            "folder": ".", "customers": {"source": "customers.duckdb", "table": "customers"},
            "offer": tuple(
                {"name": o, "family": f, "features": {c: float(v[i]) for c, v in columns}}
                for i, (o, f) in enumerate(zip(told.offers, told.families, strict=True))
            ),
            "channel": tuple({"name": c} for c in told.channels),
        }  # fmt: skip
        campaign = Campaign.model_validate(content, strict=False)
        return Catalogue(campaign.offer, campaign.channel)

    @cached_property
    def known(self) -> Known:
        declared = tuple(self.columns)
        features = action_features(self.space, self.catalogue, declared, self.spec.n_features)
        return Known(self.space, features, layout(self.spec, self.space))

    def at(self, wave: int) -> dt.datetime:
        return self.world.origin + dt.timedelta(days=DAYS_BETWEEN_WAVES * wave)

    def frame(self, ids: Array) -> pa.Table:
        return pa.table(self.world.people(ids).columns)

    def crowd(self, wave: int, count: int | None = None) -> Crowd:
        n = count or self.per_wave
        ids = np.arange(1, n + 1) + FITTED + wave * 100_000
        base = self.encoder.transform(self.frame(ids), at=self.at(wave))
        parts = [base]
        scored = [c for c, _ in self.spec.scored]
        for column, score in zip(scored, self._scores(ids).T, strict=False):
            terms = np.array(column.terms, np.float32)
            parts.append(terms[ranks.bins(column.cuts or (), score)])
        return Crowd(
            ids,
            np.ascontiguousarray(np.concatenate(parts, axis=1)),
            self.world.eligible(ids, self.at(wave)),
            self.world.net_values(ids, self.at(wave)),
        )

    def _scores(self, ids: Array) -> Float64:
        found = self.world.score(ids)
        if self.score == "distorted":
            return np.asarray(np.exp(3.0 * found**3) - 7.0)
        if self.score == "noise":
            return np.random.default_rng([self.world.seed, int(ids[0])]).random(found.shape)
        return found if self.score != "none" else found[:, :0]

    @cached_property
    def margins(self) -> Float64:
        """EUR of a sale by each action, float64[k]."""
        own = np.repeat(self.world.assortment.margin_eur, self.world.channels)
        return np.concatenate(([0.0], own))

    @cached_property
    def usage(self) -> Float64:
        """float64[k, m]: contacts of the capped channels that one of an action takes."""
        names = [pair[1] if pair else "" for pair in self.world.actions]
        capped = [c for c in self.caps if c in self.world.assortment.channels]
        return np.array([[float(name == c) for c in capped] for name in names])

    @cached_property
    def limits(self) -> Float64:
        capped = [c for c in self.caps if c in self.world.assortment.channels]
        return np.array([self.caps[c] * self.per_wave for c in capped])

    def prices(self, net: Float64, eligible: Bool) -> Float64:
        """What a contact by each action pays for its channel's cap, float64[k]."""
        if not self.limits.size:
            return np.zeros(len(self.space))
        net = np.where(eligible, net - net[:, :1], -1.0)
        found = allocation.solve(
            np.ascontiguousarray(net, np.float32), self.usage, self.limits, eligible=eligible
        )
        return np.asarray(self.usage @ found.prices)

    def capped(self, actions: Int32, seed: int) -> Int32:
        """The decisions after lots: of too many contacts of a channel some are not made."""
        lots = np.random.default_rng([seed, 7]).permutation(len(actions))
        out = actions.copy()
        for column, limit in zip(self.usage.T, self.limits, strict=True):
            taken = lots[column[actions[lots]] > 0.0]
            out[taken[int(limit) :]] = 0
        return out
