"""Hillstrom's customers as a population: what they spent, with nothing done or with a known effect."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from bandit.core.types import Bool, Float64

HOUSEHOLD = 4


class Trial(NamedTuple):
    """``values``, ``covariate`` float[n], ``clusters`` int[n] of one experiment, as they arrive.

    ``luck`` float[n] is there for a rate: whether somebody buys at a given chance.
    """

    values: Float64
    covariate: Float64
    clusters: np.ndarray
    luck: Float64 | None = None

    def treated_by(self, treated: Bool, effect: float) -> Float64:
        """Values with the effect on the treated: so much more, or so much likelier."""
        if self.luck is None:
            return self.values + effect * treated
        return (self.luck < self.values + effect * treated).astype(float)


class Population(NamedTuple):
    """``spend``, ``history`` float[m] of all customers, whatever mail they had."""

    spend: Float64
    history: Float64

    @classmethod
    def read(cls, path: Path) -> Population:
        table = pl.read_csv(path, infer_schema_length=None)
        return cls(table["spend"].to_numpy(), table["history"].to_numpy())

    def permuted(self, seed: int) -> Trial:
        """All customers in another order; nobody is treated in any way."""
        order = np.random.default_rng([1, seed]).permutation(len(self.spend))
        return Trial(self.spend[order], self.history[order], np.arange(len(order)))

    def sample(self, n: int, seed: int) -> Trial:
        """Of n customers, spending with a covariate that correlates by 0.8 with it."""
        rng = np.random.default_rng([2, seed])
        values = rng.choice(self.spend, n)
        noise = self.spend.std() * 0.75 * rng.normal(size=n)
        return Trial(values, values + noise, np.arange(n))

    def households(self, n: int, seed: int) -> Trial:
        """Of n customers in households of four that also have something in common."""
        rng = np.random.default_rng([3, seed])
        clusters = np.arange(n) // HOUSEHOLD
        common = rng.exponential(self.spend.std() * 0.6, n // HOUSEHOLD)
        values = rng.choice(self.spend, n) + common[clusters]
        return Trial(values, np.zeros(n), clusters)


def rates(n: int, seed: int) -> Trial:
    """Of n customers, each of whom buys with a chance of 10 %."""
    luck = np.random.default_rng([4, seed]).random(n)
    return Trial(np.full(n, 0.1), np.zeros(n), np.arange(n), luck)
