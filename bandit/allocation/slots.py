"""Slots in turn: what a taken action excludes from the slots after it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit.allocation.eligibility import GRAIN
from bandit.core.types import Array, Bool
from bandit.kernels.allocation.slots import exclude_into
from bandit.kernels.threads import spread


class Placement(NamedTuple):
    """Where slots are filled: all outbound channels together, or one inbound channel's list.

    ``actions`` bool[k]: what may be placed here, no contact included; ``draw``: number of its first
    draw, so that no two placements share random numbers.
    """

    name: str
    outbound: bool
    slots: int
    actions: Bool
    draw: int


def open_for(placement: Placement, mask: Bool) -> Bool:
    """The eligible set of the placement's first slot.

    Outbound, no contact competes with the offers; an inbound channel always shows something, so
    there it stands only where nothing else is eligible.
    """
    allowed = mask & placement.actions
    if not placement.outbound:
        allowed[:, 0] = ~allowed[:, 1:].any(axis=1)
    return allowed


def exclude(
    allowed: Bool, taken: Array, offer: Array, family: Array, channel: Array, *, outbound: bool
) -> Bool:
    """The set for the next slot, after n customers took ``taken`` int32[n].

    Gone are the offer, its family and, outbound, its channel; ``offer``, ``family``, ``channel``
    are int32[k]. Who took no contact gets nothing more.
    """
    after = np.empty_like(allowed)
    spread(
        exclude_into, len(allowed), GRAIN, allowed, taken, offer, family, channel, outbound, after
    )
    return after
