"""One wave's rows of a strict log: the judged first slots, and what else their customers got."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from bandit.core.actions import ActionSpace
from bandit.core.types import NO_CONTACT, Array, Bool, Float64
from bandit.record.attribution import Attributed
from bandit.record.decisions import Decisions, Rows
from bandit.record.waves import Wave
from bandit.record.whole_customers import WholeCustomers
from bandit.workflows.judge.slates import Slates
from bandit.workflows.serve.experiments import supported

HOLDOUT = "holdout"
_COLUMNS = (
    "customer_id", "action", "propensity", "group", "value", "cost", "eligible", "features",
)  # fmt: skip


class Part(NamedTuple):
    """One wave's rows: ``ids`` of customers; ``withheld``: rows left out, never carried out.

    ``whole`` is the net reward of a row's customer over all slots and lists of the wave, ``slates``
    what else they were given there; ``at`` is a row's place among the wave's decisions.
    """

    ids: pa.Array
    action: Array
    propensity: Float64
    reward: Float64
    eligible: Bool
    contexts: Array
    group: Array
    apart: Bool
    value: Float64
    cost: Float64
    snapshot: str
    withheld: int
    whole: Float64
    slates: Slates
    at: Array


class _Found(NamedTuple):
    """Rows of the sampled customers and their arrays: ``number`` tells whose they are.

    ``judged`` bool[n] are the placement's first slots; ``taught`` and ``mine`` float64[n] and
    int64[n] stand beside the rows; ``totals`` are by number.
    """

    rows: list[Rows]
    taught: Float64
    number: Array
    judged: Bool
    withheld: Bool
    totals: Float64
    at: Array

    def joined(self, of: Callable[[Rows], Array]) -> Array:
        return np.concatenate([of(rows) for rows in self.rows])


def of_wave(
    decisions: Decisions, rewards: Attributed, actions: ActionSpace, place: str, share: float
) -> Part:
    """The placement's first slot, of a keyed share of the customers.

    A contact that was withheld is left out: what its propensity belongs to was never done.
    """
    wave = decisions.wave
    to = wave.actions.positions_in(actions)
    found = _found(decisions, rewards, place, share)
    action: Array = to[found.joined(lambda rows: rows.action)]
    group = found.joined(lambda rows: rows.texts("group"))
    held, policy = group == HOLDOUT, wave.manifest.policy
    left = _left_alone(wave, group)
    eligible = np.zeros((len(action), len(actions)), dtype=np.bool_)
    eligible[:, to] = found.joined(lambda rows: rows.eligible)
    # An inbound channel shows something to everybody but the holdout and experiments' quiet arms.
    eligible[held, action[held]] = True
    eligible[left.quiet & (action == NO_CONTACT), to[NO_CONTACT]] = True
    recorded = found.joined(lambda rows: rows.numbers("propensity"))
    holdout = 0.0 if policy is None else policy.holdout
    keep = found.judged & ~found.withheld
    apart = held | left.apart if policy is not None else np.zeros_like(held)
    return Part(
        ids=pa.concat_arrays([rows.customers for rows in found.rows]).filter(pa.array(keep)),
        action=action[keep],
        propensity=_not_held(recorded, action == NO_CONTACT, held, holdout)[keep],
        reward=found.taught[keep],
        eligible=eligible[keep],
        contexts=_contexts(found, keep),
        group=group[keep],
        apart=apart[keep],
        value=found.joined(lambda rows: rows.terms.value)[keep],
        cost=found.joined(lambda rows: rows.terms.cost)[keep],
        snapshot=wave.manifest.snapshot,
        withheld=int((found.judged & found.withheld).sum()),
        whole=found.totals[found.number[keep]],
        slates=_slates(found, keep, action, eligible, recorded, held, holdout),
        at=found.at[keep],
    )


def _found(decisions: Decisions, rewards: Attributed, place: str, share: float) -> _Found:
    found, taught, number, judged, withheld, at = [], [], [], [], [], []
    customers = WholeCustomers()
    for rows in decisions.rows(*_COLUMNS):
        mine = customers.add(rows.customers, rows.net(rewards.rewards[rows.place]))
        keep = np.ones(len(rows), np.bool_) if share >= 1.0 else _sampled(rows.customers, share)
        found.append(rows.only(keep))
        taught.append(rewards.taught[rows.place][keep])
        number.append(mine[keep])
        judged.append(rows.first_of(place)[keep])
        withheld.append(rows.withheld[keep])
        at.append(np.arange(rows.place.start, rows.place.stop)[keep])
    return _Found(
        found,
        np.concatenate(taught),
        np.concatenate(number),
        np.concatenate(judged),
        np.concatenate(withheld),
        customers.totals,
        np.concatenate(at),
    )


def _contexts(found: _Found, keep: Bool) -> Array:
    """Of the judged rows alone: further rows of a customer have the same."""
    parts, start = [], 0
    for rows in found.rows:
        parts.append(rows.contexts[keep[start : start + len(rows)]])
        start += len(rows)
    return np.concatenate(parts)


def _slates(
    found: _Found, keep: Bool, action: Array, eligible: Bool, recorded: Float64, held: Bool,
    holdout: float,
) -> Slates:  # fmt: skip
    """What else the judged customers got; their customers' rows stand together."""
    owners = found.number[keep]
    if not len(owners):
        return Slates.alone(np.zeros(0), eligible.shape[1])
    line = np.searchsorted(owners, found.number)
    known = owners[np.minimum(line, len(owners) - 1)] == found.number
    chance, quiet = np.ones(len(owners)), np.ones(len(owners), np.bool_)
    np.multiply.at(chance, line[known], np.where(found.withheld, np.nan, recorded)[known])
    np.logical_and.at(quiet, line[known], action[known] == NO_CONTACT)
    further = known & ~keep
    return Slates(
        of=line[further],
        action=action[further],
        eligible=eligible[further],
        propensity=_not_held(chance, quiet, held[keep], holdout),
    )


class _Left(NamedTuple):
    """``quiet`` bool[n]: rows of arms of experiments, which may leave anybody in peace.

    ``apart`` bool[n]: those whose propensity is given an arm that does not take every action.
    """

    quiet: Bool
    apart: Bool


def _left_alone(wave: Wave, group: Array) -> _Left:
    quiet, apart = np.zeros(len(group), np.bool_), np.zeros(len(group), np.bool_)
    policy = wave.manifest.policy
    for served in wave.manifest.experiments:
        for arm in served.experiment.arm:
            mine = group == f"{served.name}:{arm.name}"
            quiet |= mine
            floor = 0.0 if policy is None else policy.exploration
            if served.known and not supported(served.experiment, arm.name, floor):
                apart |= mine
    return _Left(quiet, apart)


def _not_held(recorded: Float64, quiet: Bool, held: Bool, holdout: float) -> Float64:
    """Propensities given that a customer is not held out: (p - h 1[no contact]) / (1 - h).

    The record holds those of the complete policy, h·[no contact] + (1 - h)·π; ``quiet`` bool[n]
    are rows, or customers over all their rows, without a contact.
    """
    others = np.maximum(recorded - holdout * quiet, 0.0) / max(1.0 - holdout, 1e-9)
    return np.where(held, recorded, np.minimum(others, 1.0))


def _sampled(ids: pa.Array, share: float) -> Bool:
    """The same customers in every wave."""
    hashed = pl.Series("", pl.from_arrow(ids)).hash(seed=0).to_numpy()
    return np.asarray(hashed < np.uint64(min(share * 2.0**64, 2.0**64 - 1025.0)))
