"""The experiments of a wave: who is in them, and what their arms decide by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from bandit import experiments
from bandit.config import experiment as config
from bandit.config.experiment import Arm, Experiment
from bandit.core.actions import ActionSpace
from bandit.core.errors import ConfigError
from bandit.core.types import Array, Bool, UInt64
from bandit.policies.arms import Arms, Floor, Only, Peace, Pinned
from bandit.policies.mixture import Mixture
from bandit.policies.policy import Policy
from bandit.policies.rules import Rules
from bandit.record.manifests import Served


class Members(NamedTuple):
    """The ``experiment`` of each customer int16[n], -1 for none, and their ``units`` uint64[n]."""

    experiment: Array
    units: UInt64


def members(found: Sequence[Served], keys: UInt64, units: UInt64, within: Bool) -> Members:
    """Who is in which experiment, and what was assigned there as a whole.

    ``within`` bool[n, experiments] is who is of the population, ``units`` uint64[n, households]
    those of the experiments that assign households, in turn. Buckets are no one's twice, as all
    experiments of a campaign that run at a time are of one layer.
    """
    which, own = np.full(keys.shape[0], -1, np.int16), keys
    homes = iter(units.T)
    for number, served in enumerate(found):
        theirs = keys if served.experiment.household is None else next(homes)
        bucket = experiments.buckets(theirs, served.experiment.layer, seed=served.seed)
        mine = np.zeros(experiments.BUCKETS, dtype=np.bool_)
        for first, last in served.ranges:
            mine[first:last] = True
        inside = mine[bucket] & within[:, number]
        which[inside] = number
        if theirs is not keys:
            own = np.where(inside, theirs, own)
    return Members(which, own)


def of_homes(found: Sequence[Served]) -> list[str]:
    """The experiments that assign households, in the order of customers' ``units``."""
    return [served.name for served in found if served.experiment.household is not None]


def apart(found: Sequence[Served]) -> tuple[str, ...]:
    """The arms with a part of the limits of their own, ``experiment:arm``.

    With everybody else, number 0, they are a wave's populations: these are 1, 2, …
    """
    return tuple(
        f"{s.name}:{arm.name}"
        for s in found
        for arm in s.experiment.arm
        if arm.capacity == config.PROPORTIONAL
    )


def populations(found: Sequence[Served], which: Array, units: UInt64) -> Array:
    """The population of each customer, int16[n], by experiment int16[n] and unit alone."""
    of, number = np.zeros(units.shape[0], np.int16), 0
    for place, served in enumerate(found):
        if not served.experiment.splits:
            continue
        rows = np.flatnonzero(which == place)
        arm = arm_of(served.name, tuple(served.experiment.shares), served.seed, units[rows])
        for position, one in enumerate(served.experiment.arm):
            if one.capacity == config.PROPORTIONAL:
                number += 1
                of[rows[arm == position]] = number
    return of


def within(found: Sequence[Served], name: str, which: Array, units: UInt64) -> Bool:
    """Who is in the arm ``name``, an ``experiment:arm``, bool[n]; the rest as `populations`."""
    of = np.zeros(units.shape[0], np.bool_)
    for place, served in enumerate(found):
        names = [f"{served.name}:{arm.name}" for arm in served.experiment.arm]
        if name in names:
            rows = np.flatnonzero(which == place)
            arm = arm_of(served.name, tuple(served.experiment.shares), served.seed, units[rows])
            of[rows] = arm == names.index(name)
    return of


def told_of(found: Sequence[Served], which: int, unit: UInt64) -> str | None:
    """In which experiment and arm a customer is, in words; ``unit`` uint64[1]."""
    if which < 0:
        return None
    served, arm = found[which], _arm(found[which], unit)
    own = " with limits and prices of its own" if arm.capacity == config.PROPORTIONAL else ""
    by = "" if arm.snapshot is None else f", which decides by snapshot {arm.snapshot}"
    return f"in experiment {served.name!r}, arm {arm.name!r}{own}{by}"


def name_of(found: Sequence[Served], which: int, unit: UInt64) -> str | None:
    """The ``experiment:arm`` of a customer, None for no member; ``unit`` uint64[1]."""
    return None if which < 0 else f"{found[which].name}:{_arm(found[which], unit).name}"


def snapshot_of(found: Sequence[Served], group: str) -> str | None:
    """The snapshot that a group decides by, if it is an arm that has one of its own."""
    arms = {f"{s.name}:{arm.name}": arm.snapshot for s in found for arm in s.experiment.arm}
    return arms.get(group)


