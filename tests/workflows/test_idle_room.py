"""Room that nobody takes at its price gets cheaper until it is taken."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bandit.allocation.blocks import Block
from bandit.allocation.prices import find_prices
from bandit.core.types import Float64
from bandit.workflows.serve import pricing
from bandit.workflows.serve.limits import Limits

PEOPLE, ROOM = 4000, 300.0


def _priced(worth: Float64) -> tuple[Limits, Any]:
    """Limits on two of three contacts, and what people who are paid so much would pay for them."""
    usage = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    most = np.array([ROOM, 2 * ROOM])
    block = Block(np.column_stack([0 * worth[:, 0], worth]).astype(np.float32), None)
    found = find_prices(lambda _: [block], len(worth), usage, most, slots=2)
    return Limits(("calls", "letters"), usage, most, np.zeros(2)), found


@pytest.mark.parametrize("paid", [0.9, 0.3, 0.02])
def test_a_policy_that_pays_less_than_values_say_takes_the_room(paid: float) -> None:
    worth = np.random.default_rng(3).uniform(0.0, 1.0, (PEOPLE, 2))
    limits, found = _priced(worth)
    asked = list[Float64]()

    def served(costs: Float64, usage: Float64, _: float) -> Float64:
        asked.append(costs)
        used: Float64 = (paid * worth > costs[1:]).sum(axis=0) @ usage[1:]
        return used

    customers: Any = SimpleNamespace(shares=[1.0], served=served)
    assert served(found.costs, limits.usage, 1.0)[0] < 0.75 * ROOM
    eased = pricing._eased(limits, customers, found)
    used = served(eased.costs, limits.usage, 1.0)
    assert (0.75 * limits.most < used).all(), used
    assert (used <= limits.most).all(), used
    np.testing.assert_array_equal(eased.costs, limits.usage @ eased.prices)
    assert len(asked) <= pricing.EASED + 2


def test_room_that_nobody_wants_is_free_in_the_end_and_keeps_nothing_else_dear() -> None:
    worth = np.random.default_rng(4).uniform(0.5, 1.0, (PEOPLE, 2))
    limits, found = _priced(worth)

    def served(costs: Float64, _: Float64, __: float) -> Float64:
        return np.array([0.0, (0.3 * worth[:, 1] > costs[2]).sum()])

    customers: Any = SimpleNamespace(shares=[1.0], served=served)
    eased = pricing._eased(limits, customers, found)
    assert eased.prices[0] < 1e-3
    assert 0.75 * limits.most[1] < served(eased.costs, limits.usage, 1.0)[1] <= limits.most[1]


def test_prices_at_which_room_is_taken_stay() -> None:
    limits, found = _priced(np.random.default_rng(4).uniform(0.5, 1.0, (PEOPLE, 2)))
    customers: Any = SimpleNamespace(shares=[1.0], served=lambda *_: 0.85 * limits.most)
    assert pricing._eased(limits, customers, found) is found
