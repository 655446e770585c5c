"""Offers and channels, from campaign.toml or from a table of the user's."""

from __future__ import annotations

import decimal
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from bandit.config import worths
from bandit.config.basket import Basket
from bandit.config.campaign import Campaign
from bandit.config.discount import PRODUCT
from bandit.config.offered import Channel, Offer, none_so_deep, odd_depths
from bandit.config.section import OUTBOUND
from bandit.core import sql
from bandit.core.actions import ActionSpace
from bandit.core.errors import ConfigError
from bandit.core.folding import fold
from bandit.core.problems import Problems, nearest, shown
from bandit.sources.cells import REMEDY, Use
from bandit.sources.connection import Table
from bandit.sources.database import Database

MAX_ROWS = 10_000

Model = TypeVar("Model", bound=BaseModel)


class Catalogue(NamedTuple):
    """What may be offered and through what, in the order of the source."""

    offers: tuple[Offer, ...]
    channels: tuple[Channel, ...]


def load_catalogue(campaign: Campaign, database: Database) -> Catalogue:
    """Read offers and channels and check them against each other.

    ConfigError lists every fault: a table's with file, row, column and value, unknown channels,
    names that stand twice, caps on names that do not exist.
    """
    faults = Problems()
    catalogue = read_catalogue(campaign, database, faults)
    faults.stop()
    return catalogue


def read_catalogue(campaign: Campaign, database: Database, faults: Problems) -> Catalogue:
    """Like `load_catalogue`, but what is wrong goes to `faults`; what is right is returned."""
    offers, channels = campaign.offer, campaign.channel
    basket = campaign.basket
    declared = dict.fromkeys(campaign.model.columns, "number")
    declared |= {PRODUCT: "text"} if PRODUCT in declared else {}
    declared |= {} if basket is None else {basket.offer_column: "text"}
    offers = offers or faults.attempt(lambda: _read(database, "offers", Offer, declared)) or ()
    channels = channels or faults.attempt(lambda: _read(database, "channels", Channel)) or ()
    offers = tuple(_as_called(offer, channels) for offer in offers)
    faults.config.extend(_twice("offer", (o.name for o in offers)))
    faults.config.extend(_twice("channel", (c.name for c in channels)))
    if campaign.exports.format == "parquet":
        faults.config.extend(
            f"channel {c.name!r}: a list of ours is called so; rename the channel, or set [exports]"
            " format to csv"
            for c in channels
            if c.name.lower() == "withheld"
        )
    faults.config.extend(_without(offers, campaign.model.columns))
    faults.config.extend((*odd_depths(offers), *none_so_deep(offers, campaign.pressure.deep)))
    if basket is not None:
        faults.config.extend(_unnamed(offers, basket))
    faults.config.extend(worths.faults(campaign.reward, offers))
    if offers:
        faults.config.extend(_unknown_in_scores(campaign, offers))
    if channels:
        faults.config.extend(_unknown_channels(offers, channels))
    if offers and channels:
        faults.config.extend(_unknown_in_caps(campaign, offers, channels))
        faults.config.extend(_unfit_in_triggers(campaign, offers, channels))
    return Catalogue(offers, channels)


def actions(catalogue: Catalogue) -> ActionSpace:
    """No contact, then the pairs that may be served, offer by offer."""
    return ActionSpace.of_pairs(
        (offer.name, channel.name)
        for offer in catalogue.offers
        for channel in catalogue.channels
        if offer.channels is None or channel.name in offer.channels
    )


