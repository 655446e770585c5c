"""A logged campaign with all that a candidate may want to know of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from bandit.config.deciding import PolicyShare
from bandit.core.actions import ActionSpace
from bandit.core.errors import DataError
from bandit.core.types import Array, Bool, Float64, Int32
from bandit.features.spec import FeatureSpec
from bandit.ope.log import Log
from bandit.results.judge import Beside
from bandit.sources.catalogue import Catalogue as Goods
from bandit.workflows.judge.slates import Slates

MAX_CELLS = 40_000_000
"""Rows times actions kept in memory: outcome models and probabilities take 8 bytes each."""

DEFAULT_ROWS = 1_000_000
"""Rows that are judged at most, unless simulate.max_rows says otherwise."""


@dataclass(frozen=True, eq=False)
class Catalogue:
    """The k ``actions``; ``values`` and ``costs`` float64[k].

    Net reward is value · reward − cost. ``has_no_contact``: action 0 is no contact;
    ``order``: of the rules, best first; ``prices`` float64[k] are those that the newest wave
    was served at, and ``own_prices`` those of an arm with limits of its own, by the label of the
    share that decides as it does;
    ``served`` are offers and channels as they were served, None where the log does not tell.
    """

    actions: ActionSpace
    values: Float64
    costs: Float64
    order: tuple[int, ...]
    has_no_contact: bool
    prices: Float64
    served: Goods | None = None
    own_prices: Mapping[str, Float64] = field(default_factory=dict)

    def prices_of(self, label: str) -> Float64:
        """What a candidate pays for scarce room: its arm's prices where it was one, float64[k]."""
        return self.own_prices.get(label, self.prices)

    @property
    def k(self) -> int:
        """How many actions there are."""
        return len(self.actions)

    @property
    def names(self) -> tuple[str, ...]:
        """Their names."""
        return self.actions.names

    def find(self, name: str) -> int:
        """The action of that name, or of that offer where only one channel has it."""
        if name in self.actions:
            return self.actions.index(name)
        ends = [a for a, n in enumerate(self.names) if n.split("/")[0] == name]
        if len(ends) == 1:
            return ends[0]
        known = ", ".join(self.names[:12]) + (", …" if self.k > 12 else "")
        what = "is offered on several channels; name one" if ends else "is no action of this log"
        raise DataError(f"{name!r} {what}; it has {known}")


@dataclass(frozen=True, eq=False)
class Waves:
    """Which wave each row is of: ``names`` and ``snapshots`` by wave, ``wave`` int[n].

    ``whole`` float64[n] is the net reward of a row's customer over all slots and lists of its wave,
    ``slates`` what they were given there.
    ``looked`` are the decisions that had been made by the close of each of the campaign's waves so
    far: each wave is one look, whether somebody looked or not, so that asking again is no new one.
    ``holds_out``: somebody was held out. ``shares`` are the rollout shares by wave, None where the
    record does not tell.

    ``apart`` bool[n] are the rows of a holdout, and of experiments' arms whose propensity is given
    an arm that takes some actions only: they teach what happens, but are no part of the population
    that weights speak of; the others' propensities are given that they are not held out.

    ``events`` float64[n, K]: how many of each kind of [reward.events] came, None without it;
    ``shadows``: what decided beside them live.
    """

    names: tuple[str, ...]
    snapshots: tuple[str, ...]
    wave: Int32
    group: Array
    apart: Bool
    whole: Float64
    slates: Slates
    looked: tuple[int, ...] = ()
    shares: tuple[tuple[PolicyShare, ...] | None, ...] = ()
    holds_out: bool = False
    events: Float64 | None = None
    shadows: tuple[Beside, ...] = ()


