"""What a contact is expected to be worth to each customer, as the search for prices reads it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np

from bandit.allocation.blocks import Block, Linear
from bandit.allocation.lots import PRICE_SAMPLE, uniforms
from bandit.kernels import simd
from bandit.kernels.simd import product
from bandit.models.moved import Moved
from bandit.workflows.serve.prepare import Prepared
from bandit.workflows.serve.wave import Wave


class Worth:
    """Makes blocks of batches: means and costs of a wave, packed once.

    Means are those that a ``population`` is decided by, or the wave's.
    """

    def __init__(self, wave: Wave, population: int | None = None) -> None:
        self._posterior = wave.decides(wave.plan.arm_of(population))
        mean = self._posterior.mean
        columns = product.padded(mean.shape[0], simd.LANES)
        self._panels = np.zeros(columns * mean.shape[1], np.float32)
        product.pack_columns_into(mean, self._panels)
        self._costs = np.zeros(columns, np.float32)
        self._costs[: mean.shape[0]] = wave.plan.costs
        self._outbound = wave.plan.actions.outbound

    def block(self, batch: Prepared) -> Linear:
        """Worth of each outbound contact above leaving the customer in peace."""
        return Linear(
            batch.contexts,
            self._panels,
            np.atleast_2d(batch.values).astype(np.float32, copy=False),
            self._costs,
            batch.mask,
            batch.allowance > 0,
            self._outbound,
        )

    def moved(self, batch: Prepared) -> Block | Linear:
        """The same with what curves and rising depths move means by, which takes a table."""
        block = self.block(batch)
        if not isinstance(self._posterior, Moved):
            return block
        lifts = block.factors * self._posterior.lifts(batch.contexts)
        lifts -= lifts[:, :1]
        lifts += block.values
        return Block(lifts, block.eligible)


class Many(Protocol):
    """Workers who pass over everybody's batches."""

    def blocks(
        self, here: Iterable[Linear], share: float, population: int | None
    ) -> Iterable[Linear]:
        """A keyed share of a population; who iterates over it reads what is ``here``."""


def drawn(
    wave: Wave, batch: Prepared, share: float, population: int | None = None
) -> Prepared | None:
    """A keyed share of a batch, of one ``population`` or of all; the larger holds the smaller.

    None where it is nobody.
    """
    if share >= 1.0 and population is None:
        return batch
    keep = uniforms(wave.run.seed, PRICE_SAMPLE, batch.keys) < share
    if population is not None:
        keep &= batch.population == population
    return batch.only(keep) if keep.any() else None