def _read(
    database: Database,
    role: str,
    model: type[Model],
    declared: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Model, ...]:
    """``declared`` columns go to the model's ``features``; a "number" where all cells say one."""
    table = database.table(role)
    unknown = [c for c in table.columns if c not in {*model.model_fields, *declared} - {"features"}]
    if unknown:
        raise ConfigError("\n".join(
            f"{table.shown}: unknown column {c!r}{nearest(c, model.model_fields)};"
            " leave it out with a query"
            for c in unknown
        ))  # fmt: skip
    if "name" not in table.columns:
        raise ConfigError(f"{table.shown}: column 'name' is missing; add it")
    texts = {c for c in table.columns if not _of_numbers(database, role, c, declared.get(c))}
    asked = ", ".join(
        _asked(database, role, c) if c in texts else f"{database.read(role, c, 'number')}, NULL"
        for c in table.columns
    )
    rows = database.rows(f"SELECT {asked} FROM {table.view} LIMIT {MAX_ROWS + 1}")
    if len(rows) > MAX_ROWS:
        raise ConfigError(f"{table.shown}: more than {MAX_ROWS} rows; is it the right table?")
    if not rows:
        raise ConfigError(f"{table.shown} is empty; it must hold at least one row")
    faults = Problems()
    found = []
    for number, row in enumerate(rows, start=1):
        cells = dict(zip(table.columns, zip(row[::2], row[1::2], strict=True), strict=True))
        given = {c: _plain(c, v) for c, (v, _) in cells.items() if v is not None}
        unread = {c: said for c, (v, said) in cells.items() if v is None and said is not None}
        if unread:
            faults.config.extend(_unread(table, number, unread))
        if declared:
            given["features"] = {c: _feature(given.pop(c)) for c in declared if c in given}
        try:
            found.append(model.model_validate(given))
        except ValidationError as e:
            faults.config.extend(_messages(table, number, given, e))
    faults.stop()
    return tuple(found)


def _of_numbers(database: Database, role: str, column: str, use: str | None) -> bool:
    """Whether a column of text, as every one of a CSV file is, says numbers and nothing else."""
    if use != "number" or database.tables[role].columns[column] != "VARCHAR":
        return False
    known, odd = database.read(role, column, "number"), database.misread(role, column, "number")
    view = database.table(role).view
    ((some, none),) = database.rows(f"SELECT count({known}), count_if({odd}) FROM {view}")
    return bool(some and not none)


def _asked(database: Database, role: str, column: str) -> str:
    """SQL of a column's value, and of what stands there where it cannot be read."""
    kind, name = database.tables[role].columns[column], sql.name(column)
    use = _USES.get(column)
    if use is None or (kind != "VARCHAR" and use != "date"):
        return f"{name}, NULL"
    value, unread = database.read(role, column, use), database.misread(role, column, use)
    if column == "value":  # else it is an expression
        return f"coalesce({value}::VARCHAR, {name}), NULL"
    if use == "date":
        zone = sql.text(database.tables[role].writing.zone)
        value = f"CAST(timezone({zone}, {value}) AS DATE)"
    return f"{value}, CASE WHEN {unread} THEN {name}::VARCHAR END"


def _unread(table: Table, number: int, unread: Mapping[str, str]) -> Iterable[str]:
    for column, said in unread.items():
        needed = REMEDY[_USES[column]]
        yield f"{table.shown}, row {number}: {column} = {shown(said)}: needed is {needed}"


def _as_called(offer: Offer, channels: Sequence[Channel]) -> Offer:
    """The offer with its channels by the names that the channels have, whatever their case."""
    called = {fold(channel.name): channel.name for channel in channels}
    if offer.channels is None or all(c in called.values() for c in offer.channels):
        return offer
    return offer.model_copy(
        update={"channels": tuple(called.get(fold(c), c) for c in offer.channels)}
    )


def _plain(column: str, value: Any) -> Any:
    """A database value as the model's strict types expect it; what does not fit stays as it is."""
    if isinstance(value, decimal.Decimal):
        value = float(value)
    return _CONVERSIONS[column](value) if column in _CONVERSIONS else value


def _feature(value: Any) -> Any:
    """A number, a truth value, or a text: dates and the like as they are written."""
    return value if isinstance(value, bool | int | float | str) else str(value)


def _text(value: Any) -> Any:
    """Codes that look like numbers come typed so from CSV."""
    return str(value).lower() if isinstance(value, bool | int) else value


def _list(value: Any) -> Any:
    parts = value if isinstance(value, list) else str(value).split(",")
    return tuple(p.strip() if isinstance(p, str) else p for p in parts)


def _number(value: Any) -> Any:
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _truth(value: Any) -> Any:
    return bool(value) if isinstance(value, int) and 0 <= value <= 1 else value


_USES: Mapping[str, Use] = {
    **dict.fromkeys(("name", "family", "eligible", "kind", "channels"), "text"),
    **dict.fromkeys(("starts", "ends"), "date"),
    **dict.fromkeys(("cost", "priority", "max_contacts", "min_contacts", "budget"), "number"),
    **dict.fromkeys(("ranks", "capacity", "per_days", "value"), "number"),
    "consent": "truth",
}

_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("name", "family", "eligible", "kind"), _text),
    **dict.fromkeys(("priority", "max_contacts", "min_contacts", "ranks", "capacity"), _whole),
    "channels": _list,
    "value": _number,
    "consent": _truth,
}


