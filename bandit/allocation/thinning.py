"""Hard caps: when a wave's draws plan more than fits, some contacts are given up, by lot.

Prices keep the caps in expectation; the draws scatter around it. Let N_a be the contacts planned
by action a and K_a ≤ N_a its quota, a function of the planned counts alone, with
Σ_a usage_aj K_a ≤ limit_j for every resource. Of action a the K_a contacts with the smallest keyed
hashes are kept: a uniform sample without replacement. So no cap is ever passed, and given the
plans each planned contact is kept with probability exactly K_a / N_a, its keep probability. A
contact given up becomes no contact. docs/adr/0001 says what is exact about the product
π_i(a)·K_a/N_a.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bandit.allocation.problem import ROUNDING
from bandit.core.errors import DataError
from bandit.core.types import NO_CONTACT, Array, Bool, Float64, UInt64

SWEEPS, STEPS = 50, 100
EVERY_HASH = np.uint64(2**64 - 1)


class Quotas(NamedTuple):
    """``quota`` int64[k] contacts that an action keeps; ``keep`` float64[k] = quota / planned."""

    quota: Array
    keep: Float64


def plan_quotas(planned: npt.ArrayLike, usage: npt.ArrayLike, limits: npt.ArrayLike) -> Quotas:
    """Share what fits: who uses more of what is short gives up more, and nobody all.

    An action's keep probability is ``Π_j 1/(1 + λ_j usage_aj)``: the same for all contacts of a
    capacity, small for calls and near one for e-mails of a budget in money. Then whole numbers:
    quotas are rounded down, and what room is left is given back by largest remainder.

    Parameters
    ----------
    planned : int[k]
        Contacts that the draws planned, by action; summed over slots.
    usage : float[k, m]
        What one contact uses; a row of zeros (no contact) is never thinned.
    limits : float[m]
        Hard caps, infinite where there is none.

    Returns
    -------
    Quotas
        ``quota @ usage`` passes no limit; ``keep`` is 1 where nothing was planned.

    Raises
    ------
    DataError
        A shape does not fit or a planned count is negative.
    """
    counts, spent, caps = _checked(planned, usage, limits)
    keep = _shares(counts, spent, caps)
    target = keep * counts
    # An exact whole number may come out a hair below itself.
    quota = np.minimum(np.floor(target + 1e-9 * np.maximum(target, 1.0)), counts)
    quota -= (spent @ (quota @ spent > caps * (1 + ROUNDING)) > 0) & (quota > 0)
    _fill(quota, target, counts, spent, caps)
    share = np.divide(quota, counts, out=np.ones_like(quota), where=counts > 0)
    return Quotas(quota.astype(np.int64), share)


def thresholds(hashes: list[UInt64], quotas: Quotas) -> UInt64:
    """Largest keyed hash that is kept, uint64[k], from all planned contacts' hashes by action.

    A contact is kept if its hash is at most the threshold of its action. Actions of which all
    are kept need no hashes (an empty array will do).
    """
    kept = np.full(len(hashes), EVERY_HASH)
    for a in np.flatnonzero(quotas.keep < 1.0):
        quota = int(quotas.quota[a])
        if len(hashes[a]) < quota:
            raise DataError(
                f"action {a} has a quota of {quota} but {len(hashes[a])} hashes; "
                "pass the hash of every planned contact"
            )
        if quota == 0:
            kept[a] = 0
            continue
        last = np.partition(hashes[a], quota - 1)[quota - 1]
        # Equal hashes at the threshold would pass the cap: give them all up.
        kept[a] = last - np.uint64(np.count_nonzero(hashes[a] <= last) > quota)
    return kept


def kept(actions: Array, hashes: UInt64, quotas: Quotas) -> Bool:
    """Which planned contacts stay, bool[n]; actions int[n] (no contact stays), hashes uint64[n]."""
    taken = np.asarray(actions)
    lists = [
        hashes[taken == a] if quotas.keep[a] < 1.0 else hashes[:0] for a in range(len(quotas.keep))
    ]
    limit = thresholds(lists, quotas)
    stays = hashes <= limit[taken]
    return np.asarray(stays & ((quotas.quota[taken] > 0) | (quotas.keep[taken] >= 1.0)))


def no_contact_probability(probabilities: Float64, keep: Float64) -> Float64:
    """π_i(0) + Σ_{a≠0} π_i(a)·(1 − keep_a): the probability of being left in peace, thinned.

    probabilities float64[n, k] of the policy's draw, keep float64[k]; returns float64[n].
    """
    lost = 1.0 - np.asarray(keep, np.float64)
    lost[NO_CONTACT] = 0.0
    return np.asarray(probabilities[:, NO_CONTACT] + probabilities @ lost)


def _checked(
    planned: npt.ArrayLike, usage: npt.ArrayLike, limits: npt.ArrayLike
) -> tuple[Float64, Float64, Float64]:
    counts = np.asarray(planned, np.float64)
    spent, caps = np.asarray(usage, np.float64), np.asarray(limits, np.float64)
    if spent.ndim != 2 or counts.shape != spent.shape[:1] or caps.shape != spent.shape[1:]:
        raise DataError(
            f"planned {counts.shape}, usage {spent.shape} and limits {caps.shape} do not fit; "
            "they must be [k], [k, m] and [m]"
        )
    if (counts < 0).any() or np.isnan(caps).any() or (caps < 0).any():
        raise DataError("planned counts and limits must be zero or more")
    return counts, spent, caps


def _shares(counts: Float64, usage: Float64, caps: Float64) -> Float64:
    """Keep probabilities ``Π_j 1/(1 + λ_j usage_aj)`` that meet the caps, float64[k].

    Each λ_j in turn is made as large as its cap asks for at the others' (iterative proportional
    fitting); where it ends, the λ that are not zero have their caps used up.
    """
    shut = (usage[:, caps <= 0.0] > 0.0).any(axis=1)
    load = np.where(shut, 0.0, counts)[:, None] * usage
    passed = np.flatnonzero(load.sum(axis=0) > caps)
    thinner = np.zeros(usage.shape[1])
    for sweep in range(SWEEPS):
        before = thinner.copy()
        for j in passed:
            others = np.delete(1.0 + thinner * usage, j, axis=1).prod(axis=1)
            found = _thinner(load[:, j] / others, usage[:, j], caps[j])
            # The last sweep only tightens: lowering one could let another's cap be passed.
            thinner[j] = found if sweep < SWEEPS - 1 else max(found, thinner[j])
        if sweep < SWEEPS - 1 and np.allclose(thinner, before, rtol=1e-9, atol=0.0):
            break
    return np.where(shut, 0.0, 1.0 / (1.0 + thinner * usage).prod(axis=1))


def _thinner(load: Float64, usage: Float64, cap: float) -> float:
    """The least λ ≥ 0 with ``Σ load_a / (1 + λ usage_a) ≤ cap``.

    Newton's method on one over the sum, which is concave in λ: from the left it never passes the
    root, and one step is enough where all usages are equal.
    """
    at = 0.0
    for _ in range(STEPS):
        left = load / (1.0 + at * usage)
        total = float(left.sum())
        if total <= cap * (1.0 + 1e-12):
            break
        fall = float((left * usage / (1.0 + at * usage)).sum())
        at += total * (total / cap - 1.0) / fall
    return at


def _fill(quota: Float64, target: Float64, counts: Float64, usage: Float64, caps: Float64) -> None:
    """Give contacts back while they fit, largest remainder first: one each, then all that fit."""
    room = caps * (1 + ROUNDING) - quota @ usage
    order = np.argsort(quota - target, kind="stable")
    for most in (1.0, np.inf):
        for a in order[quota[order] < counts[order]]:
            spent = usage[a] > 0
            fits = np.floor(room[spent] / usage[a, spent]).min(initial=np.inf)
            back = min(most, counts[a] - quota[a], max(float(fits), 0.0))
            quota[a] += back
            room -= back * usage[a]
