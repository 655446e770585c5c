"""The actions of a log: of one logged elsewhere its labels, of a wave those that it served."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from bandit.config.campaign import Campaign
from bandit.config.tables import Log
from bandit.core.actions import ActionSpace
from bandit.core.errors import ConfigError
from bandit.logs import labels
from bandit.record.waves import Wave
from bandit.sources import catalogue as offers_and_channels
from bandit.sources.database import Database
from bandit.workflows.judge.logged import Catalogue


def alone(named: Sequence[str], no_contact: str | None) -> tuple[Catalogue, dict[str, int]]:
    """The log's own values as actions, worth their reward and free of cost."""
    others = [label for label in named if label != no_contact]
    names = others if no_contact is None else [no_contact, *others]
    k, has_no_contact = len(names), no_contact is not None
    order = (*range(1, k), 0) if has_no_contact else tuple(range(k))
    actions = ActionSpace(names)
    catalogue = Catalogue(actions, np.ones(k), np.zeros(k), order, has_no_contact, np.zeros(k))
    return catalogue, {name: actions.index(name) for name in names}


def mapped(campaign: Campaign, log: Log, data: Database) -> tuple[Catalogue, dict[str, int]]:
    """The campaign's actions that the log knows; ConfigError for a label that is none."""
    catalogue = offers_and_channels.load_catalogue(campaign, data)
    offers = {o.name: o for o in catalogue.offers}
    channels = {c.name: c for c in catalogue.channels}
    known = offers_and_channels.actions(catalogue)
    meaning = labels.meant(log, labels.found(data, log), known.names[1:])
    actions = ActionSpace.of_pairs(name.split("/") for name in dict.fromkeys(meaning.values()))
    names = actions.names[1:]
    if any(isinstance(offers[o].value, str) for o, _ in actions.pairs):
        raise ConfigError(
            "an offer's value is an expression over the customers; to judge a [log], give it a"
            " number, or put the value into the log's reward"
        )
    costs = [offers[o].cost + channels[c].cost for o, c in actions.pairs]
    values = [float(offers[o].value) for o, _ in actions.pairs]
    rank = [
        (offers[o].priority, known.index(n)) for (o, _), n in zip(actions.pairs, names, strict=True)
    ]
    order = sorted(range(1, len(names) + 1), key=lambda a: rank[a - 1])
    numbers = {label: actions.index(full) for label, full in meaning.items()}
    if log.no_contact is not None:
        numbers[log.no_contact] = 0
    return (
        Catalogue(
            actions,
            np.array([campaign.reward.no_contact_value, *values]),
            np.array([0.0, *costs]),
            (*order, 0),
            True,
            np.zeros(len(names) + 1),
        ),
        numbers,
    )


class Served(NamedTuple):
    """An action as a wave had it; ``value`` is None where it hung on the customer."""

    name: str
    value: float | None
    cost: float
    priority: int


def served_by(wave: Wave) -> Iterator[Served]:
    """The actions of a wave that stood in its catalogue; none of format 1's."""
    about = wave.manifest
    offers = {o.name: o for o in about.offers or ()}
    channels = {c.name: c for c in about.channels or ()}
    for name, (o, c) in zip(wave.actions.names[1:], wave.actions.pairs, strict=True):
        if o in offers and c in channels:
            offer = offers[o]
            value = None if isinstance(offer.value, str) else float(offer.value)
            yield Served(name, value, offer.cost + channels[c].cost, offer.priority)
