"""The one query of a wave: customers with rules, values, consents and contacts, ordered by key.

Ordering by the key makes what follows independent of the order of the source, of the batch size
and of the number of threads; DuckDB sorts within its memory limit and spills the rest.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bandit.config.campaign import Campaign
from bandit.config.offered import Channel, Offer
from bandit.core import sql
from bandit.core.errors import BanditError, ConfigError
from bandit.core.folding import fold, folded
from bandit.core.problems import Problems
from bandit.sources import consents, identity, sources
from bandit.sources.catalogue import Catalogue
from bandit.sources.columns import feature_columns, key_column, key_type
from bandit.sources.database import Database
from bandit.sources.expressions import check_expression
from bandit.sources.typed import FAULT

DAY_US = 86_400_000_000
NEVER_SEEN = -1
"""Position of an offer or channel that the catalogue does not have."""


class Expressions(NamedTuple):
    """Each different expression once; an offer's position in them, or −1 for none.

    ``population_of`` are those of the experiments that run; −1: everybody.
    """

    rules: tuple[str, ...]
    rule_of: tuple[int, ...]
    values: tuple[str, ...]
    value_of: tuple[int, ...]
    population_of: tuple[int, ...] = ()


def expressions(
    database: Database, campaign: Campaign, offers: Sequence[Offer], at: dt.datetime
) -> Expressions:
    """Check all offers' expressions; ConfigError lists every fault by offer."""
    view = database.table("customers").view
    faults = Problems()
    rules: dict[str, int] = {}
    values: dict[str, int] = {}
    rule_of: list[int] = []
    value_of: list[int] = []
    check = _Checked(database, campaign, at)
    texts = [t for o in offers for t in (o.eligible, o.value) if isinstance(t, str)]
    kinds = check.kinds([*texts, *(t for t in campaign.populations if t is not None)])
    for offer in offers:
        for text, kept, positions, wanted in (
            (offer.eligible, rules, rule_of, "eligible"),
            (offer.value if isinstance(offer.value, str) else None, values, value_of, "value"),
        ):
            if text is None:
                positions.append(-1)
                continue
            try:
                query = check.sql(text)
                _check_type(database, view, query, wanted, text, kinds.get(query))
                positions.append(kept.setdefault(query, len(kept)))
            except BanditError as e:
                lines = [f"offer {offer.name!r}, {wanted}: {line}" for line in str(e).splitlines()]
                faults.config.extend(lines)
    population_of: list[int] = []
    for text in campaign.populations:
        if text is None:
            population_of.append(-1)
            continue
        try:
            query = check.sql(text)
            _check_type(database, view, query, "eligible", text, kinds.get(query))
            population_of.append(rules.setdefault(query, len(rules)))
        except BanditError as e:
            said = _asked_by(campaign, text)
            faults.config.extend(f"{said}: {line}" for line in str(e).splitlines())
    faults.stop()
    return Expressions(
        tuple(rules), tuple(rule_of), tuple(values), tuple(value_of), tuple(population_of)
    )


class _Checked:
    """Expressions over the customers, each checked once."""

    def __init__(self, database: Database, campaign: Campaign, at: dt.datetime) -> None:
        self._database, self._campaign, self._at = database, campaign, at
        self._known: dict[str, str] = {}

    def sql(self, text: str) -> str:
        """Safe SQL; ConfigError where there is none."""
        if text not in self._known:
            columns, campaign = self._database.table("customers").columns, self._campaign
            self._known[text] = check_expression(
                text, columns, at=self._at, zone=campaign.time_zone, segments=campaign.crowds
            )
        return self._known[text]

    def kinds(self, texts: Sequence[str]) -> dict[str, str]:
        """The type of each by its SQL, asked for together; of what is wrong there is none."""
        for text in texts:
            with suppress(BanditError):  # told with who asks for it
                self.sql(text)
        return self._database.kinds(self._database.table("customers").view, self._known.values())


def _asked_by(campaign: Campaign, text: str) -> str:
    """Who asks for a population."""
    triggers = (t.name for t in campaign.trigger if t.condition == text)
    return next((f"trigger {name!r}, condition" for name in triggers), "population")


def _check_type(
    database: Database, view: str, query: str, wanted: str, text: str, known: str | None
) -> None:
    try:
        kind = known or database.describe(f"SELECT {query} AS answer FROM {view}")["answer"]
    except BanditError as e:
        reason = str(e).removeprefix("reading the data failed: ")
        raise ConfigError(f"{text!r}: {reason}") from None
    if wanted == "eligible" and kind != "BOOLEAN":
        raise ConfigError(f"{text!r} gives {kind}, not true or false; compare it with something")
    if wanted == "value" and not sql.is_number(kind):
        raise ConfigError(f"{text!r} gives {kind}, not a number")


def check_columns(database: Database, campaign: Campaign, faults: Problems) -> None:
    """Whether the columns that the configuration names exist in the sources that are open."""
    wanted = {
        "consents": (c := campaign.consents) and [c.customer, c.channel, c.granted],
        "history": (h := campaign.history) and [h.customer, h.channel, h.offer, h.contacted_at],
    }
    for role, columns in wanted.items():
        if role in database.tables:
            for column in columns or ():
                faults.attempt(partial(database.column, role, column))


