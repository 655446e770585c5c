"""Hard caps: what the draws planned beyond them is given up by lot, and the propensities say so."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bandit.allocation import lots, thinning
from bandit.allocation.thinning import Quotas
from bandit.core.types import NO_CONTACT, Array, Bool, Float64, UInt64
from bandit.kernels.linear.chances import TINY
from bandit.workflows.serve.limits import Limits
from bandit.workflows.serve.plan import number_of
from bandit.workflows.serve.prepare import Prepared
from bandit.workflows.serve.wave import Taken, Wave


class Thinning(NamedTuple):
    """By population and action, [p, k] each: lots are drawn in each population by itself.

    ``keep`` float64: probability to keep a contact; ``quota`` int64: contacts kept; ``last``
    uint64: the last lot kept.
    """

    keep: Float64
    quota: Array
    last: UInt64


class Planned:
    """The outbound contacts that the draws plan, with their lots: in memory, or in files.

    ``counts`` int64[p, k] by population and action; nothing is kept where nothing is ``limited``.
    """

    def __init__(self, wave: Wave, *, limited: bool) -> None:
        self._wave, self._limited = wave, limited
        self.counts: Array = np.zeros(wave.plan.prices.shape, dtype=np.int64)
        self._places: list[Array] = []
        self._lots: list[UInt64] = []
        self._files: list[Path] = []

    def add(self, slots: Sequence[Taken], batch: Prepared) -> None:
        """Count a batch's slots; inbound ones make no contacts."""
        if not self._limited:
            return
        for taken in slots:
            if taken.placement.outbound:
                contact = taken.choice.action != NO_CONTACT
                rows = taken.rows[contact]
                place = self.counts.shape[1] * batch.population[rows].astype(np.int32)
                place += taken.choice.action[contact]
                counted = np.bincount(place, minlength=self.counts.size)
                self.counts += counted.reshape(self.counts.shape)
                self._places.append(place)
                self._lots.append(_lots(self._wave, taken.slot, batch.keys[rows]))

    def save(self, path: Path) -> None:
        """Write the lots that are in memory, for `merge` elsewhere."""
        place, lot = self._every()
        np.savez(path, place=place, lot=lot)

    def merge(self, counts: Array, path: Path) -> None:
        """Add contacts int64[p, k] that were planned elsewhere, with the lots that were saved."""
        self.counts += counts
        self._files.append(path)

    def thinning(self, parts: Sequence[Limits]) -> Thinning | None:
        """Lots by each population's part of the limits; None where everything fits."""
        if not self._limited:
            return None
        quotas = [
            thinning.plan_quotas(counts, part.usage, part.most)
            for counts, part in zip(self.counts, parts, strict=True)
        ]
        keep = np.stack([one.keep for one in quotas])
        if (keep >= 1.0).all():
            return None
        return Thinning(keep, np.stack([one.quota for one in quotas]), self._last(quotas))

    def _last(self, quotas: Sequence[Quotas]) -> UInt64:
        place, lot = self._every()
        k = self.counts.shape[1]
        return np.stack([
            thinning.thresholds(
                [lot[place == p * k + a] if one.keep[a] < 1.0 else lot[:0] for a in range(k)], one
            )
            for p, one in enumerate(quotas)
        ])  # fmt: skip

    def _every(self) -> tuple[Array, UInt64]:
        """Population times k plus action, int32[n], and lot uint64[n] of each contact."""
        places, drawn = (
            [np.zeros(0, np.int32), *self._places],
            [np.zeros(0, np.uint64), *self._lots],
        )
        for path in self._files:
            with np.load(path, allow_pickle=False) as kept:
                places.append(kept["place"])
                drawn.append(kept["lot"])
        return np.concatenate(places), np.concatenate(drawn)


def thinned(
    wave: Wave, batch: Prepared, taken: Taken, prior: Float64 | None, rule: Thinning
) -> Taken:
    """The slot after the lots were drawn.

    A contact is kept with probability keep_a, so its propensity is the policy's times keep_a; a
    contact given up becomes no contact, whose propensity is π(0) + Σ_a π(a)(1 − keep_a).
    """
    choice, rows = taken.choice, taken.rows
    population = batch.population[rows]
    lot = _lots(wave, taken.slot, batch.keys[rows])
    keep = rule.keep[population, choice.action]
    stays = (lot <= rule.last[population, choice.action]) & (
        rule.quota[population, choice.action] > 0
    )
    stays |= keep >= 1.0
    action = np.where(stays, choice.action, np.int32(NO_CONTACT))
    propensity = choice.propensity * keep
    given_up = 1.0 - _one_more(rule)
    peace = np.flatnonzero(action == NO_CONTACT)
    planned = choice.action[peace]
    # Who drew no contact has π(0) as its propensity; what is added hangs on what may be given up.
    some: Bool = np.asarray((given_up > 0.0).any(axis=0))
    opened: Bool = np.asarray(taken.allowed[:, some].any(axis=1))
    quiet = peace[(planned == NO_CONTACT) & opened[peace]]
    propensity[quiet] += _expected(wave, batch, taken, prior, quiet, given_up)
    lost = peace[planned != NO_CONTACT]
    given_up[:, NO_CONTACT] = 1.0
    more = 1.0 - keep[lost] - given_up[population[lost], choice.action[lost]]
    propensity[lost] = _expected(wave, batch, taken, prior, lost, given_up)
    propensity[lost] += choice.propensity[lost] * more
    return taken._replace(
        choice=choice._replace(action=action, propensity=np.clip(propensity, TINY, 1.0)),
        planned=choice.action,
        keep=keep.astype(np.float32),
    )


def _expected(
    wave: Wave,
    batch: Prepared,
    taken: Taken,
    prior: Float64 | None,
    mine: Array,
    weights: Float64,
) -> Float64:
    """``Σ_a π(a)·weights[a]`` of a slot's rows ``mine`` int64[q], weights by population."""
    if mine.size == 0:
        return np.zeros(0)
    rows, apart = taken.rows[mine], bool(wave.plan.apart)
    return wave.plan.policy.expectation(
        wave.posterior,
        batch.contexts[rows],
        weights if apart else weights[0],
        batch.experiment[rows],
        batch.keys[rows],
        units=batch.units[rows],
        eligible=taken.allowed[mine],
        values=batch.values if batch.values.ndim == 1 else batch.values[rows],
        costs=wave.plan.charges,
        population=batch.population[rows] if apart else None,
        prior=None if prior is None else prior[mine],
    )


def _one_more(rule: Thinning) -> Float64:
    """Keep probabilities float64[p, k] had there been one contact more: K_a of N_a + 1.

    So it would be had a customer planned a who did not.
    """
    grown = rule.quota + rule.keep
    some = (rule.keep < 1.0) & (grown > 0)
    return np.divide(rule.keep * rule.quota, grown, out=rule.keep.copy(), where=some)


def _lots(wave: Wave, slot: int, keys: UInt64) -> UInt64:
    return lots.hashes(wave.run.seed, number_of(wave.run.wave), slot, keys)
