"""The customers of a wave as a stream of batches in the order of their key."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bandit.config.campaign import Campaign
from bandit.core.days import day_later
from bandit.core.errors import DataError
from bandit.core.problems import Problems
from bandit.core.schema import REJECTS
from bandit.core.types import Bool, Float32, UInt64
from bandit.sources import consents, ragged
from bandit.sources.catalogue import Catalogue
from bandit.sources.columns import customer_type, feature_columns, feature_relation, key_type
from bandit.sources.database import Database
from bandit.sources.ragged import Events
from bandit.sources.wave_query import Expressions, check_columns, expressions, wave_query

__all__ = [
    "CustomerRows",
    "Events",
    "customer_type",
    "feature_columns",
    "feature_relation",
    "lookup",
    "stream",
]

NO_NUMBER = (
    "no 64-bit integer, and the keys of this campaign are; write it as one, or leave the row out"
)

Reject = dict[str, str]
"""One row of schema.REJECTS."""


class CustomerRows(NamedTuple):
    """n customers in the order of their key, rejected ones left out.

    ``ids`` Arrow, as they came; ``keys`` uint64[n]; ``columns`` the feature columns; ``rules``
    bool[n, offers]; ``values`` float32[n, offers], or float32[offers] where none is an
    expression; ``within`` bool[n, populations]: of which the customer is; ``consent``
    bool[n, channels]; ``served`` variables and segments, None where the campaign has none;
    ``units`` uint64[n, households]: the unit of each in the experiments that assign households;
    ``rejects`` rows of schema.REJECTS.
    """

    ids: pa.Array
    keys: UInt64
    columns: pa.RecordBatch
    rules: Bool
    values: Float32
    within: Bool
    consent: Bool
    contacts: Events
    refusals: Events
    served: pa.RecordBatch | None
    units: UInt64
    rejects: list[Reject]


class _Plan(NamedTuple):
    """What does not change from batch to batch."""

    catalogue: Catalogue
    found: Expressions
    features: tuple[str, ...]
    made: tuple[str, ...]
    units: tuple[str, ...]
    key: str


def stream(
    database: Database,
    campaign: Campaign,
    catalogue: Catalogue,
    *,
    at: dt.datetime,
    batch_size: int | None = None,
    record_contacts: Sequence[Path] = (),
    withheld: Sequence[Path] = (),
    refusals: Sequence[Path] = (),
    ordered: bool = True,
) -> Iterator[CustomerRows]:
    """All customers, `batch_size` (default limits.batch_size) source rows a batch.

    Parameters
    ----------
    at
        Time of the wave, with a zone; ages and `today()` count from it.
    record_contacts
        Parquet files of schema.decisions: their outbound contacts count for pressure, those after
        `at` as made now, and refusals that name a decision are looked up there. These, `withheld`
        and `refusals` must have been given to `connect` as extra files.
    withheld
        Parquet files with the decision_id of contacts that were never made.
    refusals
        Parquet files of schema.outcomes; events in pressure.refusal_events count.
    ordered
        By the key; without it they come as they stand in the source, which takes half as long.

    Raises
    ------
    ConfigError
        Every expression and feature column that is wrong, before the first batch.
    DataError
        What cannot be read on the way.
    """
    plan = _plan(database, campaign, catalogue, at)
    query = wave_query(
        database, campaign, catalogue, plan.found,
        at=at, record_contacts=record_contacts, withheld=withheld, refusals=refusals,
        until=day_later(at, campaign.time_zone), one=False,
        ordered=ordered,
    )  # fmt: skip
    size = batch_size or campaign.limits.batch_size
    batches = database.stream(query, rows=size, exact=ordered)
    if ordered:
        return _rows(plan, batches)
    again = _given_again(database, campaign)
    return (_convert(plan, batch, _among(batch.column("id"), again)) for batch in batches)


def lookup(
    database: Database,
    campaign: Campaign,
    catalogue: Catalogue,
    customer: str,
    *,
    at: dt.datetime,
    record_contacts: Sequence[Path] = (),
    withheld: Sequence[Path] = (),
    refusals: Sequence[Path] = (),
    back: bool = True,
    dated: bool = False,
) -> CustomerRows:
    """One customer by the same query, by a key of today or of before they became another.

    A look ``back`` takes no refusal that came after ``at``: most answer the wave itself. Else
    those of the whole day count, as in a wave of that day; one that is looked back at then takes
    ``refusals`` that it knew alone. With ``dated`` contacts and refusals after ``at`` have ages
    below 0, which rules of waves do not read.

    DataError if the key is none or nobody has it.
    """
    if key_type(database, campaign) == "BIGINT" and not _is_integer(customer):
        raise DataError(f"customer {customer!r} is no whole number; the keys of this campaign are")
    if database.known is not None:
        people = database.known.people.person
        key = int(customer) if database.known.key == "BIGINT" else customer
        customer = str(people.get(key, customer))
    plan = _plan(database, campaign, catalogue, at)
    query = wave_query(
        database, campaign, catalogue, plan.found,
        at=at, record_contacts=record_contacts, withheld=withheld, refusals=refusals,
        until=at if back else day_later(at, campaign.time_zone), one=True,
        dated=dated,
    )  # fmt: skip
    for rows in _rows(plan, database.stream(query, (customer,), rows=1000)):
        return rows
    raise DataError(f"no customer has the key {customer!r}; look into the customers' source")


def kept(rows: CustomerRows, keep: Bool) -> CustomerRows:
    """The rows of a batch where `keep` bool[n] holds."""
    mask = pa.array(keep)
    return rows._replace(
        ids=rows.ids.filter(mask),
        keys=rows.keys[keep],
        columns=rows.columns.filter(mask),
        rules=rows.rules[keep],
        values=rows.values[keep] if rows.values.ndim == 2 else rows.values,
        within=rows.within[keep],
        consent=rows.consent[keep],
        contacts=ragged.kept(rows.contacts, keep),
        refusals=ragged.kept(rows.refusals, keep),
        served=None if rows.served is None else rows.served.filter(mask),
        units=rows.units[keep],
    )


def _is_integer(text: str) -> bool:
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdecimal() and -(2**63) <= int(text) < 2**63


def _plan(database: Database, campaign: Campaign, catalogue: Catalogue, at: dt.datetime) -> _Plan:
    faults = Problems()
    found = faults.attempt(lambda: expressions(database, campaign, catalogue.offers, at))
    features = faults.attempt(lambda: feature_columns(database, campaign))
    check_columns(database, campaign, faults)
    faults.attempt(lambda: key_type(database, campaign))
    faults.stop()
    return _Plan(
        catalogue,
        found or Expressions((), (), (), ()),
        tuple(features or ()),
        database.table("customers").made,
        tuple(one.unit for one in campaign.households),
        campaign.customers.key,
    )


def _rows(plan: _Plan, batches: Iterator[pa.RecordBatch]) -> Iterator[CustomerRows]:
    """Convert with one batch of lookahead: a key may stand on both sides of a border."""
    before: Any = None
    held: pa.RecordBatch | None = None
    for batch in batches:
        if held is not None:
            ids = held.column("id")
            yield _convert(plan, held, _repeated(ids, before, batch.column("id")[0]))
            before = held.column("id")[-1]
        held = batch
    if held is not None:
        yield _convert(plan, held, _repeated(held.column("id"), before, None))


def _given_again(database: Database, campaign: Campaign) -> list[int | str]:
    """Keys that several rows have."""
    people = consents.customers(database, campaign)
    found = database.rows(
        f"SELECT id FROM ({people}) WHERE id IS NOT NULL GROUP BY id HAVING count(*) > 1"
    )
    return [key for (key,) in found]


def _among(ids: pa.Array, keys: Sequence[int | str]) -> Bool:
    """Rows that have one of these keys."""
    found = pc.is_in(ids, value_set=pa.array(keys, ids.type))
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=bool)


def _convert(plan: _Plan, batch: pa.RecordBatch, repeated: Bool) -> CustomerRows:
    rules = _rules(plan, batch, plan.found.rule_of)
    within = _rules(plan, batch, plan.found.population_of)
    values, bad_values = _values(plan, batch, rules)
    faulty = _set(batch.column("fault"))
    missing = ~_set(batch.column("id"))
    keep = ~(repeated | faulty | missing | bad_values.any(axis=1))
    rejects = [] if keep.all() else _rejects(plan, batch, keep, missing, repeated, bad_values)
    if rejects:
        batch = batch.filter(pa.array(keep))
        rules, within = rules[keep], within[keep]
        values = values[keep] if values.ndim == 2 else values
    return CustomerRows(
        ids=batch.column("id"),
        keys=batch.column("key").to_numpy(zero_copy_only=False).view(np.uint64),
        # Without any feature the key stands in, so that the rows can be counted.
        columns=_columns(batch, "f", plan.features) if plan.features else batch.select(["id"]),
        rules=rules,
        values=values,
        within=within,
        consent=_consent(plan, batch),
        contacts=ragged.listed(batch.column("contacts")),
        refusals=ragged.listed(batch.column("refusals")),
        served=_columns(batch, "x", plan.made) if plan.made else None,
        units=_units(plan, batch),
        rejects=rejects,
    )


def _columns(batch: pa.RecordBatch, letter: str, names: Sequence[str]) -> pa.RecordBatch:
    arrays = [batch.column(f"{letter}{i}") for i in range(len(names))]
    return pa.RecordBatch.from_arrays(arrays, names=list(names))


def _units(plan: _Plan, batch: pa.RecordBatch) -> UInt64:
    out = np.zeros((batch.num_rows, len(plan.units)), np.uint64)
    for place, name in enumerate(plan.units):
        out[:, place] = batch.column(f"x{plan.made.index(name)}").to_numpy(zero_copy_only=False)
    return out


def _set(column: pa.Array) -> Bool:
    return np.asarray(column.is_valid().to_numpy(zero_copy_only=False), dtype=bool)


def _repeated(ids: pa.Array, before: Any, after: Any) -> Bool:
    """Rows whose key also stands in the row before or after; equal keys are neighbours."""
    n = len(ids)
    same = np.zeros(n + 1, dtype=bool)
    if n > 1:
        equal = pc.fill_null(pc.equal(ids[1:], ids[:-1]), False)
        same[1:n] = equal.to_numpy(zero_copy_only=False)
    same[0] = before is not None and before.is_valid and before.equals(ids[0])
    same[n] = after is not None and after.is_valid and after.equals(ids[n - 1])
    return same[1:] | same[:-1]


def _rules(plan: _Plan, batch: pa.RecordBatch, places: Sequence[int]) -> Bool:
    """Answers to the expressions at ``places``. Unknown is no; where there is none, everybody."""
    out = np.ones((batch.num_rows, len(places)), dtype=bool)
    answers = [
        pc.fill_null(batch.column(f"r{i}"), False).to_numpy(zero_copy_only=False)
        for i in range(len(plan.found.rules))
    ]
    for column, position in enumerate(places):
        if position >= 0:
            out[:, column] = answers[position]
    return out


def _values(plan: _Plan, batch: pa.RecordBatch, rules: Bool) -> tuple[Float32, Bool]:
    """Values, and where an offer that the customer may get has none; others' are set to 0."""
    fixed = np.array(
        [0.0 if isinstance(o.value, str) else o.value for o in plan.catalogue.offers], np.float32
    )
    bad = np.zeros((batch.num_rows, len(fixed) if plan.found.values else 0), dtype=bool)
    if not plan.found.values:
        return fixed, bad
    out = np.repeat(fixed[None, :], batch.num_rows, axis=0)
    for offer, position in enumerate(plan.found.value_of):
        if position >= 0:
            out[:, offer] = pc.fill_null(batch.column(f"v{position}"), np.nan)
            broken = ~np.isfinite(out[:, offer])
            bad[:, offer] = broken & rules[:, offer]
            out[broken, offer] = 0.0
    return out, bad


