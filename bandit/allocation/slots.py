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
    draw, so that no two placements share random numbers. ``silent``: no contact competes with the
    offers; outbound it always does.
    """

    name: str
    outbound: bool
    slots: int
    actions: Bool
    draw: int
    silent: bool = False


def open_for(placement: Placement, mask: Bool) -> Bool:
    """The eligible set of the placement's first slot.

    Outbound, no contact competes with the offers; an inbound channel shows something unless it is
    ``silent``, so there it stands only where nothing else is eligible.
    """
    allowed = mask & placement.actions
    if not (placement.outbound or placement.silent):
        allowed[:, 0] = ~allowed[:, 1:].any(axis=1)
    return allowed


def exclude(
    placement: Placement, allowed: Bool, taken: Array, offer: Array, family: Array, channel: Array
) -> Bool:
    """The set for the next slot, after n customers took ``taken`` int32[n].

    Gone are the offer, its family and, outbound, its channel; ``offer``, ``family``, ``channel``
    are int32[k]. Who took no contact gets nothing more.
    """
    after = np.empty_like(allowed)
    spread(
        exclude_into, len(allowed), GRAIN,
        allowed, taken, offer, family, channel, placement.outbound, after,
    )  # fmt: skip
    if placement.silent:
        after[:, 0] = True
    return after
