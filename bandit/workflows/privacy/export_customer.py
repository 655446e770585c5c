"""`bandit export-customer`: everything that the record holds of one person, with the reasons."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bandit.config import campaign_file
from bandit.config.campaign import Campaign
from bandit.core import files
from bandit.core.days import Window
from bandit.core.types import SILENT, Progress
from bandit.features.spec import FeatureSpec
from bandit.record import (
    erase,
    events,
    exports,
    forgotten,
    lists,
    manifest,
    outbox,
    outcomes,
    person_money,
    rejects,
    served_variables,
    streams,
    why,
)
from bandit.record import waves as record
from bandit.record.decisions import Decisions
from bandit.record.looking import looked_into
from bandit.record.person import People, among
from bandit.record.person_money import Lived
from bandit.record.steady import steady
from bandit.record.waves import Wave
from bandit.results.plain import fields_of
from bandit.results.privacy import CustomerExport, Row
from bandit.sources import persons, refusals
from bandit.sources.refusals import Refusal

Told = TypeVar("Told")

TOGETHER = 4_096
"""Rows of logs and boxes that are looked at together."""


@steady
def export_customer(
    campaign_path: Path, *, customer: str, out: Path | None = None, progress: Progress = SILENT
) -> CustomerExport:
    """Gather decisions, outcomes, rejects and list rows; with ``out`` also write them as JSON."""
    campaign = campaign_file.load(campaign_path)
    progress.step("looking into the record")
    ids = persons.ids(campaign, [customer])
    found = gather(campaign, erase.people(campaign.folder, ids.keys, ids.elsewhere))
    gone = forgotten.before(forgotten.when(campaign.folder, ids.keys))
    found = replace(found, notes=[*gone, *found.notes, *forgotten.unread(campaign.folder)])
    if out is not None:
        text = json.dumps(fields_of(found), indent=1, ensure_ascii=False)
        files.write_bytes(out, text.encode() + b"\n")
    return found


def gather(campaign: Campaign, people: People) -> CustomerExport:
    """Every row of the record about ``people``."""
    waves = record.waves(campaign.folder)
    lived = [d for wave in waves for d in _decisions(campaign, wave, people)]
    decisions = [dict(d.row) for d in lived]
    ids = [d["decision_id"] for d in decisions]
    batches = [(p, manifest.read(p)) for p in manifest.published(_outcomes(campaign))]
    return CustomerExport(
        customer=", ".join(people.keys),
        decisions=decisions,
        outcomes=[
            _worth(event, lived, campaign.window)
            for folder, content in batches
            for event in _events(folder, content, people, ids)
        ],
        rejects=[
            r
            for folder, content in [*((w.folder, w.content) for w in waves), *batches]
            for r in _rejects(folder, content, people)
        ],
        lists=[
            *(row for wave in waves for row in _listed(campaign, wave, people, set(ids))),
            *_sent(campaign, people),
        ],
        refusals=[r._asdict() for r in refusals.read(campaign.folder) if _theirs(r, people)],
        events=list(_heard(campaign, people)),
        variables=[row for wave in waves for row in _variables(wave, people)],
        notes=[*_notes(ids), *_waiting(campaign)],
    )


def _theirs(refusal: Refusal, people: People) -> bool:
    found: bool = people.own(pa.array([str(refusal.customer)]))[0].as_py()
    return found


def _sent(campaign: Campaign, people: People) -> Iterator[Row]:
    """Lines of the outbox."""
    for path in outbox.boxes(campaign.folder):
        rows = (row for row, _ in outbox.rows(path))
        for row in _about(people, rows, lambda row: (row.get("customer"), row.get("event_id"))):
            yield {"list": str(path.relative_to(campaign.folder)), **row}


def _heard(campaign: Campaign, people: People) -> Iterator[Row]:
    """What triggers heeded, the last word on each event."""
    found: dict[str, Row] = {}
    for path in events.logs(campaign.folder):
        told = (said for said in events.said_in(path) if not isinstance(said, int))
        for said in _about(people, told, lambda said: (said.event.customer, said.event.event_id)):
            found[said.event.event_id] = {**said.event._asdict(), **said._asdict()}
    for row in found.values():
        yield {name: value for name, value in row.items() if not isinstance(value, tuple)}


def _about(
    people: People, rows: Iterator[Told], said: Callable[[Told], tuple[object, object]]
) -> Iterator[Told]:
    """Rows that are of theirs or name them: ``said`` gives a row's customer and event.

    Many are looked at together, for to look at one takes as long as at thousands.
    """
    while some := list(islice(rows, TOGETHER)):
        customers, named = zip(*map(said, some), strict=True)
        own = people.own(pa.array(list(map(str, customers)))).to_pylist()
        mentioned = people.mentioned(pa.array(list(map(str, named)))).to_pylist()
        yield from (row for row, *theirs in zip(some, own, mentioned, strict=True) if any(theirs))


def _waiting(campaign: Campaign) -> Iterator[str]:
    """What stands in streams is asked for through its waves."""
    if streams.waiting(campaign.folder):
        yield (
            "live decisions that are no wave yet are not among these: run `bandit seal`, and then"
            " this again"
        )


def _outcomes(campaign: Campaign) -> Path:
    return campaign.folder / outcomes.OUTCOMES


def _notes(ids: Sequence[str]) -> list[str]:
    if not ids:
        return ["the record holds no decision about them"]
    return [
        "the posteriors in snapshots/ are sums over many customers, this one among them; your own"
        " sources are not part of this export"
    ]


def _worth(event: dict[str, Any], lived: Sequence[Lived], window: Window) -> dict[str, Any]:
    """The event as it came, with what it was worth where its wave says so of its kind."""
    worth = person_money.money(event, lived, window)
    return event if worth is None else {**event, "worth": worth}


def _variables(wave: Wave, people: People) -> Iterator[Row]:
    for name in (served_variables.NAME, served_variables.UNITS):
        served = served_variables.of(wave, people, name)
        for row in [] if served is None else served.to_pylist():
            yield {"wave": wave.name, **row}


def _decisions(campaign: Campaign, wave: Wave, people: People) -> Iterator[Lived]:
    names = FeatureSpec.from_json(wave.manifest.features.spec).names
    unit = wave.manifest.unit or campaign.reward.unit
    for rows in Decisions(campaign.folder, wave).of(people):
        for i, row in enumerate(rows.batch.to_pylist()):
            row["features"] = dict(zip(names, row["features"], strict=True))
            row["eligible"] = [wave.actions[a] for a in np.flatnonzero(rows.eligible[i])]
            row["withheld"] = bool(rows.withheld[i])
            reason = why.sentence(row, wave.actions, unit, live=wave.manifest.live)
            told = {**row, "reason": reason}
            yield Lived(wave, told, row["withheld"])


def _events(
    folder: Path, content: dict[str, Any], people: People, ids: Sequence[str]
) -> list[dict[str, Any]]:
    table = _table(folder, content, outcomes.EVENTS)
    theirs = pc.or_(people.own(table["customer_id"]), among(table["decision_id"], ids))
    found: list[dict[str, Any]] = table.filter(theirs).to_pylist()
    return found


def _rejects(folder: Path, content: dict[str, Any], people: People) -> list[dict[str, Any]]:
    if rejects.NAME not in content["files"]:
        return []
    table = _table(folder, content, rejects.NAME)
    mask = pc.or_(people.mentioned(table["key"]), people.mentioned(table["value"]))
    found: list[dict[str, Any]] = table.filter(mask).to_pylist()
    return found


def _table(folder: Path, content: dict[str, Any], name: str) -> pa.Table:
    files.verify(folder, name, content["files"][name]["sha256"])
    return pq.read_table(folder / name)


def _listed(campaign: Campaign, wave: Wave, people: People, ids: set[str]) -> Iterator[Row]:
    """The rows that went to the channels, in the lists that the manifest names."""
    folder = campaign.folder / exports.EXPORTS / wave.name
    known = {path.name for path in folder.glob("*")}
    if manifest.NAME in known:
        known &= manifest.read(folder)["files"].keys()
    for name in sorted(known - {exports.WITHHELD}):
        if name.endswith(".csv"):
            rows: list[Row] = list[Row]({**row} for row, _ in lists.rows(folder / name))[1:]
        elif name.endswith(".parquet"):
            with looked_into(folder / name) as file:
                rows = file.read().to_pylist()
        else:
            continue
        keys = pa.array([str(row.get("customer_id", "")).removeprefix("'") for row in rows])
        theirs = people.own(keys.cast(pa.string())).to_pylist()
        for row, own in zip(rows, theirs, strict=True):
            if own or row.get(lists.DECISION) in ids:
                yield {"wave": wave.name, "list": name, **row}
