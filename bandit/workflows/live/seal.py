"""`bandit seal`: segments that nobody writes to any more become waves like any other.

A wave's rows come from the log, in the order of the key; what can be derived from them, reasons and
expectations, is made by the code that makes it for a batch. Learning, reports and erasure need to
know nothing of streams.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from bandit.config import campaign_file
from bandit.config.campaign import Campaign
from bandit.config.household import Household
from bandit.core import files, schema
from bandit.core.days import day_of, midnight
from bandit.core.errors import LockedError
from bandit.core.framed import Frames, mended
from bandit.core.types import SILENT, Array, Progress
from bandit.models.moved import TakenMean
from bandit.record import (
    events,
    exports,
    index,
    lock,
    manifest,
    price_epochs,
    served_variables,
    streams,
)
from bandit.record import waves as record
from bandit.record.exports import Lists
from bandit.record.manifests import Shadowed
from bandit.record.served_variables import ServedVariables
from bandit.record.streams import STREAMS, TURN, Segment
from bandit.record.waves import DecisionWriter
from bandit.results.live import Sealed, SealedWave
from bandit.workflows.learn.deliver import deliver
from bandit.workflows.live import frames, rebuilt, sealed_prices, settle, showing
from bandit.workflows.live.book import head_of, wave_name
from bandit.workflows.live.frames import Answer, Decided, Head, Outcome, Paced, Priced, Slot
from bandit.workflows.live.heads import wave_of
from bandit.workflows.live.paces import Paces
from bandit.workflows.live.rebuilt import Person
from bandit.workflows.live.shadow import Tally
from bandit.workflows.operate import recover
from bandit.workflows.serve import experiments
from bandit.workflows.serve.assemble import Assembler
from bandit.workflows.serve.summary import WaveTally, summarise
from bandit.workflows.serve.wave import Taken, Wave

CUSTOMERS = 8192
"""Customers that are made into rows at a time."""
_PATIENCE_SECONDS = 10.0


class _Content(NamedTuple):
    """A segment's decisions by wave and customer, its outcomes, and what waits to be shown.

    What is a ``fallback`` is withheld from learning and judging, shown or not; ``paces``: how
    prices moved.
    """

    waves: dict[str, dict[int | str, Person]]
    outcomes: list[Outcome]
    waiting: dict[str, list[str]]
    fallback: dict[str, list[str]]
    paces: Paces


def seal(campaign_path: Path, *, progress: Progress = SILENT) -> Sealed:
    """Make waves of all segments that are not one yet, of a running server's too."""
    campaign = campaign_file.load(campaign_path)
    with lock.hold(campaign.folder, "seal"):
        notes = recover.recover(campaign)
        sealed = seal_all(campaign, progress)
        return replace(sealed, notes=[*notes, *sealed.notes])


def seal_all(campaign: Campaign, progress: Progress, *, held: bool = False) -> Sealed:
    """As `seal`; the caller holds the campaign, and the streams too where they are ``held``."""
    waves: list[SealedWave] = []
    outcomes = 0
    notes = _settled(campaign.folder, held=held)
    withheld = events.read(campaign.folder).withheld
    closed = _closed(campaign.folder, notes, held=held)
    for number, segment in enumerate(closed):
        progress.step(f"sealing {segment.wave}")
        content = _read(segment)
        if content.waiting:
            shown = showing.activated(closed[number:])
            content = content._replace(waiting=_without(content.waiting, shown))
        if content.waves:
            waves += _waves(campaign, segment, content, withheld)
        if content.outcomes:
            delivery = deliver(campaign, _events(campaign, content.outcomes))
            outcomes += delivery.events
            notes += delivery.notes
        streams.mark_sealed(segment)
    streams.drop_sealed(campaign.folder, before=_yesterday(campaign))
    if waves:
        index.refresh(campaign.folder)
    return Sealed(waves=waves, outcomes=outcomes, notes=notes)


def _yesterday(campaign: Campaign) -> str:
    """What was asked since then is still answered from its segment."""
    zone = campaign.time_zone
    return (day_of(midnight(zone), zone) - dt.timedelta(days=1)).isoformat()


def _closed(folder: Path, notes: list[str], *, held: bool) -> list[Segment]:
    """Segments to be sealed; a running server begins a new one first. What is cut is noted."""
    if not (folder / STREAMS).is_dir():
        return []
    if held:
        return _of_the_dead(folder, notes)
    if lock.command(folder / STREAMS) is None:
        with suppress(LockedError), streams.held(folder, "seal"):  # one that starts meanwhile
            return _of_the_dead(folder, notes)
    turn = folder / STREAMS / TURN
    turn.touch(mode=files.PRIVATE_FILE)
    until = time.monotonic() + _PATIENCE_SECONDS
    while turn.exists():
        if time.monotonic() > until:
            turn.unlink(missing_ok=True)
            raise LockedError(
                f"{folder / STREAMS} is held by `bandit serve`, which does not answer; stop it and"
                " run the command again"
            )
        time.sleep(0.02)
    every = streams.segments(folder)
    return [s for s in every if not s.sealed and s != every[-1]]


