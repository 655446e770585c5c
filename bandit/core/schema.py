"""Every column that the program writes, with type and meaning; the only place that names them.

Column metadata carry the meaning into the files themselves.
"""

from __future__ import annotations

import pyarrow as pa

WAVES = "waves"
"""The folder of the published waves in a campaign's."""
MOST_REWARD = 1e12
"""Sums over all customers stay finite, squared too; more is a slip that nothing could undo."""


def _field(name: str, kind: pa.DataType, meaning: str, *, nullable: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable=nullable, metadata={"meaning": meaning})


LABEL = pa.dictionary(pa.int32(), pa.string())
"""A text that repeats: stored once a file."""


def decisions(customer_type: pa.DataType, n_actions: int, n_features: int) -> pa.Schema:
    """One row a slot: what was decided for a customer, and with which probability."""
    return pa.schema([
        _field("decision_id", pa.string(), "wave and 20 letters that digest wave, customer, placement and slot; no spreadsheet takes it for a number"),
        _field("wave", LABEL, "name of the wave"),
        _field("customer_id", customer_type, "the user's own key; null for a row of a log that names nobody", nullable=True),
        _field("slot", pa.int16(), "contacts of a customer in this wave count from 1; ranks of an inbound list too"),
        _field("placement", LABEL, "'outbound', or the inbound channel whose list this rank is in"),
        _field("action", pa.int32(), "position in the manifest's actions; 0 is no contact"),
        _field("offer", LABEL, "offer, null for no contact", nullable=True),
        _field("channel", LABEL, "channel, null for no contact", nullable=True),
        _field("propensity", pa.float64(), "probability of this action under the complete logging policy, given the slots before"),
        _field("group", LABEL, "'holdout', 'exploration' or the policy's name"),
        _field("expected_reward", pa.float32(), "posterior mean of the reward of the taken action"),
        _field("value", pa.float32(), "what one unit of reward of the taken action is worth, in the campaign's unit"),
        _field("cost", pa.float64(), "offer and channel cost of the taken action, in the campaign's unit"),
        _field("expected_value", pa.float32(), "value times expected reward, less cost"),
        _field("expected_no_contact", pa.float32(), "the same of no contact, for this customer; null where unknown", nullable=True),
        _field("price_paid", pa.float32(), "sum of the prices of the resources that the action uses, in reward units"),
        _field("eligible_count", pa.int32(), "actions that could be taken in this slot, no contact included"),
        _field("eligible", pa.binary((n_actions + 7) // 8), "their set, one bit an action of the manifest, little bit order"),
        _field("planned_action", pa.int32(), "what was drawn before a hard cap's lots; the taken action unless it was given up"),
        _field("keep_probability", pa.float32(), "probability that the lots leave the planned action; 1 where none are drawn"),
        _field("reason", LABEL, "why no contact was made, of those in core/reasons; null for a contact, and where it is unknown", nullable=True),
        _field("features", pa.list_(pa.float32(), n_features), "the context as served, in the order of the snapshot's feature spec"),
        _field("snapshot", LABEL, "version of the posterior that decided"),
        _field("decided_at", pa.timestamp("us", tz="UTC"), "time of the wave"),
    ])  # fmt: skip


PRICE_EPOCH = _field(
    "price_epoch",
    pa.int32(),
    "how often prices had moved that day: rows of the wave's prices.parquet; in waves of live decisions under limits alone",
)


def outcomes(customer_type: pa.DataType) -> pa.Schema:
    """Events as they came: a decision, or a customer and a time."""
    return pa.schema([
        _field("event_id", pa.string(), "the sender's id; a repeated one is taken once"),
        _field("decision_id", pa.string(), "the decision it belongs to, if the sender knows it", nullable=True),
        _field("customer_id", customer_type, "else the customer", nullable=True),
        _field("event", pa.string(), "what happened"),
        _field("reward", pa.float64(), "what it was worth, in the campaign's unit"),
        _field("occurred_at", pa.timestamp("us", tz="UTC"), "when"),
        _field("version", pa.float64(), "of several deliveries of an event the one with the highest counts; microseconds since 1970 where the sender gave a time", nullable=True),
    ])  # fmt: skip


REJECTS = pa.schema([
    _field("table", pa.string(), "which input"),
    _field("key", pa.string(), "the row's key, or its number"),
    _field("column", pa.string(), "which column"),
    _field("value", pa.string(), "what stood there"),
    _field("reason", pa.string(), "why the row was refused"),
])  # fmt: skip
"""Rows that were refused; the wave goes on without them up to `limits.reject_share`."""
