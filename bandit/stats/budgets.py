"""What a budget brings where people are contacted in an order until it is spent.

Each person i has an action of their own, its cost c_i and a place in an order that was fixed before
anything came of it. With b_i the money that those before i cost, a budget B contacts the part

    h_i = clip((B - b_i) / c_i, 0, 1)

of person i, and gains over no contact, by the probabilities π with which people were drawn,

    Σ h m + Σ h r₁ n / Σ w₁ - Σ h r₀ n / Σ w₀        w₁ = 1[A = a_i] / π(a_i), w₀ = 1[A = 0] / π(0)
    m = q̂(a_i) - q̂(0)                                r₁ = w₁ (x - q̂(a_i)),    r₀ = w₀ (x - q̂(0))

q̂ being what was expected before: a poor one widens the interval and biases nothing. A straight line
is what a random order brings. Sverdrup, Wu, Athey, Wager (2023), Qini curves for multi-armed
treatment rules, arXiv 2306.11979; weights normalised, costs known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bandit.core.types import Array, Float64
from bandit.stats.crowds import CROWDS


class People(NamedTuple):
    """n people of a wave in their order; float64[n] each, but ``crowd`` int[n].

    ``model`` m, ``cost`` c, ``treated`` w₁, ``left`` w₀, ``above`` r₁, ``below`` r₀ of the formula.
    """

    crowd: Array
    cost: Float64
    model: Float64
    treated: Float64
    above: Float64
    left: Float64
    below: Float64

    @classmethod
    def together(cls, parts: Sequence[People]) -> People:
        """Some after others."""
        return cls(*map(np.concatenate, zip(*parts, strict=True)))

    @property
    def n(self) -> int:
        """People in all."""
        return len(self.crowd)

    def taken(self, order: Array) -> People:
        """The same people in another order, or some of them."""
        return People(*(column[order] for column in self))

    @property
    def whole(self) -> float:
        """What it costs to contact all."""
        return float(self.cost.sum())

    @property
    def effective(self) -> float:
        """How many the rarer of both sides is worth by its weights: the lesser (Σw)² / Σw²."""
        return min(
            float(w.sum()) ** 2 / float(w @ w) if w.any() else 0.0
            for w in (self.treated, self.left)
        )

    @property
    def matched(self) -> tuple[float, float]:
        """Σw₁ / n and Σw₀ / n: about 1 where each person could have been drawn either way."""
        n = max(self.n, 1)
        return float(self.treated.sum()) / n, float(self.left.sum()) / n

    def reached(self, budget: float) -> Float64:
        """The parts h, float64[n]; who costs nothing is contacted if those before are."""
        before = self.cost.cumsum() - self.cost
        return np.where(
            self.cost > 0.0,
            np.clip((budget - before) / np.maximum(self.cost, 1e-300), 0.0, 1.0),
            before <= budget,
        )

    def spread(self, budget: float) -> Float64:
        """The same where everybody has the same chance: a random order, float64[n]."""
        share = min(budget / self.whole, 1.0) if self.whole else 1.0
        return np.full(self.n, share)

    def area(self) -> Float64:
        """Mean over all budgets up to the whole of h less a random order's: 1/2 - (b + c/2)/C."""
        return 0.5 - (self.cost.cumsum() - 0.5 * self.cost) / self.whole

    def gain(self, h: Float64) -> Share:
        """What is gained where each is contacted by the share ``h`` float64[n]; h may be below 0.

        Its error is that of people like these: who is among them is chance too.
        """
        n, sides = self.n, []
        for w, r in ((self.treated, self.above), (self.left, self.below)):
            scale = n / float(w.sum())
            total = scale * float(h @ r)
            sides.append((total, scale * h * r - total / n * (scale * w - 1.0)))
        (one, z_one), (other, z_other) = sides
        influence = h * self.model + z_one - z_other
        influence -= influence.mean()
        return Share(
            float(h @ self.model) + one - other,
            np.bincount(self.crowd, weights=influence, minlength=CROWDS).astype(np.float64),
        )


class Share(NamedTuple):
    """A ``total``, and what each crowd contributes to its error, float64[CROWDS]."""

    total: float
    influence: Float64

    @classmethod
    def none(cls) -> Share:
        """Nothing yet."""
        return cls(0.0, np.zeros(CROWDS))

    def plus(self, other: Share, factor: float = 1.0) -> Share:
        """With ``factor`` times another: of other waves, or -1 to hold both together."""
        return Share(self.total + factor * other.total, self.influence + factor * other.influence)

    @property
    def error(self) -> float:
        """Standard error of ``total``."""
        return float(np.sqrt(self.influence @ self.influence))
