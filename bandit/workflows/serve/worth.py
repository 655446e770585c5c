"""What a contact is expected to be worth to each customer, as the search for prices reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Protocol

import numpy as np

from bandit.allocation.blocks import AnyBlock, Bent, Block, Linear
from bandit.allocation.lots import PRICE_SAMPLE, uniforms
from bandit.core.types import Float32
from bandit.kernels import simd
from bandit.kernels.allocation.curved_contenders import Means
from bandit.kernels.allocation.linear_contenders import BLOCK
from bandit.kernels.simd import product
from bandit.models.curved import Curved
from bandit.models.moved import Moved
from bandit.workflows.serve import experiments
from bandit.workflows.serve.prepare import Prepared
from bandit.workflows.serve.wave import Wave

CELLS = 1 << 22
"""Most customers times actions of a table, where one is made: 34 MB."""


class Worth:
    """Makes blocks of batches: what customers are decided by, packed once."""

    def __init__(self, wave: Wave) -> None:
        self._running = wave.run.experiments
        self._of = {arm: _packed(wave, arm) for arm in (None, *wave.plan.pinned)}

    def blocks(self, batch: Prepared) -> Iterator[AnyBlock]:
        """Worth of each outbound contact above leaving the customer in peace."""
        for arm, part in self._parts(batch):
            yield from self._of[arm](part)

    def _parts(self, batch: Prepared) -> Iterator[tuple[str | None, Prepared]]:
        """The customers by what decides for them: an arm's own snapshot, or the wave's."""
        rest = np.ones(len(batch.keys), np.bool_)
        for arm in self._of:
            if arm is not None:
                mine = experiments.within(self._running, arm, batch.experiment, batch.units)
                rest &= ~mine
                if mine.any():
                    yield arm, batch.only(mine)
        if rest.all():
            yield None, batch
        elif rest.any():
            yield None, batch.only(rest)


def _packed(wave: Wave, arm: str | None) -> Callable[[Prepared], Iterator[AnyBlock]]:
    """What makes blocks of batches that one model decides for."""
    posterior = wave.decides(arm)
    if isinstance(posterior, Curved):
        return partial(_bent, wave, posterior.means)
    mean = posterior.mean
    columns = product.padded(mean.shape[0], simd.LANES)
    panels = np.zeros(columns * mean.shape[1], np.float32)
    product.pack_columns_into(mean, panels)
    costs = np.zeros(columns, np.float32)
    costs[: mean.shape[0]] = wave.plan.costs

    def linear(batch: Prepared) -> Iterator[Linear]:
        yield Linear(
            batch.contexts, panels, _factors(batch), costs, batch.mask, batch.allowance > 0,
            wave.plan.actions.outbound,
        )  # fmt: skip

    if isinstance(posterior, Moved):
        return partial(_moved, linear, posterior)
    return linear


def _bent(wave: Wave, means: Means, batch: Prepared) -> Iterator[Bent]:
    for part in _pieces(batch):
        yield Bent(
            part.contexts, means, _factors(part), wave.plan.costs, part.mask, part.allowance > 0,
            wave.plan.actions.outbound,
        )  # fmt: skip


def _moved(
    linear: Callable[[Prepared], Iterator[Linear]], posterior: Moved, batch: Prepared
) -> Iterator[Block]:
    """Of rows whose means are moved together, which takes a table."""
    for part in _pieces(batch):
        for block in linear(part):
            lifts = block.factors * posterior.lifts(part.contexts)
            lifts -= lifts[:, :1].copy()
            lifts += block.values
            yield Block(lifts, block.eligible)


def _factors(batch: Prepared) -> Float32:
    found: Float32 = np.atleast_2d(batch.values).astype(np.float32, copy=False)
    return found


def _pieces(batch: Prepared) -> Iterator[Prepared]:
    """Whole blocks of sums, of which a table in float64 needs little room."""
    n, k = batch.mask.shape
    step = max(1, CELLS // (BLOCK * k)) * BLOCK
    return (batch.rows(first, min(n, first + step)) for first in range(0, n, step))


class Many(Protocol):
    """Workers who pass over everybody's batches."""

    def blocks(
        self, here: Iterable[AnyBlock], share: float, population: int | None
    ) -> Iterable[AnyBlock]:
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
