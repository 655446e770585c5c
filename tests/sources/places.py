"""Each place that cells come in, as one function: rows of text in, what became of each row out.

A campaign of four customers, two offers and two channels stands around the source in question. What
comes back is by row: what was read, or `REFUSED`.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from bandit.config import campaign_file
from bandit.config.campaign import Campaign
from bandit.core.types import SILENT
from bandit.record import outcome_notes, outcomes
from bandit.sources import customers, database, unusable_rows
from bandit.sources.catalogue import Catalogue, load_catalogue
from bandit.sources.columns import key_type
from bandit.workflows.judge import job, probabilities
from bandit.workflows.judge.simulate import read as read_log

AT = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
REFUSED = "refused"

Rows = Sequence[Mapping[str, str]]

TOML = """
{top}
[customers]
source = "people.csv"
key = "id"
[features]
numeric = ["n"]
[pressure]
quiet_days = 7
refusal_days = 90
refusal_events = ["unsubscribe"]
[limits]
reject_share = 1.0
[[channel]]
name = "email"
[[channel]]
name = "sms"
"""
OFFERS = '[[offer]]\nname = "a"\n[[offer]]\nname = "b"\n'
PEOPLE = "id,n\n1,1\n2,2\n3,3\n4,4\n"


class Found(NamedTuple):
    """``rows``: what became of each row; ``notes``: what is told besides."""

    rows: list[Any]
    notes: list[str]


class Written(NamedTuple):
    """How a source is written: settings, a query, in how many files of which kind."""

    form: str = ""
    query: str = ""
    files: int = 1
    kind: str = "csv"
    top: str = ""


PLAIN = Written()


def _write(folder: Path, stem: str, rows: Rows, how: Written) -> str:
    """The source in so many files; the lines that name it."""
    size = -(-len(rows) // how.files)
    for number in range(how.files):
        part = rows[number * size : (number + 1) * size]
        path = folder / f"{stem}-{number}.{how.kind}"
        if how.kind.lower() == "parquet":
            pq.write_table(pa.Table.from_pylist([dict(r) for r in part]), path)
            continue
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(part)
    query = f"\nquery = '''{how.query}'''" if how.query else ""
    return f'source = "{stem}-*.{how.kind}"{query}\n{how.form}\n'


def _campaign(folder: Path, how: Written, more: str) -> Campaign:
    (folder / "people.csv").write_text(PEOPLE, encoding="utf-8")
    (folder / "campaign.toml").write_text(TOML.format(top=how.top) + more, encoding="utf-8")
    return campaign_file.load(folder)


def of_customers(folder: Path, rows: Rows, how: Written = PLAIN) -> Found:
    """Features n (number), b (truth), c (category), d (date) by the key `id`."""
    source = _write(folder, "customers", rows, how)
    kinds = {"n": "numeric", "b": "boolean", "c": "categorical", "d": "date"}
    features = "".join(f'{kinds[c]} = ["{c}"]\n' for c in rows[0] if c in kinds)
    text = TOML.replace('source = "people.csv"\n', source).replace('numeric = ["n"]\n', features)
    (folder / "campaign.toml").write_text(text.format(top=how.top) + OFFERS, encoding="utf-8")
    campaign = campaign_file.load(folder)
    with database.connect(campaign, threads=1) as data:
        catalogue = load_catalogue(campaign, data)
        batches = list(customers.stream(data, campaign, catalogue, at=AT))
        notes = [*data.table("customers").notes, *data.table("customers").hints]
    read: list[Any] = []
    for batch in batches:
        for key, row in zip(batch.ids.to_pylist(), batch.columns.to_pylist(), strict=True):
            read.append({"id": key, **row})
        read += [REFUSED] * len(batch.rejects)
    return Found(read, notes)


def of_offers(folder: Path, rows: Rows, how: Written = PLAIN) -> Found:
    """Offers of a table, as they are understood."""
    source = _write(folder, "offers", rows, how)
    campaign = _campaign(folder, how, f"[offers]\n{source}")
    with database.connect(campaign) as data:
        found = load_catalogue(campaign, data).offers
    return Found([offer.model_dump(include=set(rows[0])) for offer in found], [])


def _side(folder: Path, how: Written, section: str) -> tuple[Campaign, Any, Catalogue]:
    campaign = _campaign(folder, how, section + OFFERS)
    data = database.connect(campaign)
    return campaign, data, load_catalogue(campaign, data)


def of_history(folder: Path, rows: Rows, how: Written = PLAIN) -> Found:
    """Contacts as (customer, channel, offer, age in days); −1 for a name that is none."""
    columns = 'customer = "id"\nchannel = "channel"\noffer = "offer"\ncontacted_at = "when"\n'
    source = _write(folder, "history", rows, how)
    campaign, data, catalogue = _side(folder, how, f"[history]\n{columns}{source}")
    with data:
        found = []
        for batch in customers.stream(data, campaign, catalogue, at=AT):
            contacts = batch.contacts
            for row, id_ in enumerate(batch.ids.to_pylist()):
                part = slice(contacts.offsets[row], contacts.offsets[row + 1])
                columns_of = (contacts.channel, contacts.offer, contacts.age_days)
                found += [
                    (id_, *(c.item() for c in r))
                    for r in zip(*(c[part] for c in columns_of), strict=True)
                ]
        refused = sum(r.rows for r in unusable_rows.count(data, campaign))
        return Found(found + [REFUSED] * refused, unusable_rows.notes(data, campaign, catalogue))


def of_consents(folder: Path, rows: Rows, how: Written = PLAIN) -> Found:
    """Who agrees to what, as (customer, channel), a REFUSED for each row that is refused."""
    columns = 'customer = "id"\nchannel = "channel"\ngranted = "granted"\n'
    source = _write(folder, "consents", rows, how)
    campaign, data, catalogue = _side(folder, how, f"[consents]\n{columns}{source}")
    names = [c.name for c in catalogue.channels]
    with data:
        found: list[Any] = []
        for batch in customers.stream(data, campaign, catalogue, at=AT):
            for id_, some in zip(batch.ids.to_pylist(), batch.consent, strict=True):
                found += [(id_, names[c]) for c in some.nonzero()[0]]
        refused = sum(r.rows for r in unusable_rows.count(data, campaign))
        return Found(found + [REFUSED] * refused, unusable_rows.notes(data, campaign, catalogue))


def of_outcomes(folder: Path, rows: Rows, how: Written = PLAIN) -> Found:
    """Events as they are stored, in the order of their ids."""
    source = _write(folder, "outcomes", rows, how)
    campaign = _campaign(folder, how, f'[outcomes]\ncustomer = "id"\n{source}{OFFERS}')
    with database.connect(campaign, roles=("customers", "outcomes")) as data:
        delivery = outcomes.take_in(campaign, data, key_type(data, campaign), [])
        notes = [*delivery.notes, *outcome_notes.strangers(data, campaign, ())]
    stored = folder / outcomes.OUTCOMES / delivery.batch
    events = pq.read_table(stored / outcomes.EVENTS).to_pylist() if delivery.events else []
    return Found(events + [REFUSED] * delivery.rejected, notes)


def of_log(folder: Path, rows: Rows, how: Written = PLAIN) -> Found:
    """Rows as (customer, action, reward, eligible actions)."""
    source = _write(folder, "log", rows, how)
    columns = 'action = "action"\nreward = "reward"\npropensity = 0.5\nchannel = "email"\n'
    columns += "".join(f'{c} = "{c}"\n' for c in ("customer", "time", "eligible") if c in rows[0])
    _campaign(folder, how, f"[log]\n{columns}{source}{OFFERS}")
    found = read_log(job.load(folder), log=True, at=AT, progress=SILENT)
    names = found.catalogue.names
    keys = [None] * found.n if found.customers is None else found.customers.tolist()
    read = [
        (key, names[a], r, sorted(names[e] for e in some.nonzero()[0]))
        for key, a, r, some in zip(
            keys, found.log.actions, found.rewards.tolist(), found.log.eligible, strict=True
        )
    ]
    return Found(read + [REFUSED] * (len(rows) - found.n), list(found.notes))


def of_targets(folder: Path, rows: Rows, how: Written = PLAIN) -> Found:
    """A candidate's table of probabilities for a log of customers 1 and 0017, float[2][k]."""
    source = _write(folder, "targets", rows, how)
    log = [
        {"customer": c, "action": a, "reward": "1", "n": "1"}
        for c, a in (("1", "a"), ("0017", "b"))
    ]
    named = _write(folder, "log", [*log, {**log[0], "n": "2"}], Written())
    columns = 'action = "action"\nreward = "reward"\npropensity = 0.5\ncustomer = "customer"\n'
    lines = [line for line in source.splitlines() if line]
    text = f'[features]\nnumeric = ["n"]\n[log]\n{columns}{named}'
    text += '[[simulate.candidate]]\npolicy = "table"\n'
    text += 'customer = "customer"\n' + "\n".join(lines) + "\n"
    (folder / "simulation.toml").write_text(text, encoding="utf-8")
    asked = job.load(folder / "simulation.toml")
    logged = read_log(asked, log=True, at=AT, progress=SILENT) if asked else None
    given = probabilities.read(asked.campaign, logged, asked.settings.candidates[0])
    return Found([given.table[given.line[i]].tolist() for i in (0, 1)], [])


READ: Mapping[str, Callable[..., Found]] = {
    "customers": of_customers,
    "offers": of_offers,
    "history": of_history,
    "consents": of_consents,
    "outcomes": of_outcomes,
    "log": of_log,
    "targets": of_targets,
}