def _arm(served: Served, unit: UInt64) -> Arm:
    place = int(arm_of(served.name, tuple(served.experiment.shares), served.seed, unit)[0])
    return served.experiment.arm[place]


def notes(found: Sequence[Served], limited: bool) -> list[str]:
    """What a wave with experiments has to say of them."""
    told = [
        f"experiment {s.name!r} has its members in this wave; `bandit experiment read` compares"
        " its arms" for s in found
    ]  # fmt: skip
    pooled = [f"{s.name}:{arm}" for s in found for arm in s.experiment.pooled]
    if pooled and limited:
        told.append(
            f"{', '.join(pooled)} share the campaign's limits with everybody: an arm that takes"
            " more of a scarce channel leaves less to the others, which no comparison of them"
            ' shows; capacity = "proportional" in an arm gives it a part of its own'
        )
    if (own := apart(found)) and limited:
        told.append(
            f"{', '.join(own)} had of each limit the part that their customers are of all, and"
            " prices of their own"
        )
    return told


def group_names(found: Sequence[Served]) -> tuple[str, ...]:
    """``experiment:arm``, in the order of the policies' groups."""
    return tuple(f"{s.name}:{arm.name}" for s in found for arm in s.experiment.arm)


def peaceful(found: Sequence[Served]) -> list[bool]:
    """By group, whether the arm is one that is left in peace."""
    return [arm.policy == config.NO_CONTACT for s in found for arm in s.experiment.arm]


def pinned(found: Sequence[Served], bench: Bench) -> dict[str, Pinned]:
    """The policies of arms that decide by a snapshot of their own, by ``experiment:arm``."""
    return {
        f"{served.name}:{arm.name}": bench.pinned[arm.snapshot]
        for served in found
        for arm in served.experiment.arm
        if arm.snapshot is not None and bench.learned is not None
    }


class Bench(NamedTuple):
    """What arms are made of: the campaign's policy by label, and its ``rules`` and ``learned``.

    ``pinned`` decide as ``learned`` does, by snapshots of their own: by version.
    """

    base: Mixture
    rules: Policy
    learned: Policy | None
    space: ActionSpace
    pinned: Mapping[str, Pinned] = MappingProxyType({})


def policy_of(served: Served, bench: Bench) -> Arms:
    """The logging policy of an experiment's members."""
    components, arm = [], []
    for number, one in enumerate(served.experiment.arm):
        for share, policy in _parts(one, bench):
            components.append((one.share * share, policy))
            arm.append(number)
    return Arms(
        components,
        holdout=bench.base.holdout,
        group_seed=bench.base.group_seed,
        share_seed=bench.base.share_seed,
        arm=tuple(arm),
        arm_of=partial(arm_of, served.name, tuple(served.experiment.shares), served.seed),
        known=served.known,
    )


def arm_of(name: str, shares: tuple[float, ...], seed: int, keys: UInt64) -> Array:
    """The arm of each member by its place among the ``shares``, int[n]."""
    return experiments.arms(keys, name, shares, seed=seed)


def _parts(arm: Arm, bench: Bench) -> list[tuple[float, Policy]]:
    """An arm's policies with their shares; all but peace have the campaign's exploration floor."""
    floor = partial(Floor, exploration=bench.base.exploration)
    if isinstance(arm.policy, tuple):
        order = tuple(bench.space.index(name) for name in arm.policy)
        return [(1.0, Only(floor(Rules((*order, 0))), order))]
    if arm.policy == config.NO_CONTACT:
        return [(1.0, Peace())]
    if arm.policy == config.CURRENT:
        return [(share, floor(policy)) for share, policy in bench.base.components]
    policy = bench.rules if arm.policy == config.RULES else bench.learned
    if policy is not None and arm.snapshot is not None:
        policy = bench.pinned[arm.snapshot]
    if policy is None:
        raise ConfigError(
            f"arm {arm.name!r}: the campaign's [policy] has no share that learns; give it one, or"
            " the arm another policy"
        )
    return [(1.0, floor(policy))]


def supported(experiment: Experiment, name: str, exploration: float) -> bool:
    """Whether any eligible action may be taken in an arm: else weights given the arm say less."""
    arm = next(a for a in experiment.arm if a.name == name)
    every = {config.RULES, config.LEARNED, config.CURRENT, config.SNAPSHOT}
    return exploration > 0.0 and arm.policy in every
