"""Who was assigned to which arm at an experiment's first wave, with what was known of them then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from bandit.config.campaign import Campaign
from bandit.config.experiment import Experiment
from bandit.core.types import Array, Bool, Float64, UInt64
from bandit.features.spec import FeatureSpec
from bandit.record.decisions import Decisions, Rows
from bandit.record.homes import Homes, Now
from bandit.record.waves import Wave
from bandit.sources.merges import Merged
from bandit.stats.comoments import Comoments
from bandit.workflows.experiment.totals import contacts, keys_of, outbound
from bandit.workflows.judge.groups import groups_of


class Enrolled(NamedTuple):
    """``keys`` uint64[u], rising; ``arm`` int[u] by position; ``covariates`` float64[u] by column.

    ``moments`` are of the features float64[d] of each arm, in ``spec``'s order, of the customer
    with the smallest key where households were assigned; ``least`` and ``most`` float64[arms, d]
    are their smallest and largest values. ``segments`` bool[u] by column and group. ``assigned``
    int64[arms] are the keys that were drawn: several of them may be one person, whom ``crossed`` of
    them left out since their keys had several arms.
    ``units`` uint64[u] are the households, where these were assigned, ``homes`` int64[arms] how
    many were drawn.
    """

    keys: UInt64
    arm: Array
    covariates: dict[str, Float64]
    moments: list[Comoments]
    least: Float64
    most: Float64
    spec: FeatureSpec
    segments: dict[tuple[str, str], Bool]
    assigned: Array
    crossed: int
    units: UInt64 | None
    homes: Array | None


def enrolled(
    campaign: Campaign, wave: Wave, name: str, asked: Experiment, people: Merged
) -> Enrolled:
    """The members of the first wave that had the experiment; held-out customers are none.

    Keys that ``people`` know as one person are one member, with what was known of the first of
    them; had they several arms, the person had several treatments and is compared with nobody.
    """
    spec = FeatureSpec.from_json(wave.manifest.features.spec)
    wanted = list(dict.fromkeys(m.covariate for m in asked.metric if m.covariate is not None))
    columns = {c: spec.names.index(c) for c in wanted if c in spec.names}
    groups = {f"{name}:{arm.name}": number for number, arm in enumerate(asked.arm)}
    keys: list[UInt64] = []
    arms: list[Array] = []
    kept: dict[str, list[Array]] = {c: [] for c in columns}
    cut = [column for column in spec.columns if column.name in asked.segments]
    groups_of_each: dict[tuple[str, str], list[Array]] = {}
    moments = [Comoments.of(np.zeros((0, spec.n_features)))] * len(asked.arm)
    least = np.full((len(asked.arm), spec.n_features), np.inf)
    most = -least
    homes = None if asked.household is None else Homes.in_wave(wave, name)
    for rows in Decisions(campaign.folder, wave).rows("customer_id", "group", "features"):
        arm = arms_of(rows, groups)
        mine = rows.first & (arm >= 0)
        if not mine.any():
            continue
        context = rows.contexts[mine].astype(np.float64)
        keys.append(keys_of(rows)[mine])
        arms.append(arm[mine])
        for name_of_it, place in columns.items():
            kept[name_of_it].append(context[:, place])
        for column in cut:
            for group, member in groups_of(spec, context, column):
                groups_of_each.setdefault((column.name, group), []).append(member)
        speaks = np.ones(len(context), np.bool_) if homes is None else homes.eldest(keys[-1])
        for a, known in enumerate(moments):
            members = context[speaks & (arms[-1] == a)]
            if len(members):
                moments[a] = known.merge(Comoments.of(members))
                least[a] = np.minimum(least[a], members.min(axis=0))
                most[a] = np.maximum(most[a], members.max(axis=0))
    drawn = np.concatenate([np.zeros(0, np.uint64), *keys])
    units = None if homes is None else homes.whose(drawn)
    key = Now(people).of(drawn)
    arm = np.concatenate([np.zeros(0, np.int64), *arms])
    order, crossed = _once(key, arm)
    return Enrolled(
        key[order],
        arm[order],
        {c: np.concatenate(parts)[order] if parts else np.zeros(0) for c, parts in kept.items()},
        moments,
        least,
        most,
        spec,
        {which: np.concatenate(parts)[order] for which, parts in groups_of_each.items()},
        np.bincount(arm, minlength=len(asked.arm)),
        crossed,
        None if units is None else units[order],
        None if units is None else _counted(arm, units, len(asked.arm)),
    )


def _counted(arm: Array, units: UInt64, arms: int) -> Array:
    """How many different ``units`` each arm has, int64[arms]."""
    return np.array([len(np.unique(units[arm == a])) for a in range(arms)], np.int64)


def _once(key: UInt64, arm: Array) -> tuple[Array, int]:
    """Positions of the first row of each key, by key, where all its rows are of one arm.

    And how many rows are of keys whose arms differ.
    """
    order = np.argsort(key, kind="stable")
    if not len(order):
        return order, 0
    starts = np.flatnonzero(np.append(True, key[order][1:] != key[order][:-1]))
    alike = np.minimum.reduceat(arm[order], starts) == np.maximum.reduceat(arm[order], starts)
    sizes = np.diff(np.append(starts, len(order)))
    return order[starts[alike]], int(sizes[~alike].sum())


def arms_of(rows: Rows, groups: Mapping[str, int]) -> Array:
    """The arm of each row by its group, -1 for none, int64[n]."""
    labels = rows.batch["group"].cast(pa.string()).dictionary_encode()
    of = np.array([groups.get(str(g), -1) for g in labels.dictionary.to_pylist()] + [-1], np.int64)
    found: Array = of[labels.indices.fill_null(len(labels.dictionary)).to_numpy()]
    return found


class Contacts(NamedTuple):
    """By arm, int64[arms]: contacts that were ``decided``, and those on a list.

    ``units``: how many households had a contact decided and exported, [2, arms]; None where
    customers were assigned.
    """

    decided: Array
    exported: Array
    units: Array | None


def contacted(campaign: Campaign, waves: Sequence[Wave], name: str, asked: Experiment) -> Contacts:
    """Outbound contacts of the experiment's rows over the waves."""
    groups = {f"{name}:{arm.name}": number for number, arm in enumerate(asked.arm)}
    arms = len(asked.arm)
    counts = np.zeros((2, arms), np.int64)
    reached: list[tuple[list[Array], list[Array]]] = [([], []), ([], [])]
    for wave in waves:
        homes = None if asked.household is None else Homes.in_wave(wave, name)
        columns = ("group", "action", "decision_id", "customer_id")
        for rows in Decisions(campaign.folder, wave).rows(*columns):
            arm = arms_of(rows, groups)
            for stage, made in enumerate((outbound(rows), contacts(rows))):
                mine = (arm >= 0) & made
                counts[stage] += np.bincount(arm[mine], minlength=arms)
                if homes is not None:
                    reached[stage][0].append(arm[mine])
                    reached[stage][1].append(homes.whose(keys_of(rows)[mine]))
    if asked.household is None:
        return Contacts(counts[0], counts[1], None)
    each = [
        _counted(np.concatenate([np.zeros(0, np.int64), *own]),
                 np.concatenate([np.zeros(0, np.uint64), *theirs]), arms)
        for own, theirs in reached
    ]  # fmt: skip
    return Contacts(counts[0], counts[1], np.stack(each))
