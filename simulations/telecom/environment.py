"""A year at a generated operator: weekly waves, outcomes two weeks late, drift, new offers."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bandit.core.types import Array, Float64, Int32
from bandit.replay import Customers
from bandit.worlds import operator

DAYS_BETWEEN_WAVES = 7
WINDOW_WAVES = 1
"""A window of 14 days closes after the next wave: what wave t did is known to wave t + 2."""

NEW_OFFERS, NEW_OFFERS_DAY = 4, 126


@dataclass(frozen=True)
class Year:
    """A `bandit.replay.World` of `per_wave` other customers each week; rewards net of costs."""

    seed: int
    drift: float
    per_wave: int

    @cached_property
    def operator(self) -> operator.World:
        return operator.World(
            customers=1_000_000,
            offers=20,
            channels=5,
            seed=self.seed,
            drift=self.drift,
            new_offers=NEW_OFFERS,
            new_offers_day=NEW_OFFERS_DAY,
        )

    @cached_property
    def encoding(self) -> Encoding:
        return Encoding.fit(self.operator.people(np.arange(1, 20_001)).columns)

    def at(self, wave: int) -> dt.datetime:
        return self.operator.origin + dt.timedelta(days=DAYS_BETWEEN_WAVES * wave)

    def customers(self, wave: int) -> Customers:
        ids = np.arange(wave * self.per_wave, (wave + 1) * self.per_wave) + 1
        contexts = self.encoding.contexts(self.operator.people(ids).columns)
        return Customers(
            contexts, self.operator.eligible(ids, self.at(wave)), ids.astype(np.uint64)
        )

    def expected(self, wave: int, customers: Customers) -> Float64:
        ids = customers.keys.astype(np.int64)
        return self.operator.expected_rewards(ids, self.at(wave)) - self.operator.costs

    def outcomes(
        self, wave: int, customers: Customers, actions: Int32, seed: int
    ) -> tuple[Float64, Array]:
        """The operator's own draws, the same for every policy; what came late is lost already."""
        del seed
        earned = self.operator.sample(customers.keys.astype(np.int64), actions, self.at(wave))
        return earned - self.operator.costs[actions], np.zeros(len(actions), dtype=np.int64)

    def rules(self) -> tuple[int, ...]:
        """Actions in the product managers' order, then no contact."""
        order = np.repeat(self.operator.assortment.priority, self.operator.channels)
        return (*(1 + np.argsort(order, kind="stable")).tolist(), 0)


# Every learner meets the same people, so they are computed once.
@lru_cache(maxsize=64)
def _customers(year: Year, wave: int) -> Customers:
    ids = np.arange(wave * year.per_wave, (wave + 1) * year.per_wave) + 1
    contexts = year.encoding.contexts(year.operator.people(ids).columns)
    return Customers(contexts, year.operator.eligible(ids, year.at(wave)), ids.astype(np.uint64))


@lru_cache(maxsize=64)
def _expected(year: Year, wave: int) -> Float64:
    ids = _customers(year, wave).keys.astype(np.int64)
    return year.operator.expected_rewards(ids, year.at(wave)) - year.operator.costs


@dataclass(frozen=True)
class Encoding:
    """Columns as float32: standardised numbers with missing ones at 0, categories as 0 or 1."""

    numbers: dict[str, tuple[float, float]]
    words: dict[str, tuple[str, ...]]

    @classmethod
    def fit(cls, columns: dict[str, pa.Array]) -> Encoding:
        words = {
            name: tuple(sorted(pc.unique(column).to_pylist()))
            for name, column in columns.items()
            if pa.types.is_string(column.type)
        }
        numbers = {}
        for name, column in columns.items():
            if name not in words and name != "customer_id":
                values = _numbers(column)
                numbers[name] = (float(np.nanmean(values)), float(np.nanstd(values)))
        return cls(numbers, words)

    @property
    def width(self) -> int:
        return 1 + len(self.numbers) + sum(len(v) for v in self.words.values())

    def contexts(self, columns: dict[str, pa.Array]) -> Array:
        n = len(columns["customer_id"])
        parts = [np.ones(n)]
        for name, (mean, scale) in self.numbers.items():
            parts.append(np.nan_to_num((_numbers(columns[name]) - mean) / scale))
        for name, known in self.words.items():
            code = pc.index_in(columns[name], pa.array(known)).to_numpy()
            parts += [code == i for i in range(len(known))]
        return np.ascontiguousarray(np.column_stack(parts), dtype=np.float32)


def _numbers(column: pa.Array) -> Float64:
    if pa.types.is_date(column.type):
        column = column.cast(pa.int32())
    elif pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    found: Float64 = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return found
