"""What customers came to over waves, by metric, joined with outcomes as learning joins them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import duckdb
import numpy as np

from bandit.checks.keys import customer_keys
from bandit.config.campaign import Campaign
from bandit.config.experiment import EVENTS
from bandit.config.section import OUTBOUND
from bandit.core.types import Array, Float64, UInt64
from bandit.record import attribution, heard
from bandit.record import outcomes as deliveries
from bandit.record import waves as record
from bandit.record.decisions import Decisions, Rows
from bandit.record.homes import Now, placed
from bandit.record.waves import Wave
from bandit.sources import persons
from bandit.sources.merges import Merged

CONTACTS = "contacts"
BOUGHT = "reward"
"""Not 0 of those to whom something happened that is worth anything."""
_COLUMNS = ("customer_id", "action", "value", "cost")


class Totals:
    """Σ of each of ``values`` over waves, for customers by key ``keys`` uint64[u], rising.

    Those who became others by ``people`` count for who they are now. ``silent``: the waves added of
    which no event came.
    """

    def __init__(self, keys: UInt64, values: Sequence[str], people: Merged) -> None:
        self.keys = keys
        self._now = Now(people)
        self._values = list(values)
        self._sums = {value: np.zeros(len(keys)) for value in self._values}
        self.silent: list[str] = []

    def all(self) -> dict[str, Float64]:
        """Every value's totals as they are now."""
        return {value: self.of(value).copy() for value in self._values}

    def of(self, value: str) -> Float64:
        """A customer's total, float64[u]; of ``responded`` whether any reward came."""
        found = self._sums[value]
        return (found > 0.0).astype(np.float64) if value == "responded" else found

    def add(self, campaign: Campaign, connection: duckdb.DuckDBPyConnection, wave: Wave) -> None:
        """Add all decisions of a wave for these customers, whatever decided them."""
        decisions = Decisions(campaign.folder, wave)
        later = record.after(record.waves(campaign.folder), wave, campaign.window)
        for value, rewards in self._rewards(connection, decisions, later, campaign):
            for rows in decisions.rows(*_COLUMNS):
                worth = _worth(value, rows, rewards)
                at, mine = placed(self.keys, self._now.of(keys_of(rows)))
                self._sums[value] += np.bincount(at, weights=worth[mine], minlength=len(self.keys))

    def _rewards(
        self,
        connection: duckdb.DuckDBPyConnection,
        decisions: Decisions,
        later: Sequence[Wave],
        campaign: Campaign,
    ) -> Iterator[tuple[str, Float64]]:
        """Each value with the rewards that it counts, float64[decisions]; events of a kind as 1."""
        found: dict[str | None, Float64] = {}
        for value in self._values:
            kind = value.removeprefix(EVENTS) if value.startswith(EVENTS) else None
            if kind not in found:
                with counted(connection, kind):
                    joined = attribution.attribute(
                        connection, decisions, later, campaign.window, plain=kind is not None
                    )
                found[kind] = joined.rewards
                if kind is None and not joined.events:
                    self.silent.append(decisions.wave.name)
            yield value, found[kind]


def keys_of(rows: Rows) -> UInt64:
    """The customers' keys, uint64[n]."""
    return customer_keys(rows.customers.to_numpy(zero_copy_only=False))


@contextmanager
def events(campaign: Campaign, people: Merged) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with all events that were delivered, of ``people`` as they are known."""
    with heard.connect(campaign.limits.memory_mb) as connection:
        files = deliveries.batches(campaign.folder)
        heard.load_events(connection, files, persons.families(people))
        connection.execute("CREATE TEMP TABLE delivered AS FROM events")
        yield connection


@contextmanager
def counted(connection: duckdb.DuckDBPyConnection, kind: str | None) -> Iterator[None]:
    """Within, events are those of a kind, each worth 1; all with their rewards for None."""
    if kind is None:
        yield
        return
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE events AS SELECT * REPLACE (1.0::DOUBLE AS reward)"
        " FROM delivered WHERE event = $1",
        [kind],
    )
    yield
    connection.execute("CREATE OR REPLACE TEMP TABLE events AS FROM delivered")


_WORTH: dict[str, Callable[[Rows, Float64], Float64]] = {
    "net": lambda rows, rewards: rows.net(rewards),
    CONTACTS: lambda rows, _: contacts(rows).astype(np.float64),
}


def outbound(rows: Rows) -> Array:
    """Outbound contacts that were decided, bool[n]."""
    return np.asarray((rows.action != 0) & (rows.texts("placement") == OUTBOUND))


def contacts(rows: Rows) -> Array:
    """Of these, those that were made, bool[n]."""
    return np.asarray(outbound(rows) & ~rows.withheld)


def _worth(value: str, rows: Rows, rewards: Float64) -> Float64:
    mine = rewards[rows.place]
    return _WORTH[value](rows, mine) if value in _WORTH else mine
