"""What live decisions are made from: all customers of a day, encoded once as their wave would be.

Nothing of it changes; a newer one takes its place as a whole. Its arrays lie in a folder that dies
with the process and are mapped, not read.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from bandit.config.campaign import Campaign
from bandit.core import files, spill
from bandit.core.days import day_of
from bandit.core.types import Array, Bool, Float32, Float64, Progress, UInt64
from bandit.features.drift import Drift
from bandit.record import lock, rejects, snapshots
from bandit.record import waves as record
from bandit.record.rejects import Rejects
from bandit.runners.overlap import ahead, behind
from bandit.sources import customers, database, persons, unusable_rows
from bandit.sources.catalogue import load_catalogue
from bandit.sources.customers import CustomerRows, Events
from bandit.sources.merges import Merged
from bandit.workflows.live import pacing
from bandit.workflows.live.pacing import Pacing
from bandit.workflows.serve import (
    experiments,
    limits,
    pinned,
    prepare,
    reading,
    serving_model,
    standing_prices,
    taking_part,
)
from bandit.workflows.serve.contact_history import ContactHistory
from bandit.workflows.serve.limits import Limits
from bandit.workflows.serve.prepare import Prepared
from bandit.workflows.serve.wave import Run, Wave


class Made(NamedTuple):
    """One contact or refusal since the generation was made; positions as in `Events`."""

    channel: int
    offer: int
    age_days: float


class Customers(NamedTuple):
    """n customers, mapped; rows as in `CustomerRows`, ``known`` uint64[n] their keys sorted."""

    known: UInt64
    place: Array
    ids: pa.Array
    keys: UInt64
    contexts: Float32
    rules: Array
    consent: Array
    values: Float32
    within: Array
    units: Array
    contacts: Events
    refusals: Events

    def find(self, key: int, customer: int | str) -> int | None:
        """Where a customer with that key stands; None if nobody does."""
        known = self.known
        at = int(known.searchsorted(np.uint64(key)))
        while at < len(known) and known.item(at) == key:
            position = self.place.item(at)
            # A whole number is its own key.
            if type(customer) is int or self.ids[position].as_py() == customer:
                return int(position)
            at += 1
        return None

    def _ids(self, positions: Array) -> pa.Array:
        """Who stands there: whole numbers are their own 64 bits, which is read in less time."""
        if pa.types.is_integer(self.ids.type):
            return pa.array(self.keys[positions].view(np.int64))
        return self.ids.take(pa.array(positions))

    def rows(
        self,
        positions: Array,
        contacts: Sequence[Sequence[Made]],
        refusals: Sequence[Sequence[Made]],
        closed: Bool,
    ) -> CustomerRows:
        """Customers at ``positions`` int64[m], each with what happened since.

        ``closed`` bool[m, channels] were refused live.
        """
        return CustomerRows(
            ids=self._ids(positions),
            keys=self.keys[positions],
            columns=_NO_COLUMNS,
            rules=self.rules[positions],
            values=self.values if self.values.ndim == 1 else self.values[positions],
            within=self.within[positions],
            consent=self.consent[positions] & ~closed,
            contacts=_with(self.contacts, positions, contacts),
            refusals=_with(self.refusals, positions, refusals),
            served=None,
            units=self.units[positions],
            rejects=[],
        )


_NO_COLUMNS = pa.RecordBatch.from_arrays([], names=[])


def no_events(n: int) -> Events:
    """Of n customers to whom nothing happened."""
    nothing = np.zeros(0, np.int16)
    return Events(np.zeros(n + 1, np.int64), nothing, nothing, np.zeros(0, np.float32))


def _with(events: Events, positions: Array, more: Sequence[Sequence[Made]]) -> Events:
    if not any(more) and not len(events.channel):  # nothing happened to anybody
        return no_events(len(positions))
    first, last = events.offsets[positions], events.offsets[positions + 1]
    if (first == last).all() and not any(more):
        return no_events(len(positions))
    each = [np.arange(a, b) for a, b in zip(first.tolist(), last.tolist(), strict=True)]
    offsets = np.cumsum([0, *(len(e) + len(m) for e, m in zip(each, more, strict=True))])

    def column(name: str, kind: type[np.generic]) -> Array:
        stored = getattr(events, name)
        parts = [
            part
            for e, m in zip(each, more, strict=True)
            for part in (stored[e], np.array([getattr(one, name) for one in m], kind))
        ]
        return np.concatenate(parts)

    return Events(
        offsets,
        column("channel", np.int16),
        column("offer", np.int16),
        column("age_days", np.float32),
    )


class Generation(NamedTuple):
    """``wave`` is the wave of the day as it would be served; ``past``: waves it looked at.

    ``populations`` int64[p] counts the customers of everybody else and of each arm with a part of
    the ``limits``; ``people``: which customers became one. ``rejected`` customers could not be
    encoded: nothing is decided for them. ``pacing``: how prices move, None where they stay.
    """

    wave: Wave
    customers: Customers
    limits: Limits
    populations: Array
    past: frozenset[str]
    people: Merged
    rejected: int
    notes: tuple[str, ...]
    pacing: Pacing | None = None

    @property
    def day(self) -> str:
        """The day that it is for."""
        return day_of(self.wave.run.at, self.wave.run.campaign.time_zone).isoformat()

    def at_prices(self, prices: Float64) -> Generation:
        """The same at ``prices`` float64[p, k] a contact."""
        return self._replace(wave=self.wave.at_prices(prices))


def make(
    stack: ExitStack,
    campaign: Campaign,
    at: dt.datetime,
    seed: int,
    progress: Progress,
    *,
    held: bool = False,
) -> Generation:
    """Encode every customer for the day of ``at``; the arrays are gone when ``stack`` closes.

    ``held``: the caller holds the campaign.
    """
    day = day_of(at, campaign.time_zone).isoformat()
    waves = record.waves(campaign.folder)  # what is published while all is read counts as unknown
    found = taking_part.running(campaign, waves, "", at)
    campaign = taking_part.asked(campaign, found, waves).asking_conditions()
    run = Run(campaign, f"live-{day}", at, seed, experiments=found)
    past = ContactHistory.of(campaign, at, "")
    with ExitStack() as opened:
        progress.step("opening sources")
        data = opened.enter_context(database.connect(campaign, extra_files=past.files, at=at))
        catalogue = load_catalogue(campaign, data)
        start = serving_model.serving_model(campaign, data, None, at)
        start = pinned.beside(campaign, start, found)
        if start.is_new:
            with nullcontext() if held else lock.hold(campaign.folder, "serve"):
                start = _stored(campaign, start)
        wave = Wave.of(run, catalogue, start, customers.customer_type(data, campaign))
        wave = standing_prices.of(campaign, wave)
        unusable_rows.hold_share(campaign, unusable_rows.count(data, campaign))
        bound = reading.bound(campaign, data)
        refused = opened.enter_context(Rejects(spill.new(opened) / rejects.NAME, bound))
        drift = Drift(start.spec)
        progress.step("reading customers", total=bound.total)
        folder = spill.new(stack)
        stream = customers.stream(
            data, campaign, catalogue, at=at,
            record_contacts=past.contacts, withheld=past.withheld, refusals=past.refusals,
            ordered=False,  # their keys are sorted here
        )  # fmt: skip
        columns = _Columns(folder)
        populations = np.zeros(1 + len(wave.plan.apart), np.int64)
        with behind(columns.add) as keep:
            for rows in ahead(stream):
                kept, contexts, faults = prepare.encoded(wave, rows)
                members = experiments.members(found, kept.keys, kept.units, kept.within)
                of = experiments.populations(found, *members)
                populations += np.bincount(of, minlength=len(populations))
                if rows.rejects or faults:
                    refused.add(rows.rejects + faults)
                drift.add(rows.columns, contexts)
                keep(kept, contexts)
                progress.advance(len(kept.ids))
        known, limited = columns.mapped(wave), limits.of(campaign, catalogue, wave.plan)
        some = partial(_some, wave, known)
        return Generation(
            wave=wave,
            customers=known,
            limits=limited,
            populations=populations,
            past=frozenset(w.name for w in waves),
            people=persons.NOBODY if data.known is None else data.known.people,
            rejected=refused.finish(),
            notes=(*start.notes, *drift.told()),
            pacing=pacing.of(campaign, wave, limited, some, waves),
        )


def _some(wave: Wave, known: Customers) -> Prepared:
    """Customers from all over, as nobody had contacted them."""
    n = min(pacing.CUSTOMERS, len(known.keys))
    positions = np.linspace(0, max(len(known.keys) - 1, 0), n).astype(np.int64)
    nothing: list[Sequence[Made]] = [()] * n
    closed = np.zeros((n, known.consent.shape[1]), np.bool_)
    rows = known.rows(positions, nothing, nothing, closed)
    return prepare.ready(wave, rows, known.contexts[positions])


def _stored(campaign: Campaign, start: serving_model.ServingModel) -> serving_model.ServingModel:
    """The start as a stored version: a prior is published, so that the stream can name it."""
    final = campaign.folder / snapshots.SNAPSHOTS / start.version
    with files.aside(final) as partial:
        serving_model.save(start, partial, campaign)
        files.put_in_place((partial, final))
    snapshots.settle(campaign.folder)
    return start._replace(is_new=False)


class _Columns:
    """The customers' columns as files that grow batch by batch."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kinds: dict[str, tuple[np.dtype, tuple[int, ...]]] = {}
        self._ids: list[pa.Array] = []
        self._fixed: Float32 | None = None
        self._counts = {"contacts": [np.zeros(1, np.int64)], "refusals": [np.zeros(1, np.int64)]}

    def add(self, rows: CustomerRows, contexts: Float32) -> None:
        self._ids.append(pa.concat_arrays([rows.ids]))  # a copy: a column holds its whole batch
        columns: dict[str, Array] = {
            "keys": rows.keys,
            "contexts": contexts,
            "rules": rows.rules,
            "within": rows.within,
            "consent": rows.consent,
            "units": rows.units,
        }
        if rows.values.ndim == 2:
            columns["values"] = rows.values
        else:
            self._fixed = rows.values
        for name, events in (("contacts", rows.contacts), ("refusals", rows.refusals)):
            self._counts[name].append(events.offsets[1:] + self._counts[name][-1][-1])
            columns |= {f"{name}_{f}": getattr(events, f) for f in Events._fields[1:]}
        for name, column in columns.items():
            self._grow(name, column)

    def _grow(self, name: str, column: Array) -> None:
        self._kinds[name] = column.dtype, column.shape[1:]
        with (self._folder / name).open("ab") as file:
            np.ascontiguousarray(column).tofile(file)

    def _mapped(self, name: str) -> Array:
        kind, shape = self._kinds[name]
        path = self._folder / name
        if path.stat().st_size == 0:  # of no customer, or of nothing for each of them
            return np.zeros((sum(map(len, self._ids)) if 0 in shape else 0, *shape), kind)
        mapped = np.memmap(path, kind, "r")
        return np.asarray(mapped).reshape(-1, *shape)

    def mapped(self, wave: Wave) -> Customers:
        """All of them, once every batch was added."""
        keys = self._mapped("keys") if self._kinds else np.zeros(0, np.uint64)
        place = np.argsort(keys, kind="stable")
        ids = pa.concat_arrays(self._ids) if self._ids else pa.array([], wave.customer_type)

        def events(name: str) -> Events:
            offsets = np.concatenate(self._counts[name])
            return Events(offsets, *(self._mapped(f"{name}_{f}") for f in Events._fields[1:]))

        return Customers(
            known=keys[place],
            place=place,
            ids=ids,
            keys=keys,
            contexts=self._mapped("contexts"),
            rules=self._mapped("rules"),
            within=self._mapped("within"),
            consent=self._mapped("consent"),
            units=self._mapped("units"),
            values=self._mapped("values") if self._fixed is None else self._fixed,
            contacts=events("contacts"),
            refusals=events("refusals"),
        )
