"""Hard caps: what the draws planned beyond them is given up by lot, and the propensities say so."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bandit.allocation import lots, thinning
from bandit.allocation.thinning import Quotas
from bandit.core.types import NO_CONTACT, Array, Float64, UInt64
from bandit.kernels.linear.decide import TINY
from bandit.workflows.serve.limits import Limits
from bandit.workflows.serve.plan import number_of
from bandit.workflows.serve.prepare import Prepared
from bandit.workflows.serve.wave import Taken, Wave


class Thinning(NamedTuple):
    """``keep`` float64[k]: probability to keep a contact; ``last`` uint64[k]: the last lot kept."""

    keep: Float64
    quota: Array
    last: UInt64


class Planned:
    """The outbound contacts that the draws plan, with their lots: in memory, or in files."""

    def __init__(self, wave: Wave, limits: Limits) -> None:
        self._wave, self._limits = wave, limits
        self.counts = np.zeros(len(wave.plan.space), dtype=np.int64)
        self._actions: list[Array] = []
        self._lots: list[UInt64] = []
        self._files: list[Path] = []

    def add(self, slots: Sequence[Taken], keys: UInt64) -> None:
        """Count a batch's slots; inbound ones make no contacts. Without limits nothing is kept."""
        if not self._limits.names:
            return
        for taken in slots:
            if taken.placement.outbound:
                action = taken.choice.action
                contact = action != NO_CONTACT
                self.counts += np.bincount(action[contact], minlength=self.counts.shape[0])
                self._actions.append(action[contact])
                self._lots.append(_lots(self._wave, taken.slot, keys[taken.rows[contact]]))

    def save(self, path: Path) -> None:
        """Write the lots that are in memory, for `merge` elsewhere."""
        action, lot = self._every()
        np.savez(path, action=action, lot=lot)

    def merge(self, counts: Array, path: Path) -> None:
        """Add contacts int64[k] that were planned elsewhere, with the lots that were saved."""
        self.counts += counts
        self._files.append(path)

    def thinning(self) -> Thinning | None:
        """None where everything fits."""
        quotas = thinning.plan_quotas(self.counts, self._limits.usage, self._limits.most)
        if (quotas.keep >= 1.0).all():
            return None
        return Thinning(quotas.keep, quotas.quota, self._last(quotas))

    def _last(self, quotas: Quotas) -> UInt64:
        action, lot = self._every()
        some = quotas.keep < 1.0
        return thinning.thresholds(
            [lot[action == a] if some[a] else lot[:0] for a in range(some.shape[0])], quotas
        )

    def _every(self) -> tuple[Array, UInt64]:
        """Action and lot of each contact, int32[n] and uint64[n]."""
        actions, drawn = (
            [np.zeros(0, np.int32), *self._actions],
            [np.zeros(0, np.uint64), *self._lots],
        )
        for path in self._files:
            with np.load(path, allow_pickle=False) as kept:
                actions.append(kept["action"])
                drawn.append(kept["lot"])
        return np.concatenate(actions), np.concatenate(drawn)


def thinned(
    wave: Wave, batch: Prepared, taken: Taken, prior: Float64 | None, rule: Thinning
) -> Taken:
    """The slot after the lots were drawn.

    A contact is kept with probability keep_a, so its propensity is the policy's times keep_a; a
    contact given up becomes no contact, whose propensity is π(0) + Σ_a π(a)(1 − keep_a).
    """
    choice, rows = taken.choice, taken.rows
    lot = _lots(wave, taken.slot, batch.keys[rows])
    stays = (lot <= rule.last[choice.action]) & (rule.quota[choice.action] > 0)
    stays |= rule.keep[choice.action] >= 1.0
    action = np.where(stays, choice.action, np.int32(NO_CONTACT))
    propensity = choice.propensity * rule.keep[choice.action]
    quiet = np.flatnonzero(action == NO_CONTACT)
    if quiet.size:
        given_up = 1.0 - _one_more(rule)
        given_up[NO_CONTACT] = 1.0
        quiet_anyway = wave.plan.policy.expectation(
            wave.posterior,
            batch.contexts[rows[quiet]],
            given_up,
            batch.experiment[rows[quiet]],
            batch.keys[rows[quiet]],
            eligible=taken.allowed[quiet],
            values=batch.values if batch.values.ndim == 1 else batch.values[rows[quiet]],
            costs=wave.plan.costs + wave.plan.prices,
            prior=None if prior is None else prior[quiet],
        )
        planned = choice.action[quiet]
        lost = np.where(planned == NO_CONTACT, 1.0, 1.0 - rule.keep[planned])
        propensity[quiet] = quiet_anyway + choice.propensity[quiet] * (lost - given_up[planned])
    return taken._replace(
        choice=choice._replace(action=action, propensity=np.clip(propensity, TINY, 1.0)),
        planned=choice.action,
        keep=rule.keep[choice.action].astype(np.float32),
    )


def _one_more(rule: Thinning) -> Float64:
    """Keep probabilities float64[k] had there been one contact more: K_a of N_a + 1.

    So it would be had a customer planned a who did not.
    """
    grown = rule.quota + rule.keep
    some = (rule.keep < 1.0) & (grown > 0)
    return np.divide(rule.keep * rule.quota, grown, out=rule.keep.copy(), where=some)


def _lots(wave: Wave, slot: int, keys: UInt64) -> UInt64:
    return lots.hashes(wave.run.seed, number_of(wave.run.wave), slot, keys)