def name_positions(database: Database, catalogue: Catalogue) -> None:
    """Tables of folded offer and channel names with their positions, filled by parameters."""
    for table, names in (
        ("bandit_offer_names", [fold(o.name) for o in catalogue.offers]),
        ("bandit_channel_names", [fold(c.name) for c in catalogue.channels]),
    ):
        database.rows(f"CREATE OR REPLACE TABLE {table} (name VARCHAR, position SMALLINT)")
        database.rows(
            f"INSERT INTO {table} SELECT unnest(?::VARCHAR[]), unnest(range(?))::SMALLINT",
            [names, len(names)],
        )


def horizon_days(campaign: Campaign, channels: Sequence[Channel]) -> float:
    """How far back contacts matter; 0 if nothing asks for them."""
    pressure = campaign.pressure
    asked = [pressure.per_days, pressure.quiet_days, pressure.same_offer_days]
    asked += [pressure.deep.days] if pressure.deep is not None else []
    return max((d for d in [*asked, *(c.per_days for c in channels)] if d is not None), default=0.0)


def wave_query(
    database: Database,
    campaign: Campaign,
    catalogue: Catalogue,
    found: Expressions,
    *,
    at: dt.datetime,
    record_contacts: Sequence[Path],
    withheld: Sequence[Path],
    refusals: Sequence[Path],
    until: dt.datetime,
    one: bool,
    ordered: bool = True,
    dated: bool = False,
) -> str:
    """The SELECT of id, key, fault, f0.., r0.., v0.., x0.., granted0.., refused0.., contacts, ...

    ``x0..`` are variables and segments, as they are served.
    Refusals count that came before `until`. With `one` it is for the single customer whose key is
    the query's parameter. With `dated` what comes after `at` has an age below 0, else it is of now.
    """
    key = key_type(database, campaign)
    name_positions(database, catalogue)
    customers = _customers(database, campaign, found)
    where = f" WHERE id = CAST(? AS {key})" if one else ""
    consented = consents.bits(database, campaign, key, [c.name for c in catalogue.channels])
    words = range(-(-len(catalogue.channels) // consents.WORD))
    granted = ", ".join(f"consents.{n}{w} AS {n}{w}" for n in ("granted", "refused") for w in words)
    contacts = _contacts(database, campaign, catalogue, key, at, record_contacts, withheld, dated)
    refused = _refusals(campaign, key, at, until, record_contacts, refusals, dated)
    if refused is not None:
        refused = consents.meant(
            database, campaign, key, refused, "channel", "offer", least="age_us"
        )
    hashed = "id" if key == "BIGINT" else "md5_number_lower(id)"
    return (
        f"SELECT customers.*, {hashed} AS key, {granted},"
        " contacts.items AS contacts, refusals.items AS refusals"
        f" FROM (SELECT * FROM ({customers}){where}) customers"
        f" LEFT JOIN ({consented}) consents USING (id)"
        f" LEFT JOIN ({_listed(contacts)}) contacts USING (id)"
        f" LEFT JOIN ({_listed(refused)}) refusals USING (id)"
        f"{' ORDER BY id NULLS FIRST' if ordered else ''}"
    )


def _customers(database: Database, campaign: Campaign, found: Expressions) -> str:
    table = database.table("customers")
    parts = [f"{key_column(database, campaign)} AS id"]
    parts += [f"{FAULT if table.has_faults else 'NULL::VARCHAR'} AS fault"]
    parts += [f"{q} AS f{i}" for i, q in enumerate(feature_columns(database, campaign).values())]
    parts += [f"{q} AS r{i}" for i, q in enumerate(found.rules)]
    parts += [f"TRY_CAST({q} AS FLOAT) AS v{i}" for i, q in enumerate(found.values)]
    parts += [f"{sql.name(column)} AS x{i}" for i, column in enumerate(table.made)]
    return f"SELECT {', '.join(parts)} FROM {table.view}"


def history_columns(database: Database, campaign: Campaign, key: str) -> str | None:
    """SELECT of id, channel, offer, moment over the contact history, or None without one."""
    given = campaign.history
    if given is None:
        return None
    return (
        f"SELECT {database.key('history', given.customer, key)} AS id,"
        f" {database.read('history', given.channel, 'text')} AS channel,"
        f" {database.read('history', given.offer, 'text')} AS offer,"
        f" {database.read('history', given.contacted_at, 'date')} AS moment"
        f" FROM {database.table('history').view}"
    )


def _folded(column: str, names: Iterable[str]) -> str:
    """A name as it is compared; one that stands there so already is not looked at twice."""
    listed = ", ".join(sql.text(fold(name)) for name in names) or "NULL"
    return f"CASE WHEN {column} IN ({listed}) THEN {column} ELSE {folded(column)} END AS {column}"


def _contacts(
    database: Database,
    campaign: Campaign,
    catalogue: Catalogue,
    key: str,
    at: dt.datetime,
    record: Sequence[Path],
    withheld: Sequence[Path],
    dated: bool,
) -> str | None:
    """SELECT of id, channel, offer, age over what was sent lately, by us or by others.

    A contact that is dated after the wave is planned, or a clock is ahead, or this wave is for a
    day that has gone by: it counts as made now. What was ``withheld`` was never sent.
    """
    horizon_us = int(horizon_days(campaign, catalogue.channels) * DAY_US)
    if horizon_us == 0:
        return None
    parts = []
    if (history := history_columns(database, campaign, key)) is not None:
        channel = _folded("channel", (c.name for c in catalogue.channels))
        offer = _folded("offer", (o.name for o in catalogue.offers))
        parts.append(
            f"SELECT id, {channel}, {offer}, {_since('moment', at, campaign, dated)} AS age_us"
            f" FROM ({history}) WHERE {_age('moment', at, campaign)} < {horizon_us}"
        )
    if record:
        gone = ""
        if withheld:
            gone = f" ANTI JOIN {sources.parquet(withheld)} withheld USING (decision_id)"
        rows = (
            "SELECT customer_id AS id, lower(channel) AS channel, lower(offer) AS offer,"
            f" {_since('decided_at', at, campaign, dated)} AS age_us"
            f" FROM {sources.parquet(record)} made{gone} WHERE action > 0"
            f" AND placement = 'outbound' AND {_age('decided_at', at, campaign)} < {horizon_us}"
        )
        parts.append(identity.as_now(database, rows, "channel", "offer", "age_us"))
    return " UNION ALL ".join(parts) or None


def _refusals(
    campaign: Campaign,
    key: str,
    at: dt.datetime,
    until: dt.datetime,
    record: Sequence[Path],
    files: Sequence[Path],
    dated: bool,
) -> str | None:
    """SELECT of id, channel, offer, age over refusals; by customer alone it is of every offer.

    A wave belongs to its day and may run late in it, so refusals ``until`` its end count as made
    now.
    """
    days = campaign.pressure.refusal_days
    if days is None or not files:
        return None
    named = campaign.pressure.refusal_events
    events = ", ".join(sql.text(fold(event)) for event in named) or "NULL"
    outcomes = (
        "SELECT decision_id, customer_id,"
        f" {_since('occurred_at', at, campaign, dated)} AS age_us"
        f" FROM {sources.parquet(files)} WHERE {folded('event')} IN ({events})"
        f" AND epoch_us(occurred_at) < {micros(until)}"
        f" AND {_age('occurred_at', at, campaign)} < {int(days * DAY_US)}"
    )
    if not record:
        return (
            "SELECT customer_id AS id, NULL::VARCHAR AS channel, NULL::VARCHAR AS offer, age_us"
            f" FROM ({outcomes}) WHERE customer_id IS NOT NULL"
        )
    return (
        f"SELECT coalesce(decided.customer_id, outcome.customer_id)::{key} AS id,"
        " lower(decided.channel) AS channel, lower(decided.offer) AS offer, outcome.age_us"
        f" FROM ({outcomes}) outcome LEFT JOIN {sources.parquet(record)} decided"
        " ON outcome.decision_id = decided.decision_id"
        " WHERE coalesce(decided.customer_id, outcome.customer_id) IS NOT NULL"
    )


def _listed(rows: str | None) -> str:
    """Rows (id, channel, offer, age) by names as one list a customer by positions."""
    if rows is None:
        return "SELECT NULL AS id, NULL AS items WHERE false"
    return (
        "SELECT id, list(struct_pack("
        f"channel := coalesce(channels.position, {NEVER_SEEN})::SMALLINT,"
        f" offer := coalesce(offers.position, {NEVER_SEEN})::SMALLINT,"
        f" age_days := (age_us / {float(DAY_US)})::FLOAT)) AS items FROM ({rows}) listed"
        " LEFT JOIN bandit_channel_names channels ON channels.name = listed.channel"
        " LEFT JOIN bandit_offer_names offers ON offers.name = listed.offer"
        " WHERE id IS NOT NULL GROUP BY id"
    )


def _age(moment: str, at: dt.datetime, campaign: Campaign) -> str:
    """SQL of the microseconds from a moment to the wave's, by the clocks of the campaign's zone.

    So a week is from midnight to midnight, also where clocks are put forward in it.
    """
    if campaign.time_zone == "UTC":
        return f"({micros(at)} - epoch_us({moment}))"
    local = at.astimezone(ZoneInfo(campaign.time_zone)).replace(tzinfo=dt.UTC)
    zone = sql.text(campaign.time_zone)
    return f"({micros(local)} - epoch_us(timezone({zone}, {moment})))"


def _since(moment: str, at: dt.datetime, campaign: Campaign, dated: bool) -> str:
    """The age of a contact or refusal: of one after the wave's moment 0, unless it is ``dated``."""
    age = _age(moment, at, campaign)
    return age if dated else f"greatest({age}, 0)"


def micros(at: dt.datetime) -> int:
    """Microseconds since 1970 of a time with a zone, exact."""
    return (at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
