"""Room that nobody takes at its price gets cheaper until it is taken."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bandit.allocation.blocks import Block
from bandit.allocation.prices import Prices, find_prices
from bandit.core.types import Float64
from bandit.workflows.serve import pricing
from bandit.workflows.serve.limits import Limits

PEOPLE, ROOM = 4000, 300.0
SPREAD = np.array([0.0, 0.05, 0.05])


class Served:
    """Customers whose policy ``uses`` so much at costs of contacts, which is counted."""

    def __init__(self, worth: Float64, uses: Callable[[Float64], Float64]) -> None:
        self.usage = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        most = np.array([ROOM, 2 * ROOM])
        self._block = Block(np.column_stack([0 * worth[:, 0], worth]).astype(np.float32), None)
        self.limits = Limits(("calls", "letters"), self.usage, most, np.zeros(2))
        self._uses, self.asked = uses, 0

    def blocks(self, _: float) -> list[Block]:
        return [self._block]

    def served(self, costs: Float64, _: Float64, __: float) -> Float64:
        self.asked += 1
        return self._uses(costs[1:])

    def corrected(self, found: Prices | None = None) -> tuple[Prices, Float64]:
        """The corrected prices, and what is used at them."""
        customers: Any = SimpleNamespace(
            shares=[1.0], served=self.served, tell=lambda: False, blocks=self.blocks,
            spread=lambda _: SPREAD,
        )  # fmt: skip
        prices = pricing._corrected(self.limits, customers, found or self.found())
        np.testing.assert_allclose(prices.costs, self.usage @ prices.prices)
        return prices, self._uses(prices.costs[1:])

    def found(self) -> Prices:
        most = self.limits.most
        return find_prices(self.blocks, PEOPLE, self.usage, most, slots=2)


def _worth(low: float, seed: int) -> Float64:
    return np.random.default_rng(seed).uniform(low, 1.0, (PEOPLE, 2))


@pytest.mark.parametrize("paid", [0.9, 0.3, 0.02])
def test_a_policy_that_pays_less_than_values_say_takes_the_room(paid: float) -> None:
    worth = _worth(0.0, 3)
    served = Served(worth, lambda costs: (paid * worth > costs).sum(axis=0) * 1.0)
    used = served.corrected()[1]
    assert (0.75 * served.limits.most < used).all(), used
    assert (used <= served.limits.most).all(), used
    assert served.asked <= pricing.CORRECTIONS + pricing.EASED


def test_room_that_nobody_wants_is_free_in_the_end_and_keeps_nothing_else_dear() -> None:
    worth = _worth(0.5, 4)
    served = Served(worth, lambda costs: np.array([0.0, (0.3 * worth[:, 1] > costs[1]).sum()]))
    prices, used = served.corrected()
    assert prices.prices[0] < 1e-3
    assert 0.75 * served.limits.most[1] < used[1] <= served.limits.most[1]


def test_two_prices_with_the_same_use_are_not_all_prices() -> None:
    """Everybody pays the same, far below what values say: a step between two prices."""
    worth = _worth(0.5, 5)
    few = np.arange(PEOPLE) < 0.8 * ROOM
    served = Served(
        worth,
        lambda costs: (
            np.array([(few * 0.01 > costs[0]).sum(), (worth[:, 1] > costs[1]).sum()]) * 1.0
        ),
    )
    assert served.corrected()[1][0] > 0.75 * ROOM


def test_prices_at_which_room_is_taken_stay() -> None:
    served = Served(_worth(0.5, 4), lambda _: np.array([0.85 * ROOM, 1.7 * ROOM]))
    found = served.found()
    assert served.corrected(found)[0] is found
    assert served.asked == 1


def test_what_no_price_moves_is_left_to_the_lots_after_a_rise() -> None:
    served = Served(_worth(0.5, 4), lambda _: np.array([2.0 * ROOM, 1.7 * ROOM]))
    served.corrected()
    assert served.asked == 2
