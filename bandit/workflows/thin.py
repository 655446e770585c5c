"""Hard caps: what the draws planned beyond them is given up by lot, and the propensities say so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bandit.allocation import lots, thinning
from bandit.allocation.thinning import Quotas
from bandit.types import NO_CONTACT, Array, Float64, UInt64
from bandit.workflows.limits import Limits
from bandit.workflows.plan import number_of
from bandit.workflows.prepare import Prepared
from bandit.workflows.wave import Taken, Wave


class Thinning(NamedTuple):
    """``keep`` float64[k]: probability to keep a contact; ``last`` uint64[k]: the last lot kept."""

    keep: Float64
    quota: Array
    last: UInt64


class Planned:
    """The outbound contacts that the draws plan, with their lots."""

    def __init__(self, wave: Wave, limits: Limits) -> None:
        self._wave, self._limits = wave, limits
        self.counts = np.zeros(len(wave.plan.pairs) + 1, dtype=np.int64)
        self._actions: list[Array] = []
        self._lots: list[UInt64] = []

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

    @property
    def contacts(self) -> int:
        """All planned contacts."""
        return int(self.counts.sum())

    def thinning(self) -> Thinning | None:
        """None where everything fits."""
        quotas = thinning.plan_quotas(self.counts, self._limits.usage, self._limits.most)
        if (quotas.keep >= 1.0).all():
            return None
        return Thinning(quotas.keep, quotas.quota, self._last(quotas))

    def _last(self, quotas: Quotas) -> UInt64:
        action, lot = np.concatenate(self._actions), np.concatenate(self._lots)
        some = quotas.keep < 1.0
        return thinning.thresholds(
            [lot[action == a] if some[a] else lot[:0] for a in range(some.shape[0])], quotas
        )


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
        probabilities = wave.plan.policy.probabilities(
            wave.posterior,
            batch.contexts[rows[quiet]],
            eligible=taken.allowed[quiet],
            values=batch.values if batch.values.ndim == 1 else batch.values[rows[quiet]],
            costs=wave.plan.costs + wave.plan.prices,
            prior=None if prior is None else prior[quiet],
        )
        propensity[quiet] = _quiet(probabilities, choice.action[quiet], rule)
    return taken._replace(
        choice=choice._replace(action=action, propensity=np.minimum(propensity, 1.0)),
        keep=rule.keep[action].astype(np.float32),
    )


def _quiet(probabilities: Float64, planned: Array, rule: Thinning) -> Float64:
    """π(0) + Σ_a π(a)(1 − keep_a) of customers who get nothing, float64[n].

    Had the customer planned a, there would have been one contact more by a than there is, unless
    it did plan a: K_a of N_a + 1 would be kept.
    """
    one_more = np.where(rule.keep < 1.0, rule.keep * rule.quota, rule.keep)
    grown = rule.quota + rule.keep
    one_more = np.divide(one_more, grown, out=one_more, where=(rule.keep < 1.0) & (grown > 0))
    found = thinning.no_contact_probability(probabilities, one_more)
    own = probabilities[np.arange(planned.shape[0]), planned]
    return found + own * (one_more[planned] - rule.keep[planned])


def _lots(wave: Wave, slot: int, keys: UInt64) -> UInt64:
    return lots.hashes(wave.run.seed, number_of(wave.run.wave), slot, keys)
