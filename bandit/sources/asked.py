"""Which columns the configuration asks of a source, and as what."""

from __future__ import annotations

from collections.abc import Mapping

from bandit.config.campaign import Campaign
from bandit.config.identity import ROLE
from bandit.config.tables import Log
from bandit.config.variables import AS_THEY_ARE, EventSource, numbers_of
from bandit.sources import key_pin
from bandit.sources.cells import Use
from bandit.sources.typed import Asked

KINDS: Mapping[str, Use] = {
    "numeric": "number",
    "boolean": "truth",
    "categorical": "text",
    "date": "date",
    "vector": "vector",
}
"""Kinds of features, and how a cell of one is read."""


def asked_of(
    campaign: Campaign,
    role: str,
    columns: Mapping[str, str],
    mentioned: str,
    key_kind: str | None,
) -> Asked:
    """What is asked of the ``columns`` of a role.

    ``mentioned`` are rules and values, as text; ``key_kind`` is that of the customers' key, None
    where it is not known yet.
    """
    if role in {"offers", "channels"}:
        return Asked(labels=frozenset(columns))
    if role in {"consents", "history", "outcomes", ROLE}:
        return _of_side(campaign, role, key_kind)
    if role == "log" and campaign.log is not None:
        return _of_log(campaign.log, campaign)
    for source in campaign.source:
        if role == source.role:
            return _of_events(campaign, source, columns, key_kind)
    if role not in {"customers", "people"}:
        return Asked(labels=frozenset(columns))
    said = mentioned.lower()
    key = campaign.customers.key
    return Asked(
        uses=uses(campaign),
        free=frozenset(c for c in columns if c.lower() in said) | {key},
        labels=frozenset(one.column for one in campaign.households) - {key},
        key=(key, key_pin.pinned(campaign.folder)),
    )


def uses(campaign: Campaign) -> tuple[tuple[str, Use], ...]:
    """Columns of features and scores and their use, in the order of the configuration."""
    features = campaign.features
    found: list[tuple[str, Use]] = [
        (c, use) for kind, use in KINDS.items() for c in getattr(features, kind)
    ]
    for score in campaign.score:
        found.append((score.column, "number"))
        if score.known_at is not None:
            found.append((score.known_at, "date"))
    return tuple(dict.fromkeys(found))


def _of_side(campaign: Campaign, role: str, key_kind: str | None) -> Asked:
    """Tables about customers: text, with whose a row is, what it answers and when it was."""
    section = getattr(campaign, role)
    if section is None:
        return Asked()
    kept: list[tuple[str, Use]] = []
    if role == "consents":
        kept = [(section.granted, "truth")]
    elif role == "history":
        kept = [(section.contacted_at, "date")]
    elif role == ROLE:
        dates = dict.fromkeys((section.valid_from, section.known_at or section.valid_from))
        kept = [(column, "date") for column in dates]
    ours = role == ROLE or section.id is None
    return Asked(
        labels=frozenset(_named(section).values()),
        kept=tuple(kept),
        other=(section.customer, key_kind) if key_kind and ours else None,
    )


def _named(section: object) -> dict[str, str]:
    """The columns that a section names, by what they mean."""
    apart = {"source", "table", "query", "decimal", "date_format"}
    return {
        name: value
        for name, value in vars(section).items()
        if isinstance(value, str) and name not in apart
    }


def _of_events(
    campaign: Campaign, source: EventSource, columns: Mapping[str, str], key_kind: str | None
) -> Asked:
    """Events: dates and numbers as such, and what conditions and words name as rules see it."""
    variables = campaign.read_of(source)
    said = "\n".join(v.where.lower() for v in variables.values() if v.where is not None)
    whole = {v.column for v in variables.values() if v.function in AS_THEY_ARE}
    dates = dict.fromkeys((source.at, source.known_at or source.at))
    read: list[tuple[str, Use]] = [(column, "date") for column in dates]
    read += [(column, "number") for column in numbers_of(variables)]
    return Asked(
        uses=tuple(read),
        free=frozenset(c for c in columns if c in whole or c.lower() in said),
        labels=frozenset((source.customer, *(column for column, _ in read))),
        other=(source.customer, key_kind) if key_kind and source.id is None else None,
    )


def _of_log(log: Log, campaign: Campaign) -> Asked:
    """A log's own columns, and the features, which stand in it or among the customers."""
    labels = {log.action, log.cluster, log.customer, log.eligible} - {None}
    read: list[tuple[str | None, Use]] = [
        (log.reward, "number"),
        (log.propensity if isinstance(log.propensity, str) else None, "number"),
        (log.position, "number"),
        (log.time, "date"),
    ]
    own = tuple((column, use) for column, use in read if column is not None)
    return Asked(
        uses=tuple(dict.fromkeys((*own, *uses(campaign)))),
        labels=frozenset(c for c in labels if c is not None),
        key=(log.customer, key_pin.pinned(campaign.folder)) if log.customer else None,
    )
