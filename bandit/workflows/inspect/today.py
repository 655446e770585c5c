"""A person by today's data: traits, consents, and what may be offered now or why not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from bandit.config.campaign import Campaign
from bandit.config.variables import FIRST_SEGMENT
from bandit.core.errors import DataError
from bandit.core.types import Float64
from bandit.models.moved import lifts_of
from bandit.record.looking import looked_into
from bandit.record.manifests import Served
from bandit.results.customer import Limit, Moment, Open, Trait
from bandit.results.preference import Preference
from bandit.sources import customers
from bandit.sources.catalogue import Catalogue, load_catalogue
from bandit.sources.columns import feature_columns, key_type
from bandit.sources.customers import CustomerRows
from bandit.sources.database import Database
from bandit.sources.joined import PEOPLE, with_first_segment
from bandit.sources.wave_query import history_columns
from bandit.workflows.inspect import consent_sources, pressed
from bandit.workflows.inspect.one import Alone
from bandit.workflows.inspect.opened import Opened
from bandit.workflows.inspect.preferences import Preferences
from bandit.workflows.serve import experiments, pinned, prepare, standing_prices
from bandit.workflows.serve.plan import wave_name
from bandit.workflows.serve.serving_model import serving_model
from bandit.workflows.serve.wave import Run, Wave

SAMPLE = 200_000
"""Customers that percentiles are made of where there are more; about so many, by blocks, always
the same."""
LEAST_GROUPS = 12
"""Row groups of what a wave served, however many customers one has."""
OTHERS = "bandit_others"


class Today(NamedTuple):
    """The parts of the page that today's data give."""

    consents: dict[str, bool]
    prefers: list[Preference]
    open: list[Open]
    peace: float | None
    shut: dict[str, list[str]]
    traits: list[Trait]
    segments: list[str]
    elsewhere: list[Moment]
    limits: list[Limit]
    contacts_left: int | None
    said: dict[str, str]
    notes: list[str]


NOTHING = Today({}, [], [], None, {}, [], [], [], [], None, {}, [])
"""Of somebody whom today's data do not know."""


def of(sources: Opened, customer: str, at: dt.datetime) -> Today:
    """What a wave at ``at`` would see of the customer; DataError if nobody has the key."""
    campaign, running, past, how, data = sources
    catalogue = load_catalogue(campaign, data)
    dated = customers.lookup(
        data, campaign, catalogue, customer,
        at=at, record_contacts=past.contacts, withheld=past.withheld, refusals=past.refusals,
        back=False, dated=True,
    )  # fmt: skip
    found = _as_of_now(dated)
    wave = _wave(campaign, data, catalogue, at, running)
    if not len(found.ids):
        raise DataError(f"customer {customer!r} is refused: {found.rejects[0]['reason']}")
    prepared, _ = prepare.prepare(wave, found)
    member = arm = None
    if len(prepared.ids):
        which = int(prepared.experiment[0])
        member = experiments.told_of(running, which, prepared.units)
        arm = experiments.name_of(running, which, prepared.units)
    shown = _open(wave, arm, prepared.contexts[0], prepared) if len(prepared.ids) else ([], None)
    prefers = _prefers(wave, prepared) if len(prepared.ids) else []
    return Today(
        consents={
            channel.name: bool(found.consent[0, place])
            for place, channel in enumerate(catalogue.channels)
            if channel.consent
        },
        prefers=prefers,
        open=shown[0],
        peace=shown[1],
        shut={s: names for s, names in prepare.funnel(wave, found).items() if names},
        traits=list(_traits(data, campaign, found, how)),
        segments=[c for c in campaign.crowds if _served(found).get(c)],
        elsewhere=list(_elsewhere(data, campaign, customer)),
        limits=pressed.limits(wave, dated),
        contacts_left=_left(wave, prepared) if len(prepared.ids) else None,
        said=consent_sources.of(data, campaign, catalogue, customer, found.consent[0]),
        notes=[*how.notes, *([] if member is None else [member])],
    )


def _wave(
    campaign: Campaign,
    data: Database,
    catalogue: Catalogue,
    at: dt.datetime,
    running: tuple[Served, ...],
) -> Wave:
    """A wave of today at the prices of the newest one."""
    name = wave_name(None, at, campaign.time_zone)
    run = Run(campaign, name, at, campaign.seed, dry_run=True, experiments=running)
    start = pinned.beside(campaign, serving_model(campaign, data, None, at), running)
    wave = Wave.of(run, catalogue, start, customers.customer_type(data, campaign))
    return standing_prices.of(campaign, wave)


def _as_of_now(rows: CustomerRows) -> CustomerRows:
    """What came after the moment of a wave counts in it as made now."""
    contacts, refusals = rows.contacts, rows.refusals
    return rows._replace(
        contacts=contacts._replace(age_days=np.maximum(contacts.age_days, np.float32(0.0))),
        refusals=refusals._replace(age_days=np.maximum(refusals.age_days, np.float32(0.0))),
    )


def _left(wave: Wave, prepared: prepare.Prepared) -> int:
    """The most contacts that a wave may make; none where every offer is shut."""
    free = prepared.mask[0] & wave.plan.actions.outbound
    return min(int(prepared.allowance[0]), int(np.count_nonzero(free)))


def _prefers(wave: Wave, prepared: prepare.Prepared) -> list[Preference]:
    values = prepared.values if prepared.values.ndim == 1 else prepared.values[0]
    return Preferences(wave).of(prepared.contexts[0], float(values[1:].mean()))