def _messages(
    table: Table, number: int, given: dict[str, Any], error: ValidationError
) -> Iterable[str]:
    for one in error.errors(include_url=False):
        column = str(one["loc"][0]) if one["loc"] else "row"
        context = one.get("ctx", {}).get("error")
        message = str(context) if context else one["msg"][0].lower() + one["msg"][1:]
        said = shown(given.get(column))
        value = f" = {said}" if column in given and not message.startswith(said) else ""
        yield f"{table.shown}, row {number}: {column}{value}: {message}"


def _twice(kind: str, names: Iterable[str]) -> Iterable[str]:
    seen: set[str] = set()
    for name in names:
        if name.lower() in seen:
            yield f"{kind} {name!r} stands twice; rename one (upper and lower case are the same)"
        seen.add(name.lower())


def _without(offers: Sequence[Offer], declared: Iterable[str]) -> Iterable[str]:
    """Declared columns that no offer has a value for."""
    known = sorted({name for offer in offers for name in offer.features})
    for name in declared:
        if offers and name not in known:
            yield (
                f"[model] columns: no offer has a value for {name!r}{nearest(name, known)}; add the"
                " column to the offers, or features = { … } to an [[offer]]"
            )


def _unnamed(offers: Sequence[Offer], basket: Basket) -> Iterable[str]:
    """That no offer names a product."""
    known = sorted({name for offer in offers for name in offer.features})
    if offers and basket.offer_column not in known:
        yield (
            f"[basket] offer_column = {basket.offer_column!r}: no offer names a product there"
            f"{nearest(basket.offer_column, known)}; add the column to the offers, or features ="
            " { … } to an [[offer]]"
        )


def _unknown_channels(offers: Iterable[Offer], channels: Iterable[Channel]) -> Iterable[str]:
    known = [c.name for c in channels]
    for offer in offers:
        for channel in offer.channels or ():
            if channel not in known:
                yield (
                    f"offer {offer.name!r} names an unknown channel {channel!r}"
                    f"{nearest(channel, known)}"
                )
        if offer.channels == ():
            yield f"offer {offer.name!r} has no channel; name one, or leave channels out for all"


def _unknown_in_caps(
    campaign: Campaign, offers: Iterable[Offer], channels: Iterable[Channel]
) -> Iterable[str]:
    known = {"offer": [o.name for o in offers], "channel": [c.name for c in channels]}
    yield from _twice("group_cap", (cap.name for cap in campaign.group_cap))
    for cap in campaign.group_cap:
        for kind, named in (("offer", cap.offers), ("channel", cap.channels)):
            for name in named or ():
                if name not in known[kind]:
                    yield (
                        f"group_cap {cap.name!r} names an unknown {kind} {name!r}"
                        f"{nearest(name, known[kind])}"
                    )


def _unknown_in_scores(campaign: Campaign, offers: Iterable[Offer]) -> Iterable[str]:
    known = [o.name for o in offers]
    for score in campaign.score:
        for name in score.of:
            if name not in known:
                yield (
                    f"score {score.column!r} names an unknown offer {name!r}{nearest(name, known)}"
                )


def _unfit_in_triggers(
    campaign: Campaign, offers: Sequence[Offer], channels: Sequence[Channel]
) -> Iterable[str]:
    """Names that do not exist, and triggers of which no pair of offer and channel is in play."""
    yield from _twice("trigger", (trigger.name for trigger in campaign.trigger))
    known = {
        "offer": [o.name for o in offers],
        "outbound channel": [c.name for c in channels if c.kind == OUTBOUND],
    }
    for name in campaign.webhooks:
        if name not in known["outbound channel"]:
            yield (
                f"webhooks.{name} is of no outbound channel"
                f"{nearest(name, known['outbound channel'])}"
            )
    for trigger in campaign.trigger:
        where = f"trigger {trigger.name!r}"
        named = {"offer": trigger.offers, "outbound channel": trigger.channels}
        unknown = [
            f"{where} names an unknown {kind} {name!r}{nearest(name, known[kind])}"
            for kind, names in named.items()
            for name in names or ()
            if name not in known[kind]
        ]
        yield from unknown
        chosen = [o for o in offers if o.name in (trigger.offers or known["offer"])]
        among = set(trigger.channels or known["outbound channel"])
        if not unknown and not any(among & set(o.channels or among) for o in chosen):
            yield f"{where}: none of its offers goes out on one of its channels; name others"