def _of_the_dead(folder: Path, notes: list[str]) -> list[Segment]:
    """Segments to be sealed where nobody decides; where a run died in one, its torn end is cut."""
    every = streams.segments(folder)
    torn = streams.torn_at_most(every)
    for segment in every:
        if segment.path in torn:
            notes += mended([segment.path])
    return [segment for segment in every if not segment.sealed]


def _read(segment: Segment) -> _Content:
    found = _Content({}, [], defaultdict(list), defaultdict(list), Paces())
    for _, content in Frames(segment.path):
        match frames.decoded(content):
            case Head(paced=Paced() as paced):
                found.paces.begun(segment, paced)
            case Priced() as priced:
                found.paces.moved(segment, priced)
            case Decided() as one:
                found.paces.uses(segment.day, one)
                name = wave_name(segment, one.occasion, one.cause)
                people = found.waves.setdefault(name, {})
                person = people.setdefault(one.customer, Person(one, [], [], []))
                person.slots.extend((slot, one.at) for slot in one.slots)
                person.beside.extend(one.shadow or [None] * len(one.slots))
                person.epochs.extend([one.epoch] * len(one.slots))
                if one.fallback:
                    found.fallback[name] += showing.made(one, name)
                if one.waits:
                    found.waiting[name] += showing.made(one, name)
            case Outcome() as outcome:
                found.outcomes.append(outcome)
    return found


def _settled(folder: Path, *, held: bool) -> list[str]:
    """Withhold what a run that died had not put out: nobody looks now whether it still may go."""
    if not events.logs(folder):
        return []
    try:
        with nullcontext() if held else streams.held(folder, "seal"):
            return settle.settle(folder, settle.in_streams(folder), lambda _: False)
    except LockedError:  # who decides live has done so at its start
        return []


def _waves(
    campaign: Campaign, segment: Segment, content: _Content, withheld: Collection[str]
) -> Iterator[SealedWave]:
    """Publish the waves of a segment, but those that a run that died has published."""
    head = head_of(segment)
    before: list[str] = []
    for name, people in content.waves.items():
        if not (campaign.folder / record.WAVES / name).exists():
            gone = [*_held(people, withheld), *content.waiting.get(name, ())]
            gone += content.fallback.get(name, ())
            told = _Told(head, segment, content.paces, list(dict.fromkeys(gone)))
            _publish(campaign, told, name, people, before)
        before.append(name)
        yield SealedWave(name, len(people), sum(len(p.slots) for p in people.values()))


class _Told(NamedTuple):
    """What a segment says of its waves; ``withheld`` are decisions that never came about."""

    head: Head
    segment: Segment
    paces: Paces
    withheld: Sequence[str]


def _publish(
    campaign: Campaign,
    told: _Told,
    name: str,
    people: Mapping[int | str, Person],
    before: Sequence[str],
) -> None:
    head, withheld = told.head, told.withheld
    begun = _as_asked(wave_of(campaign.folder, head, name), people)
    priced = sealed_prices.epochs(begun, head, told.segment, told.paces, people.values())
    wave = begun
    if priced is not None:
        wave = begun._replace(plan=begun.plan._replace(prices=priced.table))
    tally, assembler = WaveTally(wave.plan), Assembler(wave, begun.content)
    shadowed, mean = Tally(), TakenMean(wave.posterior)
    final = campaign.folder / record.WAVES / name
    order = sorted(people)
    with files.aside(final) as partial:
        columns = assembler.schema
        if priced is not None:
            price_epochs.write(partial, priced)
            columns = columns.append(schema.PRICE_EPOCH)
        writer = DecisionWriter(partial, columns)
        try:
            for start in range(0, len(order), CUSTOMERS):
                some = [people[customer] for customer in order[start : start + CUSTOMERS]]
                batch = rebuilt.prepared(wave, head.values, some, priced)
                taken = list(rebuilt.taken(wave, batch, some))
                rows = assembler.of(taken, batch)
                rows = _dated(rows, taken, some)
                if priced is not None:
                    epochs = [zip(p.slots, p.epochs, strict=True) for p in some]
                    column = _by_slot(taken, [[(s, e) for (s, _), e in one] for one in epochs])
                    rows = rows.append_column(schema.PRICE_EPOCH, pa.array(column, pa.int32()))
                writer.write(rows)
                tally.add(taken, batch, rows)
                shadowed.add_sealed(wave, mean, batch, some)
            writer.close()
        finally:
            writer.abandon()
        _write_units(partial, wave, [people[customer] for customer in order])
        held = exports.write_withheld(partial, withheld) if withheld else 0
        summary = summarise(wave, tally, Lists({}, held), rejected=0, parts=[], priced=[], notes=[])
        past = [*head.past, *before]
        content = sealed_prices.content(
            begun, head, told.paces, people.values(), tally, summary, past
        )
        cause = next(iter(people.values())).first.cause
        asked = {} if cause is None else {"trigger": cause.trigger}
        manifest.write(partial, {**content, "live": True, **asked, **_beside(head, shadowed)})
        files.put_in_place((partial, final))