def _consent(plan: _Plan, batch: pa.RecordBatch) -> Bool:
    """Who agreed to a channel, or need not, and did not refuse it live."""

    def bit(name: str, position: int) -> Bool:
        word = pc.fill_null(batch.column(f"{name}{position // consents.WORD}"), 0)
        found: Bool = (word.to_numpy(zero_copy_only=False) >> (position % consents.WORD)) & 1 == 1
        return found

    out = np.ones((batch.num_rows, len(plan.catalogue.channels)), dtype=bool)
    for position, channel in enumerate(plan.catalogue.channels):
        out[:, position] = not channel.consent or bit("granted", position)
        out[:, position] &= ~bit("refused", position)
    return out


def _rejects(
    plan: _Plan,
    batch: pa.RecordBatch,
    keep: Bool,
    missing: Bool,
    repeated: Bool,
    bad_values: Bool,
) -> list[Reject]:
    found = []
    for row in np.flatnonzero(~keep):
        key = "" if missing[row] else str(batch.column("id")[row])
        said = batch.column("fault")[row]
        column, _, cell = str(said).partition("\x1f") if said.is_valid else (plan.key, "", "")
        if missing[row]:
            cell = cell if column == plan.key else ""
            why = NO_NUMBER if cell else "the key is missing; give each row its own"
            key, fault = cell, (plan.key, cell, why)
        elif repeated[row]:
            fault = (plan.key, key, "the key stands more than once; all its rows are out, keep one")
        elif said.is_valid:
            fault = (column, cell, "the cell is not of the feature's kind; mend or empty it")
        else:
            offer = int(np.argmax(bad_values[row]))
            value = str(batch.column(f"v{plan.found.value_of[offer]}")[row])
            name = plan.catalogue.offers[offer].name
            fault = ("value", value, f"the value of offer {name!r} is no finite number")
        found.append(dict(zip(REJECTS.names, ("customers", key, *fault), strict=True)))
    return found
