"""Decisions as they are answered and as they are written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from bandit.core.types import EXPLORATION, HOLDOUT, Float64
from bandit.kernels.linear.posterior_mean_of import taken_mean_into
from bandit.record.decision_ids import DecisionIds
from bandit.workflows.live.frames import Pick, Placed, Slot
from bandit.workflows.serve.prepare import Prepared
from bandit.workflows.serve.wave import Taken, Wave


class Teller:
    """Tells the decisions of one wave, with the figures that its record will have."""

    def __init__(self, wave: Wave, mean: Float64) -> None:
        self.wave = wave
        self._mean = mean
        self._ids = DecisionIds(wave.run.wave, wave.content)

    def placed(
        self,
        taken: Sequence[Taken],
        ready: Prepared,
        counts: Mapping[str, int],
    ) -> dict[str, Placed]:
        """What one customer was decided for, by placement; ``counts`` were asked for."""
        found: dict[str, Placed] = {}
        for one, pick in zip(taken, self._picks(taken, ready), strict=True):
            name = one.placement.name
            if name not in found:
                eligible = int(one.allowed.sum())
                found[name] = Placed(name, counts[name], [], eligible, self.wave.run.wave)
            found[name].picks.append(pick)
        return found

    def _picks(self, taken: Sequence[Taken], ready: Prepared) -> list[Pick]:
        plan, m = self.wave.plan, len(taken)
        action = np.array([one.choice.action[0] for one in taken], np.int32)
        reward = np.empty(m, np.float32)
        taken_mean_into(0, m, np.repeat(ready.contexts, m, axis=0), self._mean, action, reward)
        value = (ready.values if ready.values.ndim == 1 else ready.values[0])[action]
        worth = (value * reward - plan.costs[action]).astype(np.float32)
        ids = self._ids.of_one(ready.ids, [(one.placement.name, one.slot) for one in taken])
        pairs = [(None, None), *plan.space.pairs]
        return [
            Pick(
                rank=one.slot,
                decision_id=ids[i],
                offer=pairs[action[i]][0],
                channel=pairs[action[i]][1],
                propensity=float(one.choice.propensity[0]),
                score=float(one.choice.score[0]),
                expected_reward=float(reward[i]),
                expected_value=float(worth[i]),
                price=float(np.float32(plan.prices[action[i]])),
                group=_group(plan.groups, int(one.choice.group[0])),
            )
            for i, one in enumerate(taken)
        ]


def cut(placed: Placed, count: int) -> Placed:
    """The first picks of a placement."""
    return msgspec.structs.replace(placed, count=count, picks=placed.picks[:count])


def slot_of(taken: Taken, ready: Prepared) -> Slot:
    """One customer's decision as the stream has it."""
    choice, allowed = taken.choice, taken.allowed[0]
    first = taken.placement.outbound and taken.slot == 1
    return Slot(
        placement=taken.placement.name,
        slot=taken.slot,
        action=int(choice.action[0]),
        propensity=float(choice.propensity[0]),
        score=float(choice.score[0]),
        group=int(choice.group[0]),
        eligible=np.packbits(allowed, bitorder="little").tobytes(),
        capped=first and not allowed[1:].any() and int(ready.left[0, -1]) > 0,
    )


def _group(names: Sequence[str], number: int) -> str:
    return {EXPLORATION: "exploration", HOLDOUT: "holdout"}.get(number) or names[number]
