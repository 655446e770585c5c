"""The one reader of decisions: checked, by column, in batches, each row with its identity.

Nobody counts rows: what belongs to a decision is found by its id or its customer. What format 1 did
not store is rebuilt as far as the record allows (`record.format1`), and `notes` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bandit.core.schema import PRICE_EPOCH
from bandit.core.types import Array, Bool, Float32, Float64, Int32, UInt64
from bandit.record import exports, price_epochs
from bandit.record.format1 import Rebuilt, Terms, Today, rebuilt
from bandit.record.looking import looked_into
from bandit.record.person import People, among
from bandit.record.price_epochs import PriceEpochs
from bandit.record.waves import ROWS_PER_GROUP, Wave

_ALWAYS = ("slot", "placement")
_NEW = ("value", "cost", "expected_no_contact", "planned_action", "reason", PRICE_EPOCH.name)
_FROM = ("action", "expected_reward", "expected_value")
"""What format 1's values and costs are rebuilt from."""


class Rows:
    """Some decisions of a wave in stored order; arrays are made when they are asked for.

    ``place`` is where they lie among the wave's decisions as stored now: `Attributed.rewards` lie
    there too. A column that was not asked for is a KeyError.
    """

    def __init__(
        self, decisions: Decisions, batch: pa.RecordBatch, start: int, before: object = None
    ) -> None:
        self.batch = batch
        self.place = slice(start, start + batch.num_rows)
        self._decisions = decisions
        self._before = before

    def __len__(self) -> int:
        return int(self.batch.num_rows)

    def only(self, keep: Bool) -> Rows:
        """The rows where ``keep`` bool[n] holds; their ``place`` is the first one's."""
        kept = Rows(self._decisions, self.batch.filter(pa.array(keep)), self.place.start)
        kept.first = self.first[keep]
        return kept

    def numbers(self, column: str) -> Array:
        """A column of numbers, NaN for null."""
        found = self.batch[column]
        if found.null_count:
            found = pc.fill_null(found.cast(pa.float64()), float("nan"))
        return np.asarray(found.to_numpy(zero_copy_only=False))

    def texts(self, column: str) -> Array:
        """A column of labels, as objects; None for null."""
        return np.asarray(self.batch[column].cast(pa.string()).to_numpy(zero_copy_only=False))

    @property
    def ids(self) -> pa.Array:
        """Decision ids."""
        return self.batch["decision_id"]

    @property
    def customers(self) -> pa.Array:
        """The user's own keys."""
        return self.batch["customer_id"]

    def together(self, keys: UInt64) -> UInt64:
        """Keys uint64[n] of customers as those of whoever lives together, where that is known."""
        whose = self._decisions.whose
        return keys if whose is None else whose(keys)

    @property
    def shared(self) -> bool:
        """Whether several customers may belong together here."""
        return self._decisions.whose is not None

    @cached_property
    def action(self) -> Int32:
        """What was decided, int32[n]."""
        return self.numbers("action")

    @cached_property
    def first(self) -> Bool:
        """The first slot of the wave's first placement: one row a customer, bool[n].

        Live, a customer is decided for where somebody asked: there it is their first row.
        """
        about = self._decisions.wave.manifest
        if not about.live:
            return self.first_of(about.placements[0])
        keys = self.customers.to_numpy(zero_copy_only=False)
        return np.append(keys[:1] != self._before, keys[1:] != keys[:-1])

    def first_of(self, placement: str) -> Bool:
        """The first slot of a placement, bool[n]."""
        placed = pc.equal(self.batch["placement"].cast(pa.string()), placement)
        found: Bool = (self.numbers("slot") == 1) & placed.to_numpy(zero_copy_only=False)
        return found

    @cached_property
    def withheld(self) -> Bool:
        """What never came about: consent was gone by then, or it was never shown; bool[n]."""
        gone = self._decisions.withheld
        if not len(gone):
            return np.zeros(len(self), dtype=np.bool_)
        return np.asarray(among(self.ids, gone).to_numpy(zero_copy_only=False))

    @cached_property
    def eligible(self) -> Bool:
        """The set that the action was taken from, bool[n, k]."""
        packed = self.batch["eligible"]
        width = packed.type.byte_width
        raw = np.frombuffer(packed.buffers()[1] or b"", dtype=np.uint8)
        bits = raw[packed.offset * width : (packed.offset + len(packed)) * width]
        return self._decisions.wave.actions.unpack(bits.reshape(-1, width))

    @cached_property
    def contexts(self) -> Float32:
        """Features as served, float32[n, d]."""
        flat: Float32 = self.batch["features"].flatten().to_numpy()
        return flat.reshape(len(self), self._decisions.wave.manifest.d)

    @cached_property
    def terms(self) -> Terms:
        """Value and cost of each row's action as served, float64[n] each."""
        if "cost" in self.batch.schema.names:
            return Terms(self.numbers("value").astype(np.float64), self.numbers("cost"))
        expected = self.numbers("expected_reward"), self.numbers("expected_value")
        return self._decisions.rebuilt.of(self.action, *expected)

    def net(self, rewards: Float64) -> Float64:
        """Net value · reward − cost, float64[n]; a withheld contact was none and cost nothing."""
        value, cost = self.terms
        peace = self._decisions.no_contact_value
        return np.where(self.withheld, peace * rewards, value * rewards - cost)

    @cached_property
    def paid(self) -> Array:
        """Where what everybody paid stands among the wave's prices, int64[n].

        0, but where prices moved within it: there `PRICE_EPOCH` must have been asked for.
        """
        moved = self._decisions.moved
        if moved is None:
            return np.zeros(len(self), np.int64)
        return moved.place(self.numbers(PRICE_EPOCH.name))

    @cached_property
    def expected(self) -> Float64:
        """Expected net value when it was decided, float64[n]; of no contact where withheld.

        Format 1 does not know what no contact was expected to be worth: 0 there.
        """
        value = self.numbers("expected_value").astype(np.float64)
        if not self.withheld.any():
            return value
        return np.where(self.withheld, np.nan_to_num(self.expected_no_contact), value)

    @cached_property
    def expected_no_contact(self) -> Float64:
        """What no contact was expected to be worth, float64[n]; NaN where unknown."""
        if "expected_no_contact" in self.batch.schema.names:
            return self.numbers("expected_no_contact").astype(np.float64)
        return np.full(len(self), np.nan)


