"""Several customers decided for at once, each exactly as if those before them had been first.

What a decision hangs on beside the customer is the room that caps leave. So all are drawn for with
the room that there is now, and whoever comes after a contact that closed something is drawn for
again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bandit.core.types import Bool, Float64
from bandit.workflows.live.room import Room
from bandit.workflows.serve.decide import fill
from bandit.workflows.serve.prepare import Prepared
from bandit.workflows.serve.wave import Taken, Wave


class Filled(NamedTuple):
    """Slots of a batch, of which the first ``len(used)`` customers stand; what each used of limits.

    ``joint`` float64[n, p] as in `Choice`, after each one's last slot.
    """

    taken: list[Taken]
    joint: Float64
    used: Sequence[Counter[str]]


def fill_in_turn(wave: Wave, batch: Prepared, joint: Float64 | None, room: Room) -> Filled:
    """Fill the slots of the first customers of a batch, of one at least, and take their room.

    ``joint`` as in `fill`.
    """
    left = room.left()
    taken = list(fill(wave, batch, joint=joint, room=lambda: left))
    used = _used(taken, len(batch.keys), left, room)
    if not used:  # their own first contact closed something for their next slot
        first = None if joint is None else joint[:1]
        taken, used = _alone(wave, batch.rows(0, 1), first, room)
    after = np.zeros((len(batch.keys), taken[0].choice.joint.shape[1]))
    for one in taken:
        after[one.rows] = one.choice.joint
    return Filled(taken, after, used)


def _used(taken: Sequence[Taken], n: int, left: Bool, room: Room) -> list[Counter[str]]:
    """What each customer uses, in turn, as long as ``left`` is what they had to find."""
    actions: list[list[int]] = [[] for _ in range(n)]
    for one in taken:
        if one.placement.outbound:
            for row, action in zip(one.rows.tolist(), one.choice.action.tolist(), strict=True):
                actions[row].append(action)
    found: list[Counter[str]] = []
    for mine in actions:
        before, used = room.mark(), Counter[str]()
        for action in mine:
            if not room.leaves(left):
                room.back_to(before)
                return found
            used.update(room.use(action))
        found.append(used)
    return found


def _alone(
    wave: Wave, one: Prepared, joint: Float64 | None, room: Room
) -> tuple[list[Taken], list[Counter[str]]]:
    """One customer, slot by slot."""
    taken, used = [], Counter[str]()
    for slot in fill(wave, one, joint=joint, room=room.left):
        taken.append(slot)
        if slot.placement.outbound:
            used.update(room.use(int(slot.choice.action[0])))
    return taken, [used]