@dataclass(frozen=True, eq=False)
class Logged:
    """``log.rewards`` are net; ``rewards`` float64[n], as they came, are what is learned."""

    title: str
    log: Log
    rewards: Float64
    catalogue: Catalogue
    spec: FeatureSpec
    unit: str
    customers: Array | None = None
    waves: Waves | None = None
    notes: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """Rows."""
        return self.log.n

    @property
    def holds_out(self) -> bool:
        """Whether customers who were held out show what happens without contact."""
        return self.waves is not None and self.waves.holds_out

    @property
    def weighted(self) -> Array:
        """Rows that candidates are weighed on: all but the holdout's."""
        return np.arange(self.n) if self.waves is None else np.flatnonzero(~self.waves.apart)

    def take(self, rows: Array) -> Logged:
        """Some of the rows, in order."""
        waves = self.waves
        if waves is not None:
            waves = replace(
                waves,
                wave=waves.wave[rows],
                group=waves.group[rows],
                apart=waves.apart[rows],
                whole=waves.whole[rows],
                events=None if waves.events is None else waves.events[rows],
                slates=waves.slates.take(rows),
            )
        return replace(
            self,
            log=self.log.take(rows),
            rewards=self.rewards[rows],
            customers=None if self.customers is None else self.customers[rows],
            waves=waves,
        )


def assemble(
    *,
    title: str,
    catalogue: Catalogue,
    spec: FeatureSpec,
    unit: str,
    contexts: Array,
    actions: Array,
    rewards: Float64,
    propensities: Float64 | None,
    eligible: Array | None,
    customers: pa.Array | None,
    clusters: pa.Array | None,
    times: Array | None,
    positions: Array | None = None,
    row_values: Float64 | None = None,
    row_costs: Float64 | None = None,
    waves: Waves | None = None,
    notes: tuple[str, ...] = (),
) -> Logged:
    """Put a log together in the order of time; whatever is wrong with it is a DataError."""
    n = len(rewards)
    bad = np.flatnonzero(~np.isfinite(rewards))
    if bad.size:
        raise DataError(
            f"reward must be a finite number, row {bad[0]} has {rewards[bad[0]]}; an outcome that"
            " did not happen is 0, drop rows whose outcome is unknown"
        )
    value = catalogue.values[actions] if row_values is None else row_values
    cost = catalogue.costs[actions] if row_costs is None else row_costs
    log = Log.of(
        actions=actions,
        rewards=value * rewards - cost,
        contexts=contexts,
        propensities=propensities,
        eligible=eligible,
        n_actions=catalogue.k,
        clusters=None if clusters is None else numbered(clusters),
        positions=positions,
    )
    whole = Logged(
        title=title,
        log=log,
        rewards=rewards,
        catalogue=catalogue,
        spec=spec,
        unit=unit,
        customers=None if customers is None else _keys(customers),
        waves=waves,
        notes=notes,
    )
    if times is None or n < 2:
        return whole
    order = np.argsort(times, kind="stable")
    ordered = replace(whole, log=replace(log, times=np.zeros(n))).take(order)
    return replace(ordered, log=replace(ordered.log, times=times[order]))


def numbered(labels: pa.Array) -> Array:
    """Labels as whole numbers, the same for equal labels; NULL is nobody else's."""
    codes = labels.dictionary_encode() if not pa.types.is_dictionary(labels.type) else labels
    if isinstance(codes, pa.ChunkedArray):
        codes = codes.unify_dictionaries().combine_chunks()
        codes = codes.chunk(0) if isinstance(codes, pa.ChunkedArray) else codes
    index = codes.indices
    number = np.asarray(index.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int64)
    alone = number < 0
    number[alone] = len(codes.dictionary) + np.arange(int(alone.sum()))
    return number


def most_rows(max_rows: int | None, k: int) -> int:
    """How many rows of k actions are kept in memory: as many as asked for, else what fits."""
    if max_rows is not None:
        return max_rows
    return max(2, min(DEFAULT_ROWS, MAX_CELLS // k))


def _keys(customers: pa.Array | pa.ChunkedArray) -> Array:
    if isinstance(customers, pa.ChunkedArray):
        return np.asarray(customers.to_numpy())
    return np.asarray(customers.to_numpy(zero_copy_only=False))
