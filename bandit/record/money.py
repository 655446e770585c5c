"""Money, defined once: what decisions were expected to be worth, from what the record says of them.

For a contact (a row with an action that was not withheld), in the campaign's unit:

    gross value     = value · expected reward = expected_value + cost, as the columns are called
    expected value  = gross value - cost - expected value of no contact: the increment
    price           = price_paid: what scarce room was charged; no money changes hands

A row without a contact adds nothing. What a customer brings without any contact is counted once a
customer, on the first row. docs/money.md is the same in words.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bandit.core.types import Array, Bool, Float64
from bandit.results.money import Money

MICRO = 1e6
"""Sums are of whole millionths: the same in any order, so for any size of batch."""

COLUMNS = ("action", "expected_value", "expected_no_contact", "cost", "price_paid")
"""What a `Ledger` asks the record for."""
_PARTS = 4


class Ledger:
    """Sums over decisions by action, of k actions; batches may come in any order."""

    def __init__(self, k: int) -> None:
        self.counts = np.zeros(k, np.int64)
        self.customers = 0
        self._sums = np.zeros((_PARTS, k), object)
        self._base = 0

    def add(
        self,
        made: Array,
        first: Bool,
        expected_value: Float64,
        no_contact: Float64,
        cost: Float64,
        price: Float64,
    ) -> None:
        """Add decisions: ``made`` int[n] the action, 0 where withheld; ``first`` one a customer.

        The others are columns of the record, float64[n]; an unknown no contact (NaN) counts as 0.
        """
        peace = _micro(np.nan_to_num(no_contact))
        self.customers += int(first.sum())
        self._base += int(peace[first].sum())
        on = np.flatnonzero(made)
        action = made[on]
        self.counts += np.bincount(action, minlength=self.counts.shape[0])
        spent = _micro(cost[on])
        columns = (_micro(expected_value[on]) + spent, spent, peace[on], _micro(price[on]))
        part = np.zeros(self._sums.shape, np.int64)
        for sums, column in zip(part, columns, strict=True):
            np.add.at(sums, action, column)
        self._sums += part.astype(object)

    def merge(self, other: Ledger) -> None:
        """Add what was summed elsewhere: the sums are whole numbers."""
        self.counts = self.counts + other.counts
        self.customers += other.customers
        self._sums = self._sums + other._sums
        self._base += other._base

    @property
    def without_contact(self) -> float:
        """What all customers together were expected to bring had nobody been contacted."""
        return self._base / MICRO

    def money(self, which: Bool) -> Money:
        """Of the actions ``which`` bool[k] together."""
        gross, cost, peace, price = (int(sum(row[which])) for row in self._sums)
        count, value = int(self.counts[which].sum()), gross - cost - peace
        return Money(
            count=count,
            gross=gross / MICRO,
            cost=cost / MICRO,
            no_contact=peace / MICRO,
            expected_value=value / MICRO,
            per_contact=value / MICRO / count if count else None,
            per_customer=value / MICRO / max(self.customers, 1),
            prices=price / MICRO,
        )

    def costs(self, names: Sequence[str | None]) -> dict[str, float]:
        """Cost by the name of each action, None for those that are left out."""
        found: dict[str, int] = {}
        for name, cost in zip(names, self._sums[1], strict=True):
            if name is not None:
                found[name] = found.get(name, 0) + int(cost)
        return {name: cost / MICRO for name, cost in found.items()}


def _micro(amount: Float64) -> Array:
    return np.rint(np.asarray(amount, np.float64) * MICRO).astype(np.int64)
