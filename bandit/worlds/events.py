"""What happens after a wave: sales and refusals named by decision, the rest by customer."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from bandit.core.schema import outcomes as outcome_schema
from bandit.core.types import Array, Bool, Float64

DAY_US = 86_400_000_000


class Contacts(NamedTuple):
    """The decisions that made a contact, all aligned: `rows` among all decisions of the wave."""

    rows: Array
    customers: Array
    decisions: pa.Array
    slots: Array
    offer: Array
    channel: Array


def of_contacts(
    kind: str,
    day: int,
    at: dt.datetime,
    contacts: Contacts,
    hit: Bool,
    rewards: Float64,
    delay_days: Float64,
) -> pa.Table:
    """The events of one kind where `hit`, each named by its decision."""
    return table(
        kind=kind,
        day=day,
        at=at,
        customers=contacts.customers[hit],
        decisions=contacts.decisions.filter(pa.array(hit)),
        slots=contacts.slots[hit],
        rewards=rewards[hit],
        delay_days=delay_days[hit],
    )


def table(
    *,
    kind: str,
    day: int,
    at: dt.datetime,
    customers: Array,
    decisions: pa.Array | None,
    slots: Array,
    rewards: Float64,
    delay_days: Float64,
) -> pa.Table:
    """Events of one kind; named by `decisions`, or by the customer where these are None."""
    n = len(customers)
    start = np.datetime64(at.astimezone(dt.UTC).replace(tzinfo=None), "us")
    when = start + (delay_days * DAY_US).astype(np.int64).astype("timedelta64[us]")
    names = [
        f"{kind}-{day}-{c}-{s}" for c, s in zip(customers.tolist(), slots.tolist(), strict=True)
    ]
    ids = pa.array(customers, pa.int64())
    return pa.table(
        {
            "event_id": pa.array(names, pa.string()),
            "decision_id": pa.nulls(n, pa.string()) if decisions is None else decisions,
            "customer_id": ids if decisions is None else pa.nulls(n, pa.int64()),
            "event": pa.array([kind] * n, pa.string()),
            "reward": pa.array(np.round(rewards, 2), pa.float64()),
            "occurred_at": pa.array(when).cast(pa.timestamp("us", tz="UTC")),
            "version": pa.nulls(n, pa.float64()),
        },
        schema=outcome_schema(pa.int64()),
    )
