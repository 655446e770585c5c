"""What runs today: the first eligible action by priority."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from bandit.core.actions import ActionSpace
from bandit.core.errors import ConfigError, DataError
from bandit.core.types import Int32, Int64
from bandit.kernels.linear import masked_choice as worth
from bandit.kernels.threads import spread
from bandit.policies.choice_request import ChoiceRequest
from bandit.policies.policy import GRAIN, DeterministicPolicy

_INT = np.dtype(np.int32)


@dataclass(frozen=True)
class Rules(DeterministicPolicy):
    """First eligible action in the order of ``priority``; whoever is not named comes after.

    The unnamed follow in the order of their index, so a list without action 0 falls back to no
    contact. Values and costs play no part. With ``actions`` the priority may be of names.
    """

    heeds: ClassVar[bool] = False

    priority: Sequence[int | str]
    actions: ActionSpace | None = None
    _orders: dict[int, Int64] = field(init=False, repr=False, compare=False)
    """Of all k actions, by k: made once, since a single row is decided in less time."""

    def __post_init__(self) -> None:
        """Freeze the order in numbers; refuse doubles."""
        order = tuple(self._number(action) for action in self.priority)
        if len(set(order)) < len(order) or min(order, default=0) < 0:
            raise ConfigError(f"priority must name each action once, by its index: {order}")
        object.__setattr__(self, "priority", order)
        object.__setattr__(self, "_orders", {})

    def _number(self, action: int | str) -> int:
        if not isinstance(action, str):
            return int(action)
        if self.actions is None:
            raise ConfigError(
                f"priority names {action!r}: say which actions there are, "
                "Rules([...], actions=bandit.ActionSpace([...]))"
            )
        return self.actions.index(action)

    def order(self, k: int) -> Int64:
        """Who is not named comes after."""
        known = self._orders.get(k)
        if known is None:
            known = self._orders[k] = self._ordered(k)
        return known

    def _ordered(self, k: int) -> Int64:
        first = [self._number(action) for action in self.priority]
        outside = [action for action in first if action >= k]
        if outside:
            raise DataError(f"priority names action {outside[0]}, there are {k}")
        rest = sorted(set(range(k)) - set(first))
        return np.array([*first, *rest], dtype=np.int64)

    def decide(self, request: ChoiceRequest) -> Int32:
        """Walk down the list."""
        action = np.zeros(request.n, _INT)
        spread(
            worth.first_by_priority_into, request.n, GRAIN, request.eligible, request.packing,
            self.order(request.k), action,
        )  # fmt: skip
        return action