def _write_units(partial: Path, wave: Wave, people: Sequence[Person]) -> None:
    """Keep the unit of each customer in the experiments of households, as it was served."""
    names = experiments.of_homes(wave.run.experiments)
    told = [person.first for person in people if len(person.first.units) == len(names)]
    if not names or not told:
        return
    ids = pa.array([one.customer for one in told], wave.customer_type)
    units = np.array([one.units for one in told], np.uint64)
    columns = [pa.array(units[:, place]) for place in range(len(names))]
    kept = pa.RecordBatch.from_arrays(columns, [Household(name, "").unit for name in names])
    with ServedVariables(partial / served_variables.UNITS) as file:
        file.add(ids, kept)
        file.finish()


def _beside(head: Head, tally: Tally) -> dict[str, Any]:
    """What the manifest says of a shadow; nothing where none decided beside."""
    if head.shadow is None or not tally.decisions:
        return {}
    sums = Shadowed(
        name=head.shadow, slots=tally.decisions, agreed=tally.agreed, lift=tally.lift
    )  # fmt: skip
    return {"shadow": sums.model_dump()}


def _without(waiting: Mapping[str, Sequence[str]], shown: Set[str]) -> dict[str, list[str]]:
    """What of each wave was never shown."""
    return {name: [i for i in ids if i not in shown] for name, ids in waiting.items()}


def _held(people: Mapping[int | str, Person], withheld: Collection[str]) -> list[str]:
    """The contacts that triggers decided and that never went out, by id."""
    answers = [
        msgspec.json.decode(person.first.answer, type=Answer)
        for person in people.values()
        if person.first.cause is not None and person.first.cause.event_id in withheld
    ]
    return [answer.placements[0].picks[0].decision_id for answer in answers]


def _as_asked(wave: Wave, people: Mapping[int | str, Person]) -> Wave:
    """The wave with those of its placements that somebody was decided for."""
    names = {slot.placement for person in people.values() for slot, _ in person.slots}
    places = [p for p in wave.plan.placements if p.name in names]
    return wave._replace(plan=wave.plan._replace(placements=places))


def _dated(
    rows: pa.RecordBatch, taken: Sequence[Taken], people: Sequence[Person]
) -> pa.RecordBatch:
    """The rows with the time of each decision."""
    place = rows.schema.get_field_index("decided_at")
    field = rows.schema.field(place)
    moments = _by_slot(taken, [person.slots for person in people])
    return rows.set_column(place, field, pa.array(moments).cast(field.type))


def _by_slot(taken: Sequence[Taken], told: Sequence[Sequence[tuple[Slot, int]]]) -> Array:
    """What is told of each customer's slots, in the order of the rows, int64[n]."""
    known = [{(slot.placement, slot.slot): one for slot, one in mine} for mine in told]
    found = [[known[row][t.placement.name, t.slot] for row in t.rows] for t in taken]
    order = np.argsort(np.concatenate([t.rows for t in taken]), kind="stable")
    return np.concatenate(found).astype(np.int64)[order]


def _events(campaign: Campaign, outcomes: Sequence[Outcome]) -> pa.Table:
    """The outcomes in the columns that the campaign's [outcomes] names."""
    names = campaign.outcomes
    columns = {
        names.event_id: pa.array([o.event_id for o in outcomes], pa.string()),
        names.decision: pa.array([o.decision for o in outcomes], pa.string()),
        names.customer: pa.array([_text(o.customer) for o in outcomes], pa.string()),
        names.event: pa.array([o.event for o in outcomes], pa.string()),
        names.reward: pa.array([o.reward for o in outcomes], pa.float64()),
        names.occurred_at: pa.array([o.at for o in outcomes], pa.timestamp("us", "UTC")),
    }
    return pa.table(columns)


def _text(customer: int | str | None) -> str | None:
    return None if customer is None else str(customer)
