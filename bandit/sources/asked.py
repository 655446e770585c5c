"""Which columns the configuration asks of a source, and as what."""

from __future__ import annotations

from collections.abc import Mapping

from bandit.config.campaign import Campaign, Log
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


def asked_of(campaign: Campaign, role: str, columns: Mapping[str, str], mentioned: str) -> Asked:
    """What is asked of the ``columns`` of a role; ``mentioned`` are rules and values, as text."""
    if role in {"offers", "channels"}:
        return Asked(labels=frozenset(columns))
    if role in {"consents", "history", "outcomes"}:
        return Asked(labels=frozenset(_named(getattr(campaign, role)).values()))
    if role not in {"customers", "people"}:
        return Asked(free=frozenset(columns))
    said = mentioned.lower()
    key = campaign.customers.key
    labels, free = _of_log(campaign.log) if campaign.log is not None else (frozenset(), set())
    named = {c for c in columns if c.lower() in said}
    return Asked(
        uses=uses(campaign),
        free=frozenset((named | free | {key}) - labels),
        labels=frozenset(labels),
        key=(key, key_pin.pinned(campaign.folder)),
    )


def uses(campaign: Campaign) -> tuple[tuple[str, Use], ...]:
    """Columns of the features and their use, in the order of the configuration."""
    features = campaign.features
    return tuple((c, use) for kind, use in KINDS.items() for c in getattr(features, kind))


def _named(section: object) -> dict[str, str]:
    """The columns that a section names, by what they mean."""
    apart = {"source", "table", "query", "decimal", "date_format"}
    return {
        name: value
        for name, value in vars(section).items()
        if isinstance(value, str) and name not in apart
    }


def _of_log(log: Log) -> tuple[frozenset[str], set[str]]:
    labels = {c for c in (log.action, log.cluster) if c is not None}
    others = {log.reward, log.customer, log.time, log.position, log.eligible}
    if isinstance(log.propensity, str):
        others.add(log.propensity)
    return frozenset(labels), {c for c in others if c is not None}
