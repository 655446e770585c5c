"""Why a slot stays without a contact, told by what was expected when it was decided."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bandit.core.reasons import (
    DRAWN,
    EXPLORED,
    HELD_OUT,
    NO_ROOM,
    NOT_WORTH,
    NOTHING,
    PRICED_OUT,
    REASONS,
    STAGES,
)
from bandit.core.types import EXPLORATION, HOLDOUT, NO_CONTACT, Array, Bool, Float64
from bandit.models.moments import Moments
from bandit.policies.choice_request import checked
from bandit.policies.greedy import Greedy
from bandit.workflows.serve.prepare import Prepared
from bandit.workflows.serve.wave import Taken, Wave

_CODE = {name: np.int8(position) for position, name in enumerate(REASONS)}
CONTACT = np.int8(-1)
_FEW, _ROWS = 16, 1024
"""Populations that are asked one by one; of more, so many rows at a time, each at its prices."""


def given(wave: Wave, batch: Prepared, taken: Taken) -> Taken:
    """The slot with its reasons.

    In this order: held out; nothing eligible, by the rule that left nothing; given up by lot;
    exploration's draw; no offer's expected worth is above no contact's; none is once the price of
    scarce room is taken off; else the draw itself.
    """
    group, action = taken.choice.group, taken.choice.action
    found = np.full(action.shape[0], CONTACT)
    quiet = action == NO_CONTACT
    planned = action if taken.planned is None else taken.planned
    found[quiet & (group == EXPLORATION)] = _CODE[EXPLORED]
    weighed = np.flatnonzero(quiet & (group >= 0) & (planned == NO_CONTACT))
    bare = np.flatnonzero(quiet)
    bare = bare[~taken.allowed[bare, 1:].any(axis=1)]
    found[bare] = _nothing_left(batch, taken, bare)
    found[quiet & (planned != NO_CONTACT)] = _CODE[NO_ROOM]
    held = group == HOLDOUT
    held[group >= 0] |= wave.plan.peaceful[group[group >= 0]]
    found[quiet & held] = _CODE[HELD_OUT]
    weighed = weighed[found[weighed] == CONTACT]
    if weighed.size:
        found[weighed] = _weighed(wave, batch, taken, weighed)
    return taken._replace(reason=found)


def _nothing_left(batch: Prepared, taken: Taken, mine: Array) -> Array:
    """The first rule that leaves ``mine`` int64[q] no outbound contact, for a first slot."""
    if not taken.placement.outbound or taken.slot > 1:
        return np.full(mine.shape[0], _CODE[NOTHING])
    stages: Array = np.array([_CODE[name] for name in STAGES])
    found: Array = stages[(batch.left[taken.rows[mine], 1:] == 0).argmax(axis=1)]
    return found


def _weighed(wave: Wave, batch: Prepared, taken: Taken, mine: Array) -> Array:
    """What expectation alone would have chosen for ``mine`` int64[q], at the prices and without."""
    plan = wave.plan
    found = np.full(mine.shape[0], _CODE[DRAWN])
    for by, of in _knowing(wave, taken.choice.group[mine]):
        for some, prices in _priced(plan.prices, batch.population[taken.rows[mine[of]]]):
            here = of[some]
            asked = by, batch, taken
            there = here[~_expected_contact(*asked, mine[here], plan.costs + prices)]
            found[there] = _CODE[NOT_WORTH]
            if prices.any() and there.size:
                priced_out = _expected_contact(*asked, mine[there], plan.costs)
                found[there[priced_out]] = _CODE[PRICED_OUT]
    return found


def _knowing(wave: Wave, group: Array) -> Iterator[tuple[Moments, Array]]:
    """What the rows of ``group`` int16[q] are decided by, and which of them: most by the wave's."""
    pinned = {wave.plan.groups.index(arm): arm for arm in wave.plan.pinned}
    of = np.where(np.isin(group, list(pinned)), group, -1)
    for one in np.unique(of).tolist():
        yield wave.decides(pinned.get(one)), np.flatnonzero(of == one)


def _priced(table: Float64, of: Array) -> Iterator[tuple[Array, Float64]]:
    """Some of the rows ``of`` int[q] populations, and their prices float64[k], or [m, k]."""
    if len(table) == 1:
        yield np.arange(of.shape[0]), table[0]
    elif len(table) <= _FEW:
        for one in np.unique(of):
            yield np.flatnonzero(of == one), table[one]
    else:
        for start in range(0, of.shape[0], _ROWS):
            some = np.arange(start, min(start + _ROWS, of.shape[0]))
            yield some, table[of[some]]


def _expected_contact(
    posterior: Moments, batch: Prepared, taken: Taken, mine: Array, costs: Float64
) -> Bool:
    """Whether some contact's expected worth at these costs float64[k] is above no contact's."""
    rows = taken.rows[mine]
    request = checked(
        posterior,
        batch.contexts[rows],
        eligible=taken.allowed[mine],
        values=batch.values if batch.values.ndim == 1 else batch.values[rows],
        costs=costs,
        validate=not Greedy.validates,
        complete=False,  # they were decided for: some action is eligible
    )
    contact: Bool = Greedy().decide(request) != NO_CONTACT
    return contact
