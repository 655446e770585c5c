"""Decisions as they are answered and as they are written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import pyarrow as pa

from bandit.core.types import EXPLORATION, HOLDOUT, Float64
from bandit.record.decision_ids import DecisionIds
from bandit.workflows.live.frames import Pick, Placed, Slot
from bandit.workflows.serve.expected import Expected
from bandit.workflows.serve.prepare import Prepared
from bandit.workflows.serve.wave import Taken, Wave


class Teller:
    """Tells the decisions of one wave, with the figures that its record will have."""

    def __init__(self, wave: Wave, mean: Expected) -> None:
        self.wave = wave
        self._mean = mean
        self._ids = DecisionIds(wave.run.wave, wave.content)
        self._pairs = [(None, None), *wave.plan.space.pairs]
        self._groups = {g: group_name(wave.plan.groups, g) for g in _numbers(wave.plan.groups)}
        self._prices = _told(wave.plan.prices)

    def at_prices(self, prices: Float64) -> None:
        """From now on tell what is decided at ``prices`` float64[p, k]; ids stay what they are."""
        self.wave = self.wave.at_prices(prices)
        self._prices = _told(prices)

    def placed(
        self, taken: Sequence[Taken], ready: Prepared, counts: Mapping[str, int]
    ) -> list[dict[str, Placed]]:
        """What each customer was decided for, by placement; ``counts`` were asked for."""
        found: list[dict[str, Placed]] = [{} for _ in range(len(ready.keys))]
        for one in taken:
            name, eligible = one.placement.name, one.allowed.sum(axis=1).tolist()
            rows, picks = one.rows.tolist(), self._picks(one, ready)
            for row, pick, among in zip(rows, picks, eligible, strict=True):
                placed = found[row].get(name)
                if placed is None:
                    wave = self.wave.run.wave
                    placed = found[row][name] = Placed(name, counts[name], [], among, wave)
                placed.picks.append(pick)
        return found

    def _picks(self, taken: Taken, ready: Prepared) -> list[Pick]:
        plan, choice, rows = self.wave.plan, taken.choice, taken.rows
        action, m = choice.action, len(rows)
        reward = self._mean.of(ready.contexts[rows], action, choice.group, m)
        each = ready.values.ndim == 2
        value = ready.values[rows, action] if each else ready.values[action]
        worth = (value * reward - plan.costs[action]).astype(np.float32)
        who = ready.ids if m == len(ready.ids) else ready.ids.take(pa.array(rows))
        scopes = [(taken.placement.name, taken.slot)]
        ids = self._ids.of_few(who, scopes, np.zeros(m, np.int32))
        columns = zip(
            ids, action.tolist(), choice.propensity.tolist(), choice.score.tolist(),
            reward.tolist(), worth.tolist(), choice.group.tolist(),
            ready.population[rows].tolist(), strict=True,
        )  # fmt: skip
        return [
            Pick(
                rank=taken.slot,
                decision_id=decision_id,
                offer=self._pairs[a][0],
                channel=self._pairs[a][1],
                propensity=propensity,
                score=score,
                expected_reward=expected,
                expected_value=worthy,
                price=self._prices[population][a],
                group=self._groups[group],
            )
            for decision_id, a, propensity, score, expected, worthy, group, population in columns
        ]


def _told(prices: Float64) -> list[list[float]]:
    """Prices as the record rounds them."""
    told: list[list[float]] = prices.astype(np.float32).astype(np.float64).tolist()
    return told


def cut(placed: Placed, count: int) -> Placed:
    """The first picks of a placement."""
    return msgspec.structs.replace(placed, count=count, picks=placed.picks[:count])


def slots_of(taken: Sequence[Taken], ready: Prepared) -> list[list[Slot]]:
    """Each customer's decisions as the stream has them."""
    found: list[list[Slot]] = [[] for _ in range(len(ready.keys))]
    for one in taken:
        choice, allowed = one.choice, one.allowed
        capped = np.zeros(len(allowed), np.bool_)
        if one.placement.outbound and one.slot == 1:
            capped = ~allowed[:, 1:].any(axis=1) & (ready.left[one.rows, -1] > 0)
        columns = zip(
            one.rows.tolist(), choice.action.tolist(), choice.propensity.tolist(),
            choice.score.tolist(), choice.group.tolist(),
            np.packbits(allowed, axis=1, bitorder="little"), capped.tolist(), strict=True,
        )  # fmt: skip
        for row, action, propensity, score, group, eligible, full in columns:
            found[row].append(
                Slot(
                    placement=one.placement.name,
                    slot=one.slot,
                    action=action,
                    propensity=propensity,
                    score=score,
                    group=group,
                    eligible=eligible.tobytes(),
                    capped=full,
                )
            )
    return found


def _numbers(names: Sequence[str]) -> list[int]:
    """What choices call these groups."""
    return [EXPLORATION, HOLDOUT, *range(len(names))]


def group_name(names: Sequence[str], number: int) -> str:
    """A group as the record calls it."""
    return {EXPLORATION: "exploration", HOLDOUT: "holdout"}.get(number) or names[number]