def _open(
    wave: Wave, arm: str | None, x: Any, prepared: prepare.Prepared
) -> tuple[list[Open], float]:
    """Actions that are allowed, by worth, and what no contact is worth, as the ``arm`` knows it."""
    x, posterior = x.astype(np.float64), wave.decides(arm)
    means: Float64 = posterior.mean @ x + lifts_of(posterior, x[None, :])[0]
    values = prepared.values if prepared.values.ndim == 1 else prepared.values[0]
    plan = wave.plan
    prices = plan.prices[int(prepared.population[0])]
    worth = values * means - plan.costs - prices
    allowed = np.flatnonzero(prepared.mask[0][1:]) + 1
    order = allowed[np.argsort(-worth[allowed], kind="stable")]
    found = [
        Open(
            offer=plan.space.pairs[a - 1][0],
            channel=plan.space.pairs[a - 1][1],
            mean=float(means[a]),
            value=float(values[a]),
            cost=float(plan.costs[a]),
            price=float(prices[a]),
            worth=float(worth[a]),
        )
        for a in order.tolist()
    ]
    return found, float(worth[0])


def _traits(data: Database, campaign: Campaign, found: CustomerRows, how: Alone) -> Iterator[Trait]:
    """Features, with how many customers have less, or the same, by one scan; other variables.

    These are told as they are: some thirty columns of a sample took longer than all else here.
    """
    columns, served = feature_columns(data, campaign), _served(found)
    others = [name for name in campaign.variables if name not in columns and name in served]
    numbers = {*campaign.features.numeric, *campaign.features.date}
    numbers |= {c for s in campaign.score for c in (s.column, s.known_at) if c is not None}
    numbers |= set(data.table("customers").gaps)
    asked = [c for c in columns if c not in campaign.features.vector]
    own = {c: found.columns[c][0].as_py() for c in asked}
    told = {c: columns[c] for c in asked if own[c] is not None}
    people = data.table("customers").view if how.one is None else PEOPLE
    made = set() if how.one is None else {*data.table("customers").made, FIRST_SEGMENT}
    views = {people: {c: q for c, q in told.items() if c not in made}}
    of_others = {c: q for c, q in told.items() if c in made}
    if how.served is not None and of_others:
        crowds = campaign.crowds if FIRST_SEGMENT in of_others else ()
        names = dict.fromkeys([*crowds, *(c for c in of_others if c != FIRST_SEGMENT)])
        data.connection.from_arrow(_some(how.served, [*names])).create_view(OTHERS)
        rows = with_first_segment(campaign, OTHERS) if crowds else f"SELECT * FROM {OTHERS}"
        views[f"({rows})"] = of_others
    counts: dict[str, float | None] = {}
    for view, some in views.items():
        counts |= _counts(data, view, some, own, numbers, whole=view != people) if some else {}
    for column in asked:
        share = counts.get(column)
        number = column in numbers
        yield Trait(
            column, _text(own[column]), share if number else None, None if number else share
        )
    yield from (Trait(name, _text(served[name]), None, None) for name in others)


def _some(served: Path, columns: Sequence[str]) -> pa.Table:
    """What a wave served of others: of a large file row groups that lie evenly in it.

    Customers stand there in the order of their keys, which may tell how old they are.
    """
    with looked_into(served) as file:
        groups, rows = file.num_row_groups, file.metadata.num_rows
        most = groups
        if rows > SAMPLE:
            most = min(groups, max(LEAST_GROUPS, -(-groups * SAMPLE // rows)))
        chosen = [(2 * i + 1) * groups // (2 * most) for i in range(most)]
        return file.read_row_groups(chosen, columns=list(columns))


def _served(found: CustomerRows) -> dict[str, Any]:
    """The variables and segments of the one customer in ``found``."""
    return {} if found.served is None else found.served.slice(0, 1).to_pylist()[0]


def _counts(
    data: Database,
    view: str,
    columns: dict[str, str],
    own: dict[str, Any],
    numbers: set[str],
    *,
    whole: bool = False,
) -> dict[str, float | None]:
    n = 0 if whole else int(data.rows(f"SELECT count(*) FROM {view}")[0][0])
    part = ""
    if n > SAMPLE:
        part = f" TABLESAMPLE system({100.0 * SAMPLE / n:.4f} PERCENT) REPEATABLE (1)"
    parts = ", ".join(
        f"avg(CAST(coalesce(c{i} {'<' if c in numbers else '='} ?, false) AS DOUBLE))"
        for i, c in enumerate(columns)
    )
    chosen = ", ".join(f"{q} AS c{i}" for i, q in enumerate(columns.values()))
    found = data.rows(
        f"SELECT {parts} FROM (SELECT {chosen} FROM {view}{part})", [own[c] for c in columns]
    )
    return dict(zip(columns, found[0], strict=True))


def _text(value: Any) -> str:
    """A cell as a person reads it."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dt.datetime):
        return value.date().isoformat()
    return f"{value:,.6g}" if isinstance(value, float) else str(value)


def _elsewhere(data: Database, campaign: Campaign, customer: str) -> Iterator[Moment]:
    """Contacts that were made outside this program."""
    key = key_type(data, campaign)
    query = history_columns(data, campaign, key)
    if query is None:
        return
    rows = data.rows(
        f"SELECT channel, offer, moment::TIMESTAMP FROM ({query}) WHERE id = CAST(? AS {key})"
        " AND moment IS NOT NULL ORDER BY moment",
        [customer],
    )
    for channel, offer, moment in rows:
        yield Moment(
            at=moment.replace(tzinfo=dt.UTC).isoformat(),
            kind="contact elsewhere",
            what=f"{offer or 'a contact'} by {channel or 'an unknown channel'}",
            why="by the contact history, not by this program",
            wave=None,
            group=None,
            probability=None,
            reward=None,
            source=data.table("history").called,
        )
