"""Contacts and refusals of many customers: so many each, one after the other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from bandit.core.types import Bool, Float32


class Events(NamedTuple):
    """Contacts or refusals of n customers, ragged.

    ``offsets`` int64[n + 1]; ``channel``, ``offer`` int16, positions in the catalogue, −1 where
    it has no such name (a refusal of no offer in particular: −1 in both); ``age_days`` float32
    before the wave. Per customer from young to old.
    """

    offsets: npt.NDArray[np.int64]
    channel: npt.NDArray[np.int16]
    offer: npt.NDArray[np.int16]
    age_days: Float32


def listed(column: pa.Array) -> Events:
    """Lists of (channel, offer, age_days), a customer each, from young to old."""
    n = len(column)
    if pa.types.is_null(column.type) or column.null_count == n:
        none = np.zeros(0, dtype=np.int16)
        return Events(np.zeros(n + 1, np.int64), none, none, np.zeros(0, np.float32))
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    offsets = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    items = column.flatten()
    channel, offer, age = (
        items.field(f).to_numpy(zero_copy_only=False) for f in ("channel", "offer", "age_days")
    )
    order = np.lexsort((offer, channel, age, np.repeat(np.arange(n), lengths)))
    return Events(offsets, channel[order], offer[order], age[order])


def kept(events: Events, keep: Bool) -> Events:
    """Those of the customers where ``keep`` bool[n] holds."""
    lengths = np.diff(events.offsets)
    chosen = np.repeat(keep, lengths)
    offsets = np.concatenate([[0], np.cumsum(lengths[keep])]).astype(np.int64)
    return Events(offsets, events.channel[chosen], events.offer[chosen], events.age_days[chosen])