class Decisions:
    """The decisions of one wave.

    ``campaign`` is its folder, where the lists tell what was withheld; ``today`` fills in what a
    wave of format 1 leaves open; ``whose`` says by keys uint64[n] who lives together, if asked.
    """

    def __init__(
        self,
        campaign: Path,
        wave: Wave,
        today: Today | None = None,
        whose: Callable[[UInt64], UInt64] | None = None,
    ) -> None:
        self.wave = wave
        self.whose = whose
        self._campaign = campaign
        self._today = today or Today({}, 1.0)

    @cached_property
    def files(self) -> list[Path]:
        """The wave's files, checked against their digests; DataError names a damaged one."""
        return [self.wave.manifest.verified(p.parent, p.name) for p in self.wave.decisions]

    @cached_property
    def sizes(self) -> list[int]:
        """Decisions in each file."""
        return [pq.read_metadata(path).num_rows for path in self.files]

    @cached_property
    def withheld(self) -> pa.Array:
        """Ids of contacts that were never made."""
        found = exports.withheld_files(self._campaign, self.wave)
        ids = [c for p in found for c in pq.read_table(p)["decision_id"].chunks]
        return pa.concat_arrays(ids).unique() if ids else pa.array([], pa.string())

    @cached_property
    def moved(self) -> PriceEpochs | None:
        """Prices that moved within the wave."""
        return price_epochs.read(self.wave)

    @cached_property
    def rebuilt(self) -> Rebuilt:
        """Values and costs of a wave of format 1."""
        return rebuilt(self.wave, self._read(_FROM), self._today)

    @property
    def no_contact_value(self) -> float:
        """What a unit of reward is worth without a contact."""
        reward = self.wave.manifest.reward
        if self.wave.worths is not None:
            return 1.0
        return self._today.no_contact_value if reward is None else reward.no_contact_value

    @property
    def notes(self) -> list[str]:
        """What was rebuilt, in words."""
        return [] if self.wave.manifest.format > 1 else self.rebuilt.notes

    def rows(self, *columns: str) -> Iterator[Rows]:
        """All decisions batch by batch: ``columns``, and what `Rows` derives its masks from."""
        start, last = 0, None
        for batch in self._read(columns):
            yield Rows(self, batch, start, last)
            start += batch.num_rows
            if self.wave.manifest.live and batch.num_rows:
                last = batch["customer_id"][-1].as_py()

    def of(self, people: People) -> Iterator[Rows]:
        """Whole rows about some customers; other columns are read only where there are some."""
        start = 0
        for path in self.files:
            with pq.ParquetFile(path) as file:
                for group in range(file.num_row_groups):
                    keys = file.read_row_group(group, ["customer_id"])["customer_id"]
                    own = pc.fill_null(people.own(keys.combine_chunks()), False)
                    if pc.any(own).as_py():
                        found = file.read_row_group(group).filter(own).combine_chunks()
                        yield from (Rows(self, b, start) for b in found.to_batches())
                    start += len(keys)

    def glance(self, customer: str) -> Iterator[Rows]:
        """Whole rows about one customer, by the key as it is written, without reading the rest.

        Row groups whose keys end before or begin after are passed over, and files are not held
        against their digests: fit for looking, not for deciding. See docs/adr/0091.
        """
        start = 0
        for path in self.wave.decisions:
            with looked_into(path) as file:
                column = file.schema_arrow.get_field_index("customer_id")
                people = People((customer,))
                whole = pa.types.is_integer(file.schema_arrow.field(column).type)
                key = (*people.numbers, None)[0] if whole else customer
                for group in range(file.num_row_groups):
                    about = file.metadata.row_group(group)
                    if key is not None and may_hold(about, key):
                        keys = file.read_row_group(group, ["customer_id"])["customer_id"]
                        own = people.own(keys.combine_chunks())
                        if pc.any(own).as_py():
                            found = file.read_row_group(group).filter(own).combine_chunks()
                            yield from (Rows(self, b, start) for b in found.to_batches())
                    start += about.num_rows

    def _read(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        wanted = {*columns, *_ALWAYS, *(("decision_id",) if len(self.withheld) else ())}
        if self.wave.manifest.live:
            wanted.add("customer_id")
        if "value" in wanted or "cost" in wanted:
            wanted |= {"value", "cost", *_FROM}
        if len(self.withheld) and "expected_value" in wanted:
            wanted.add("expected_no_contact")
        for path in self.files:
            with pq.ParquetFile(path) as file:
                there = [name for name in file.schema_arrow.names if name in wanted]
                missing = wanted - set(there) - set(_NEW)
                if missing:
                    raise KeyError(min(missing))
                yield from file.iter_batches(ROWS_PER_GROUP, columns=there)


def may_hold(group: pq.RowGroupMetaData, key: Any) -> bool:
    """Whether a key lies between the least and the greatest customer of a group; yes if untold."""
    for position in range(group.num_columns):
        column = group.column(position)
        if column.path_in_schema == "customer_id":
            told = column.statistics
            if told is None or not told.has_min_max or not isinstance(told.min, type(key)):
                return True
            return bool(told.min <= key <= told.max)
    return True
