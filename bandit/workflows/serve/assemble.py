"""Decisions as the record has them: from arrays to Arrow, one record batch a batch of customers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa

from bandit.core import schema
from bandit.core.reasons import REASONS
from bandit.core.types import EXPLORATION, HOLDOUT, Array, Float32
from bandit.record.decision_ids import DecisionIds
from bandit.workflows.serve.expected import Expected
from bandit.workflows.serve.prepare import Prepared
from bandit.workflows.serve.wave import Taken, Wave

GRAIN = 4096
"""Decisions that a thread takes at a time."""


class Assembler:
    """Turns filled slots into record batches; a row hangs on no other row.

    ``content`` is what the decision ids hang on: the wave's, unless its prices moved.
    """

    def __init__(self, wave: Wave, content: str | None = None) -> None:
        plan, posterior = wave.plan, wave.posterior
        self.schema = schema.decisions(
            wave.customer_type, posterior.n_actions, posterior.n_features
        )
        self._plan, self._run, self._mean = plan, wave.run, Expected(wave)
        self._ids = DecisionIds(wave.run.wave, content or wave.content)
        self._offers = _Names([offer for offer, _ in plan.space.pairs])
        self._channels = _Names([channel for _, channel in plan.space.pairs])
        self._reasons = _Names(REASONS)
        self._placements = pa.array([p.name for p in plan.placements], pa.string())
        groups = [*plan.groups, "exploration", "holdout"]
        self._groups = pa.array(groups, pa.string())
        self._snapshots = _Names([wave.start.version, *map(wave.snapshot_of, groups)])

    def of(self, slots: Sequence[Taken], batch: Prepared) -> pa.RecordBatch:
        """All slots of a batch that was made ready, as `batch` has them."""
        population = batch.population if len(self._plan.prices) > 1 else None
        return self.batch(slots, batch.ids, batch.contexts, batch.values, population=population)

    def batch(
        self,
        slots: Sequence[Taken],
        ids: pa.Array,
        contexts: Float32,
        values: Array,
        rows_of: pa.Array | None = None,
        population: Array | None = None,
    ) -> pa.RecordBatch:
        """All slots of a batch of customers, ordered by customer, placement and slot.

        ``ids`` and ``contexts`` are one a customer; `Taken.rows` says whose each decision is.
        ``rows_of`` takes the customers' place in the decision ids where a log names nobody;
        ``population`` int16 of each says whose prices they paid, None where all paid the same.
        """
        rows = np.concatenate([taken.rows for taken in slots])
        order = None if len(slots) == 1 else np.argsort(rows, kind="stable")

        def joined(parts: Iterable[Array]) -> Array:
            whole = np.concatenate(list(parts))
            return whole if order is None else whole[order]

        rows = rows if order is None else rows[order]
        alone = order is None and rows.shape[0] == len(ids)
        features = contexts if alone else contexts[rows]
        action = joined(t.choice.action for t in slots)
        count = action.shape[0]
        group = joined(t.choice.group for t in slots)
        reward = self._mean.of(features, action, group, GRAIN)
        peace = np.zeros_like(action)
        at_peace = _of_taken(values, rows, peace) * self._mean.of(features, peace, group, GRAIN)
        value, cost = _of_taken(values, rows, action), self._plan.costs[action]
        whose = 0 if population is None else population[rows]
        keys = ids if rows_of is None else rows_of
        which = joined(np.full(t.rows.shape[0], i, np.int32) for i, t in enumerate(slots))
        groups = _group_index(group, len(self._plan.groups))
        eligible = joined(np.packbits(t.allowed, axis=1, bitorder="little") for t in slots)
        columns = {
            "decision_id": self._ids.of(
                keys if alone else keys.take(pa.array(rows)),
                [(t.placement.name, t.slot) for t in slots],
                which,
            ),
            "wave": _label(self._run.wave, count),
            "customer_id": ids if alone else ids.take(pa.array(rows)),
            "slot": joined(np.full(t.rows.shape[0], t.slot, np.int16) for t in slots),
            "placement": pa.DictionaryArray.from_arrays(
                pa.array(joined(self._placement_index(t) for t in slots)), self._placements
            ),
            "action": action,
            "offer": self._offers.of(action - 1),
            "channel": self._channels.of(action - 1),
            "propensity": joined(t.choice.propensity for t in slots),
            "group": pa.DictionaryArray.from_arrays(pa.array(groups), self._groups),
            "expected_reward": reward,
            "value": value.astype(np.float32),
            "cost": cost,
            "expected_value": (value * reward - cost).astype(np.float32),
            "expected_no_contact": at_peace.astype(np.float32),
            "price_paid": self._plan.prices[whose, action].astype(np.float32),
            "eligible_count": np.bitwise_count(eligible).sum(axis=1, dtype=np.int32),
            "eligible": _binary(eligible),
            "planned_action": joined(
                t.choice.action if t.planned is None else t.planned for t in slots
            ),
            "keep_probability": joined(_keep(t) for t in slots),
            "reason": self._reasons.of(joined(_reason(t) for t in slots)),
            "features": pa.FixedSizeListArray.from_arrays(
                pa.array(features.ravel()), features.shape[1]
            ),
            "snapshot": self._snapshots.of(groups + 1),
            "decided_at": pa.repeat(pa.scalar(self._run.at, pa.timestamp("us", "UTC")), count),
        }
        return pa.record_batch(
            [_typed(columns[field.name], field.type) for field in self.schema], schema=self.schema
        )

    def _placement_index(self, taken: Taken) -> Array:
        position = self._plan.placements.index(taken.placement)
        return np.full(taken.rows.shape[0], position, dtype=np.int32)


def _reason(taken: Taken) -> Array:
    none = np.full(taken.rows.shape[0], -1, np.int8)
    return none if taken.reason is None else taken.reason


def _keep(taken: Taken) -> Array:
    return np.ones(taken.rows.shape[0], np.float32) if taken.keep is None else taken.keep


def _label(text: str, count: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), pa.array([text]))


def _typed(column: Array | pa.Array, kind: pa.DataType) -> pa.Array:
    array = column if isinstance(column, pa.Array) else pa.array(column)
    return array if array.type == kind else array.cast(kind)


def _of_taken(values: Array, rows: Array, action: Array) -> Array:
    return values[action] if values.ndim == 1 else values[rows, action]


class _Names:
    """Names by their position as dictionary columns; null for -1.

    Each name stands in the dictionary once: otherwise the bytes would depend on whether Arrow had
    to unify the dictionaries of several batches.
    """

    def __init__(self, names: Sequence[str]) -> None:
        once = list(dict.fromkeys(names))
        self._dictionary = pa.array(once, pa.string())
        self._position = np.array([*(once.index(name) for name in names), -1], dtype=np.int32)

    def of(self, position: Array) -> pa.Array:
        index = pa.array(self._position[position], mask=position < 0)
        return pa.DictionaryArray.from_arrays(index, self._dictionary)


def _group_index(group: Array, components: int) -> Array:
    index = group.astype(np.int32)
    index[group == EXPLORATION] = components
    index[group == HOLDOUT] = components + 1
    return index


def _binary(bits: Array) -> pa.Array:
    """Rows of uint8[n, bytes] as fixed-size binaries, without a copy."""
    return pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(bits.shape[1]), bits.shape[0], [None, pa.py_buffer(bits)]
    )
