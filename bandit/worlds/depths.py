r"""A shop that sells products at several depths of discount to people of different patience.

Customer i wants product o with probability ``A_io = 0.5 · σ(taste_o · x_i + base_o)``, and buys it
at depth δ if the price that is left lies below what it is worth to them:

    P(sale | o, δ) = A_io · σ((δ − m_i) / 0.06)
    m_i = −0.10 + 0.40 · σ(1.5 · bargain_i + 0.5 · hidden_i)

an s-shaped response that rises with the depth: nearly flat for who buys at full price, a step at
10, 20 or 30 % for who waits for it. ``hidden`` is in no column. A sale brings ``price_o (1 − δ) −
unit cost − redemption``, a contact costs. None of it is linear in what the learner sees.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from bandit.core.types import Array, Bool, Float64
from bandit.worlds.draws import logistic, uniform

TOP, STEP = 0.5, 0.06
COLUMNS = ("age", "income", "visits", "coupons", "distance")
CONTACT_EUR, REDEMPTION_EUR = 0.05, 0.3


def _sigmoid(z: Float64) -> Float64:
    return np.asarray(1.0 / (1.0 + np.exp(-z)), np.float64)


@dataclass(frozen=True)
class Shop:
    """``products``, each an offer in all ``depths``, sent by one channel."""

    products: int = 8
    depths: tuple[float, ...] = (0.0, 0.1, 0.2, 0.3, 0.4)
    seed: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The products."""
        return tuple(f"product_{o}" for o in range(self.products))

    @cached_property
    def price_eur(self) -> Float64:
        """At full price, float64[o]."""
        return np.round(20.0 + 20.0 * uniform(self.seed, "price", np.arange(self.products)), 2)

    @cached_property
    def unit_cost_eur(self) -> Float64:
        """Of a sale, float64[o]: the deepest discount leaves a margin."""
        share = 0.35 + 0.2 * uniform(self.seed, "cost", np.arange(self.products))
        return np.round(share * self.price_eur, 2)

    @cached_property
    def margin_eur(self) -> Float64:
        """Of a sale at each depth, float64[o, depths]."""
        depth = np.array(self.depths)
        left = self.price_eur[:, None] * (1.0 - depth) - self.unit_cost_eur[:, None]
        margin: Float64 = left - REDEMPTION_EUR * (depth > 0.0)
        return np.asarray(np.round(margin, 4), np.float64)

    def traits(self, ids: Array) -> Float64:
        """What drives response, float64[n, 6]: `COLUMNS` less their scale, and what none says."""
        ids = np.asarray(ids, np.int64)[:, None]
        return logistic(self.seed, "trait", ids, np.arange(len(COLUMNS) + 1))

    def columns(self, ids: Array) -> dict[str, pa.Array]:
        """What the shop's table shows of each."""
        traits = self.traits(ids)
        scale = {"age": (45.0, 14.0), "income": (3.0, 0.8), "visits": (12.0, 4.0),
                 "coupons": (5.0, 2.0), "distance": (4.0, 1.5)}  # fmt: skip
        found = {name: m + s * traits[:, i] for i, (name, (m, s)) in enumerate(scale.items())}
        return {"customer_id": pa.array(ids), **{n: pa.array(v) for n, v in found.items()}}

    def chances(self, ids: Array) -> Float64:
        """P(sale), float64[n, o, depths]; it rises along the last axis."""
        x = self.traits(ids)
        o = np.arange(self.products)[:, None]
        taste = 0.8 * logistic(self.seed, "taste", o, np.arange(len(COLUMNS)))
        base = 0.4 * logistic(self.seed, "base", o[:, 0]) - 1.2
        wants = TOP * _sigmoid(x[:, :-1] @ taste.T + base)
        coupons, income = x[:, COLUMNS.index("coupons")], x[:, COLUMNS.index("income")]
        waits = -0.10 + 0.40 * _sigmoid(1.5 * (coupons - 0.6 * income) + 0.5 * x[:, -1])
        buys = _sigmoid((np.array(self.depths) - waits[:, None]) / STEP)
        return np.asarray(wants[:, :, None] * buys[:, None, :])

    def net_values(self, ids: Array) -> Float64:
        """What each action earns, no contact first, depths of a product in turn, float64[n, k]."""
        earned = (self.chances(ids) * self.margin_eur - CONTACT_EUR).reshape(len(ids), -1)
        return np.concatenate((np.zeros((len(ids), 1)), earned), axis=1)

    def sold(self, ids: Array, actions: Array, wave: int) -> Bool:
        """Who buys after a contact, bool[n]; nobody buys unasked."""
        chance = np.concatenate(
            (np.zeros((len(ids), 1)), self.chances(ids).reshape(len(ids), -1)), axis=1
        )[np.arange(len(ids)), actions]
        draw = uniform(self.seed, "sale", ids, np.full(len(ids), wave), actions)
        return np.asarray(draw < chance)
